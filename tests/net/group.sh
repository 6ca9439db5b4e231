#!/bin/bash
# group.sh SHARDLOG -- consumer groups from the shell, without any member: what is committed, how far
# behind, where to go on; /metrics tells the same. tests/kafka/lag.py has members.
SHARDLOG=$1
source "$(dirname "$0")/broker.sh"

# gives CODE WORDS...: the program answers with this exit code.
gives() {
    local want=$1 status=0
    shift
    "$SHARDLOG" "$@" >"$place/out" 2>"$place/err" || status=$?
    [[ $status -eq $want ]] || fail "$*: exit code $status, not $want: $(cat "$place/err")"
}
says() { grep -q -- "$1" "$place/out" || fail "no '$1' in: $(cat "$place/out")"; }
complains() { grep -q -- "$1" "$place/err" || fail "no '$1' in: $(cat "$place/err")"; }
# holds PYTHON: true of the JSON document t that was answered.
holds() {
    python3 -c 'import json,sys; t=json.load(open(sys.argv[1])); assert eval(sys.argv[2]), t' "$place/out" "$1" ||
        fail "not so: $1"
}
# column NAME: of the partitions that were answered, in their order.
column() {
    python3 -c 'import json,sys; print([p[sys.argv[2]] for p in json.load(open(sys.argv[1]))["partitions"]])' "$place/out" "$1"
}
expect() { [[ $1 == "$2" ]] || fail "$3: $1, not $2: $(cat "$place/out")"; }

broker_start
export SHARDLOG_AT=127.0.0.1:$port
gives 0 topic create events other --partitions 3
for p in 0 1; do
    seq 100 | "$SHARDLOG" produce events --partition $p --batch 10 >/dev/null
done
sleep 1.1
middle=$(($(date +%s%N) / 1000000))
sleep 0.1
seq 50 | "$SHARDLOG" produce events --partition 0 >/dev/null
seq 5 | "$SHARDLOG" produce other --partition 2 >/dev/null

gives 0 group list -o json
holds 't["groups"] == []'
gives 6 group describe readers
complains "no such group"
gives 6 group reset readers --to earliest
gives 6 group reset readers --to earliest --topic none
gives 6 group delete readers
gives 2 group reset readers
gives 2 group reset readers --to earliest --shift 1
gives 2 group reset readers --to noon
gives 2 group reset readers --shift far
gives 2 group reset readers --to 1 --partition 1
gives 2 group reset --to 1
gives 2 group describe
gives 2 group delete

# a plan changes nothing; --write makes the group
gives 0 group reset readers --topic events --to 40
says "nothing was written"
gives 6 group describe readers
gives 0 group reset readers --topic events --to 40 --write -o json
expect "$(column committed)" "[None, None, None]" committed
expect "$(column to)" "[40, 40, 0]" to
expect "$(column state)" "['ok', 'ok', 'at end']" state
holds 't["written"] == 3 and t["members"] == 0'
gives 0 group list -o json
holds 't["groups"] == [{"group": "readers", "state": "Empty", "type": ""}]'

# how far behind
gives 0 group describe readers -o json
expect "$(column committed)" "[40, 40, 0]" committed
expect "$(column end)" "[150, 100, 0]" end
expect "$(column lag_records)" "[110, 60, 0]" lag
holds 't["lag_records"] == 170 and t["unknown"] == 0 and t["members"] == []'
holds 't["lag_bytes"] == sum(p["lag_bytes"] for p in t["partitions"]) > 600'
holds 't["partitions"][2]["lag_seconds"] == 0 and 1 < t["lag_seconds"] < 100'
holds 't["lag_seconds"] == max(p["lag_seconds"] for p in t["partitions"])'
gives 0 group describe readers
says "readers"
says "events *0 *40 *0 *150 *110"

# by time, to an end, by shift; one partition, one topic, all
gives 0 group reset readers --to "@$middle" --write -o json
expect "$(column to)" "[100, 100, 0]" "by time"
gives 0 group reset readers --shift -30 -o json
expect "$(column to)" "[70, 70, 0]" "back"
expect "$(column state)" "['ok', 'ok', 'at start']" state
gives 0 group reset readers --shift -130 --partition 0 --topic events -o json
expect "$(column to)" "[0]" "back beyond the start"
expect "$(column state)" "['at start']" state
gives 0 group reset readers --to latest --topic events --partition 0 --write
gives 0 group reset readers --to earliest --topic other --partition 2 --write
gives 0 group describe readers -o json
expect "$(column committed)" "[150, 100, 0, 0]" "after four resets"
expect "$(column topic)" "['events', 'events', 'events', 'other']" topic
expect "$(column lag_records)" "[0, 0, 0, 5]" lag
gives 6 group reset readers --to 1 --topic events --partition 3
gives 7 group reset nobody --shift 1 --topic events
gives 0 group reset readers --shift 3 --topic other -o json
expect "$(column state)" "['nothing committed', 'nothing committed', 'ok']" "shift from nothing"
gives 8 group reset readers --shift 3 --topic other --write
gives 0 group describe readers -o json
expect "$(column committed)" "[150, 100, 0, 3]" shift
gives 0 group reset other --to earliest --topic other --write

gives 0 group reset readers --to earliest --topic events --write

# the same on /metrics
python3 - "$http_port" <<'PYTHON'
import sys, urllib.request
body = urllib.request.urlopen("http://127.0.0.1:%s/metrics" % sys.argv[1], timeout=20).read().decode()
figures = dict(line.rsplit(None, 1) for line in body.splitlines() if not line.startswith("#"))
def of(name, group, topic, partition):
    return float(figures['shardlog_group_%s{group="%s",topic="%s",partition="%d"}' % (name, group, topic, partition)])
assert of("committed_offset", "readers", "other", 2) == 3, body
assert of("lag_records", "readers", "events", 0) == 150 and of("lag_records", "readers", "events", 1) == 100
assert of("lag_records", "other", "other", 2) == 5 and of("lag_records", "readers", "other", 2) == 2
assert of("lag_bytes", "readers", "events", 0) > of("lag_bytes", "readers", "events", 1) > 500
assert 1 < of("lag_seconds", "readers", "events", 0) < 100 and of("lag_seconds", "readers", "events", 2) == 0
assert figures["shardlog_groups_left_out"] == "0", body
PYTHON

# all of it is there after a kill
broker_kill
broker_start
export SHARDLOG_AT=127.0.0.1:$port
gives 0 group describe readers -o json
expect "$(column committed)" "[0, 0, 0, 3]" "after a kill"
gives 8 group delete readers nobody
says readers
complains nobody
gives 0 group list -o json
holds '[g["group"] for g in t["groups"]] == ["other"]'
gives 0 topic delete other
for _ in $(seq 50); do # a group that has committed nothing any more, and has no members, is gone
    "$SHARDLOG" group describe other >/dev/null 2>&1 || break
    sleep 0.1
done
gives 6 group describe other
broker_stop
gives 4 group list

# a node without Kafka's listener keeps no groups
kafka_at=none broker_start
export SHARDLOG_AT=127.0.0.1:$port
gives 7 group list
complains "no consumer groups here"
broker_stop
