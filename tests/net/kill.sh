#!/bin/bash
# kill.sh SHARDLOG -- a file goes in line by line while the broker is killed twice; each time it goes
# on from what the log holds. What comes out is the same file: nothing lost, doubled or moved.
SHARDLOG=$1
source "$(dirname "$0")/broker.sh"

lines=200000
awk -v n=$lines 'BEGIN { for (i = 0; i < n; i++) printf "line %d of %d: %x\n", i, n, i * 2654435761 }' >"$place/in"

held() { # offsets in the log
    "$SHARDLOG" topic describe file -o json |
        python3 -c 'import json,sys; print(json.load(sys.stdin)["partitions"][0]["end"])'
}

broker_start
export SHARDLOG_AT=127.0.0.1:$port
"$SHARDLOG" topic create file --partitions 1 >/dev/null
from=0
for round in 1 2; do
    tail -n "+$((from + 1))" "$place/in" |
        "$SHARDLOG" produce file --batch 1 --timeout 20 -o json >"$place/sent" 2>"$place/err" &
    producer=$!
    for _ in $(seq 200); do # however slow this machine is: in the middle
        sleep 0.05
        [[ $(held) -lt $((from + 1000)) ]] || break
    done
    broker_kill
    wait "$producer" && fail "round $round: the producer did not notice"
    acked=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["acknowledged"])' "$place/sent")
    broker_start
    had=$from
    from=$(held)
    [[ $from -ge $((had + acked)) ]] || fail "round $round: $had + $acked acknowledged, $from held"
    echo "round $round: $acked acknowledged, $((from - had)) held"
done
[[ $from -gt 0 && $from -lt $lines ]] || fail "the kills did not come in the middle: $from"
tail -n "+$((from + 1))" "$place/in" | "$SHARDLOG" produce file >/dev/null
"$SHARDLOG" consume file >"$place/out"
[[ $(sha256sum <"$place/in") == $(sha256sum <"$place/out") ]] || fail "what came out is not what went in"
echo "$(wc -l <"$place/out") lines out, the same SHA-256"
broker_stop
