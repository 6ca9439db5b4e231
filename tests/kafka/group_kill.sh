#!/bin/bash
# group_kill.sh -- idempotent producers and groups of librdkafka and of Java while their broker is killed
# KILLS times: PROGRAM VENV KILLS [JARS]. Without JARS only librdkafka.
set -euo pipefail
export SHARDLOG=$1
here=$(cd "$(dirname "$0")" && pwd)
venv=$2 kills=$3 jars=${4:-}
if ! "$venv/bin/python" -c 'import confluent_kafka' 2>/dev/null; then
    echo "SKIPPED: $venv has no confluent-kafka (the test kafka_confluent makes it)"
    exit 77
fi
if [[ -n $jars ]]; then
    status=0
    "$here/jars/jars.sh" "$jars" || status=$?
    [[ $status -eq 0 ]] || exit $status
fi
source "$here/../net/broker.sh"
broker_start
clients=()
timeout $((120 + 10 * kills)) "$venv/bin/python" "$here/group_kill.py" "127.0.0.1:$kafka_port" "$place/stop" &
clients+=($!)
if [[ -n $jars ]]; then
    timeout $((120 + 10 * kills)) java -Xmx512m -Dlog4j2.level=OFF -cp "$jars/*" "$here/java/Kills.java" \
        "127.0.0.1:$kafka_port" "$place/stop" &
    clients+=($!)
    sleep 5 # a virtual machine starts
fi
for _ in $(seq "$kills"); do
    sleep 3
    for client in "${clients[@]}"; do
        kill -0 "$client" 2>/dev/null || touch "$place/stop"
    done
    [[ ! -e $place/stop ]] || break
    broker_kill
    broker_start
done
sleep 3
touch "$place/stop"
for client in "${clients[@]}"; do
    status=0
    wait "$client" || status=$?
    [[ $status -eq 0 ]] || fail "a client: exit code $status"
done
broker_stop
