#!/bin/bash
# grow.sh SHARDLOG -- a topic gets more partitions: over a kill, a stop, and a start with the metadata
# of before. Then its new partitions are orphans: kept, reported, listed by check, and there again with
# the metadata of today.
SHARDLOG=$1
source "$(dirname "$0")/broker.sh"

values() { # PARTITION: its values, a line
    "$SHARDLOG" consume events --partition "$1" --format value | paste -sd,
}

broker_start
export SHARDLOG_AT=127.0.0.1:$port
"$SHARDLOG" topic create events --partitions 1 >/dev/null
echo old | "$SHARDLOG" produce events --partition 0 >/dev/null
broker_stop
cp -a "$place/data/store-00" "$place/before"

broker_start
export SHARDLOG_AT=127.0.0.1:$port
"$SHARDLOG" topic grow events --partitions 3 >/dev/null
"$SHARDLOG" topic grow events --partitions 6 >/dev/null
for i in 0 1 2 3 4 5; do
    echo "new $i" | "$SHARDLOG" produce events --partition "$i" >/dev/null || fail "produce to $i"
done
broker_kill
broker_start
export SHARDLOG_AT=127.0.0.1:$port
[[ $(values 0) == "old,new 0" && $(values 5) == "new 5" ]] || fail "after a kill"
"$SHARDLOG" topic grow events --partitions 6 >/dev/null 2>"$place/err" && fail "it has 6 already"
grep -q "has 6 partitions already" "$place/err" || fail "$(cat "$place/err")"
broker_stop
"$SHARDLOG" check "$place/data" >"$place/out" || fail "check: $(cat "$place/out")"

# the metadata of before the growth
mv "$place/data/store-00" "$place/today"
cp -a "$place/before" "$place/data/store-00"
broker_start
export SHARDLOG_AT=127.0.0.1:$port
grep -q "the metadata does not know them; they are kept" "$place/log" || fail "orphans are not told"
[[ $(values 0) == old ]] || fail "with the old metadata"
broker_stop
status=0
"$SHARDLOG" check "$place/data" >"$place/out" 2>&1 || status=$?
[[ $status -eq 3 ]] || fail "check of orphans: exit code $status: $(cat "$place/out")"
rm -r "$place/data/store-00"
mv "$place/today" "$place/data/store-00"
broker_start
export SHARDLOG_AT=127.0.0.1:$port
for i in 1 2 3 4 5; do
    [[ $(values "$i") == "new $i" ]] || fail "partition $i: $(values "$i")"
done
broker_stop
