#!/bin/bash
# shippers.sh -- rsyslog (omkafka) and syslog-ng of Debian deliver a log through an outage of the
# broker: shippers.sh PROGRAM DIRECTORY SECONDS [restart]
#
# The system's own package log, each line numbered, is written into a file that both follow, while the
# broker is killed and comes back after SECONDS. With `restart` both shippers are stopped and started
# again meanwhile. Every line must have arrived, whole; how often one came twice is printed. The only
# exception is what a shipper itself cannot keep, see librdkafka_keeps.
#
# The two packages conflict, so neither is installed: their files are unpacked into DIRECTORY.
set -euo pipefail
export SHARDLOG=$1
packages=$2 outage=$3 restart=${4:-}

names=(rsyslog rsyslog-kafka syslog-ng-core syslog-ng-mod-rdkafka librdkafka1 libestr0 libfastjson4
    liblognorm5 libivykis0 libnet1 libwrap0 libjson-c5 libpcre3 libglib2.0-0)
packages_ready() {
    exec 9>"$packages.lock"
    flock 9
    [[ ! -e $packages/ready ]] || return 0
    rm -rf "$packages" && mkdir -p "$packages/debs" && cd "$packages/debs" || return 1
    apt-get -q download "${names[@]}" || return 1
    for deb in *.deb; do
        dpkg -x "$deb" .. || return 1
    done
    touch ../ready
    exec 9>&-
}
if ! (packages_ready) >"$packages.log" 2>&1; then
    echo "SKIPPED: rsyslog and syslog-ng cannot be had from Debian (see $packages.log)"
    exit 77
fi
if [[ ! -s /var/log/dpkg.log ]]; then
    echo "SKIPPED: /var/log/dpkg.log is not there: no real log to ship"
    exit 77
fi
source "$(dirname "$0")/../net/broker.sh"

lib=$packages/usr/lib/x86_64-linux-gnu
[[ -d $lib ]] || lib=$(dirname "$(find "$packages/usr/lib" -name 'librdkafka.so.1')")
export LD_LIBRARY_PATH=$lib:$packages/lib/${lib##*/}:$packages/usr/lib/syslog-ng

# ---- the shippers ----

rsyslog_pid= syslogng_pid=

# So many lines are librdkafka's, in each of them. Those are lost if the shipper is stopped while there
# is no broker: syslog-ng does not take them back (what it calls sync-send would, and needs
# transactions), omkafka not all of them, whatever keepFailedMessages says. syslog-ng looks for room in it
# once a second, so it is also how many lines a second it ships.
librdkafka_keeps=1000

# Lines are kept in a queue on disk, also over a restart; what librdkafka gives up is put back.
rsyslog_configure() {
    mkdir "$place/rsyslog"
    cat >"$place/rsyslog.conf" <<END
global(workDirectory="$place/rsyslog" maxMessageSize="64k")
module(load="imfile" mode="polling" pollingInterval="1")
module(load="omkafka")
template(name="line" type="string" string="%msg%")
ruleset(name="ship" queue.type="LinkedList" queue.filename="ship" queue.saveOnShutdown="on"
    queue.size="2000000" queue.timeoutshutdown="10000") {
    action(type="omkafka" broker=["127.0.0.1:$kafka_port"] topic="rsyslog" template="line"
        partitions.auto="on" resubmitOnFailure="on" keepFailedMessages="on"
        failedMsgFile="$place/rsyslog/failed" action.resumeRetryCount="-1"
        action.resumeInterval="1" closeTimeout="5000"
        confParam=["acks=all", "reconnect.backoff.max.ms=1000", "topic.metadata.refresh.interval.ms=5000",
            "queue.buffering.max.messages=$librdkafka_keeps"])
}
input(type="imfile" File="$place/lines" Tag="line" ruleset="ship" addMetadata="off"
    reopenOnTruncate="off" persistStateInterval="100")
END
}

rsyslog_start() {
    "$packages/usr/sbin/rsyslogd" -n -C -f "$place/rsyslog.conf" -i "$place/rsyslog.pid" \
        -M "$lib/rsyslog" >>"$place/rsyslog.log" 2>&1 &
    rsyslog_pid=$!
}

# It reads on when librdkafka takes what it read (flow control): the file is its queue.
syslogng_configure() {
    mkdir "$place/syslog-ng"
    cat >"$place/syslog-ng.conf" <<END
@version: 3.38
@module affile
@module kafka
options { stats-freq(0); };
source lines { file("$place/lines" follow-freq(1) flags(no-parse) log-iw-size(1000)); };
destination broker {
    kafka-c(bootstrap-servers("127.0.0.1:$kafka_port") topic("syslog-ng") message("\$MSG")
        workers(1) log-fifo-size(10000) flush-timeout-on-shutdown(3000)
        config(acks("all") reconnect.backoff.max.ms("1000") message.timeout.ms("3600000")
            queue.buffering.max.messages("$librdkafka_keeps")));
};
log { source(lines); destination(broker); flags(flow-control); };
END
}

syslogng_start() {
    "$packages/usr/sbin/syslog-ng" -F --no-caps -f "$place/syslog-ng.conf" \
        -R "$place/syslog-ng/persist" -p "$place/syslog-ng/pid" -c "$place/syslog-ng/ctl" \
        --module-path "$(dirname "$(find "$packages/usr/lib/syslog-ng" -name 'libkafka.so')")" \
        >>"$place/syslog-ng.log" 2>&1 &
    syslogng_pid=$!
}

shippers_stop() {
    kill -TERM "$rsyslog_pid" "$syslogng_pid" 2>/dev/null || true
    wait "$rsyslog_pid" "$syslogng_pid" || true
}

writer_pid=
all_end() {
    kill -9 $writer_pid $rsyslog_pid $syslogng_pid 2>/dev/null || true
    broker_end
}
trap all_end EXIT

# ---- the log ----

# Some 200 numbered lines a second, for as long as the file `stop` is not there.
write_lines() {
    local number=0
    while [[ ! -e $place/stop ]]; do
        while IFS= read -r line; do
            number=$((number + 1))
            echo "$number $line"
            [[ $((number % 20)) -ne 0 ]] || sleep 0.1
            [[ ! -e $place/stop ]] || return 0
        done </var/log/dpkg.log
    done >>"$place/lines"
}

arrived() { # topic -> the lines in order of their numbers
    "$SHARDLOG" consume "$1" --at "127.0.0.1:$port" 2>/dev/null | sed 's/^ *//' | sort -n
}

# The lines of the file are there, but for as many as the shipper may have lost; waits for those under
# way, as long as more arrive in 20 s.
all_arrived() { # topic may_lose
    local got=0 last=-1 sent lost
    sort -n "$place/lines" >"$place/sent"
    sent=$(wc -l <"$place/sent")
    while [[ $got -gt $last && $got -lt $sent ]]; do
        [[ $last -lt 0 ]] || sleep 20
        last=$got
        arrived "$1" >"$place/got"
        got=$(wc -l <"$place/got")
    done
    uniq "$place/got" | sort >"$place/once"
    sort "$place/sent" >"$place/sorted"
    [[ -z $(comm -23 "$place/once" "$place/sorted" | head -n 1) ]] ||
        fail "$1: lines came that were not sent: $(comm -23 "$place/once" "$place/sorted" | head -n 3)"
    lost=$(comm -13 "$place/once" "$place/sorted" | wc -l)
    [[ $lost -le $2 ]] || fail "$1: $lost of $sent lines did not arrive: $(tail -n 3 "$place/$1.log")"
    echo "$1: $((sent - lost)) of $sent lines arrived through an outage of $outage s${restart:+ and a restart}; $((got - sent + lost)) came twice, at most $2 may be lost by the shipper"
}

broker_start
for topic in rsyslog syslog-ng; do
    "$SHARDLOG" topic create "$topic" --at "127.0.0.1:$port" >/dev/null
done
touch "$place/lines"
rsyslog_configure
syslogng_configure
write_lines &
writer_pid=$!
rsyslog_start
syslogng_start
for topic in rsyslog syslog-ng; do
    for _ in $(seq 60); do
        arrived "$topic" >"$place/got"
        [[ ! -s $place/got ]] || break
        sleep 0.5
    done
    [[ -s $place/got ]] || fail "$topic: nothing arrived: $(tail -n 5 "$place/$topic.log")"
done
sleep 3
broker_kill
if [[ -n $restart ]]; then
    sleep $((outage / 2))
    shippers_stop
    sleep 2
    rsyslog_start
    syslogng_start
    sleep $((outage - outage / 2 - 2))
else
    sleep "$outage"
fi
broker_start
sleep 5
touch "$place/stop"
wait "$writer_pid" || true
may_lose=0
[[ -z $restart ]] || may_lose=$librdkafka_keeps
all_arrived rsyslog "$may_lose"
all_arrived syslog-ng "$may_lose"
shippers_stop
broker_stop
