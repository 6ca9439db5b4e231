#!/bin/bash
# reload.sh SHARDLOG -- SIGHUP: live settings change while the broker runs, the others wait, and a
# file with a fault changes nothing.
SHARDLOG=$1
source "$(dirname "$0")/broker.sh"

says() { # TEXT: in the log within 10 s
    for _ in $(seq 100); do
        grep -q -- "$1" "$place/log" && return
        sleep 0.1
    done
    fail "the log does not say: $1"
}

partitions_of() {
    "$SHARDLOG" topic describe "$1" -o json |
        python3 -c 'import json,sys; print(len(json.load(sys.stdin)["partitions"]))'
}

echo "topic.partitions = 2" >"$place/conf"
broker_start --config "$place/conf"
export SHARDLOG_AT=127.0.0.1:$port
"$SHARDLOG" topic create before >/dev/null
[[ $(partitions_of before) -eq 2 ]] || fail "what the file said at first"

printf 'topic.partitions = 5\nlog.level = debug\nnode.id = 9\nshards = 7\n' >"$place/conf"
kill -HUP "$pid"
says "topic.partitions is 5 now, it was 2"
says "log.level is debug now, it was info"
says "node.id stays 1: 9 is for the next start"
grep -q "shards stays" "$place/log" && fail "a flag is stronger than the file"
"$SHARDLOG" topic create after >/dev/null
[[ $(partitions_of after) -eq 5 ]] || fail "the new value is not used"
"$SHARDLOG" topic create after >/dev/null 2>&1 && fail "created twice"
says "level=debug .*client=127.0.0.1.*error=EXISTS"

printf 'topic.partitions = none of them\n' >"$place/conf"
kill -HUP "$pid"
says "nothing is changed, because of the faults above"
says "level=warn .*topic.partitions"
"$SHARDLOG" topic create still >/dev/null
[[ $(partitions_of still) -eq 5 ]] || fail "a fault changed something"

rm "$place/conf"
kill -HUP "$pid"
says "conf: No such file"
broker_stop
