#!/bin/bash
# cli.sh SHARDLOG -- the commands that ask a node: topics, lines in, records out, figures, and their
# exit codes.
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

broker_start
export SHARDLOG_AT=127.0.0.1:$port

gives 0 topic list
gives 0 topic create one --partitions 3 --set retention.ms=1000000
gives 7 topic create one
complains EXISTS
gives 0 topic create one --if-missing
gives 8 topic create one two
gives 7 topic create "bad name"
printf 'three 2\n# a comment\nfour 1 shardlog.durability=written,max.message.bytes=5000\n' >"$place/list"
gives 0 topic create --file "$place/list" -o json
python3 -c 'import json,sys; t=json.load(open(sys.argv[1]))["topics"]; assert [(x["topic"],x["partitions"]) for x in t]==[("three",2),("four",1)], t' "$place/out"
gives 0 topic list
says three
gives 0 topic describe four
says "written"
gives 0 topic describe one -o json
python3 -c 'import json,sys; t=json.load(open(sys.argv[1])); assert len(t["partitions"])==3 and t["partitions"][2]["end"]==0, t' "$place/out"

# settings of a topic, with their source; all of a change, or nothing
settings() { # TOPIC KEY: value and source
    "$SHARDLOG" topic config "$1" -o json |
        python3 -c 'import json,sys; s={x["key"]: x for x in json.load(sys.stdin)["settings"]}[sys.argv[1]]; print(s["value"], s["source"])' "$2"
}
[[ $(settings one retention.ms) == "1000000 topic" ]] || fail "retention.ms: $(settings one retention.ms)"
[[ $(settings one segment.ms) == "604800000 default" ]] || fail "segment.ms: $(settings one segment.ms)"
gives 0 topic config one --set segment.ms=5000,max.message.bytes=7000 --unset retention.ms
says "5000  *topic"
[[ $(settings one retention.ms) == "604800000 default" ]] || fail "back to its default"
[[ $(settings one max.message.bytes) == "7000 topic" ]] || fail "max.message.bytes"
gives 7 topic config one --set segment.ms=6000,retention.msec=1
complains "retention.ms"
gives 7 topic config one --set segment.ms=6000,max.message.bytes=-3
[[ $(settings one segment.ms) == "5000 topic" ]] || fail "half of a change was made"
gives 0 topic config one --unset segment.ms,max.message.bytes
gives 6 topic config none
gives 2 topic config one --set segment.ms
gives 2 topic config one --unset segment.ms=1
gives 2 topic config

# more partitions
gives 0 topic grow four --partitions 3 -o json
python3 -c 'import json,sys; t=json.load(open(sys.argv[1]))["topics"]; assert [(x["topic"],x["partitions"]) for x in t]==[("four",3)], t' "$place/out"
printf 'x\n' | "$SHARDLOG" produce four --partition 2 >/dev/null || fail "a new partition"
gives 7 topic grow four --partitions 3
complains "four' has 3 partitions already"
gives 7 topic grow four --partitions 2
gives 8 topic grow four none --partitions 4
gives 2 topic grow four

# many: answers in the order of the file, failures in between are told, more than are under way at once
seq -f 'many-%g 1' 450 | sed '200s/.*/bad,name 1/' >"$place/list"
gives 8 topic create --file "$place/list" -o json
complains 'bad,name'
python3 -c 'import json,sys; t=[x["topic"] for x in json.load(open(sys.argv[1]))["topics"]]; assert t==["many-%d"%i for i in range(1,451) if i!=200], t' "$place/out"
seq -f 'many-%g' 450 | sed '200d' >"$place/list"
gives 0 topic delete --file "$place/list"
gives 6 topic describe none
gives 6 produce none
gives 6 consume none

# keys, partitions, formats
printf 'a=1\nb=2\na=3\n\nno key\n' | "$SHARDLOG" produce one --key-separator = --partition 1 -o json >"$place/out"
python3 -c 'import json,sys; t=json.load(open(sys.argv[1])); assert (t["acknowledged"],t["durability"])==(5,"synced"), t' "$place/out"
gives 0 consume one --format key-value
printf 'a\t1\nb\t2\na\t3\n\t\n\tno key\n' | cmp - "$place/out" || fail "key-value"
gives 0 consume one --partition 1 --from 2 --max 1 -o json
python3 -c 'import json,sys; t=json.load(open(sys.argv[1])); assert (t["offset"],t["key"],t["value"],t["partition"])==(2,"a","3",1), t' "$place/out"
gives 0 consume one --from latest
[[ ! -s $place/out ]] || fail "latest gives something"
gives 0 consume one --from @0 --max 2
gives 0 consume one --from @2099-01-01T00:00:00Z
gives 6 consume one --partition 9
gives 6 consume one --partition 1 --from 99
printf '\377\376\n' | "$SHARDLOG" produce two >/dev/null || fail "bytes"
gives 0 consume two -o json
says '"value_base64":"//4="'

# limits are named
head -c 6000 /dev/zero | tr '\0' x | "$SHARDLOG" produce four >/dev/null 2>"$place/err" && fail "6000 bytes"
complains "max.message.bytes of four is 5000"

# --follow sees what comes later
timeout 60 "$SHARDLOG" consume three --follow --max 2 >"$place/followed" &
follower=$!
sleep 0.3
printf 'x\ny\n' | "$SHARDLOG" produce three --partition 1 >/dev/null
wait "$follower" || fail "follow"
printf 'x\ny\n' | cmp - "$place/followed" || fail "followed"

gives 0 stats -o json
python3 -c 'import json,sys; t=json.load(open(sys.argv[1])); assert t["shardlog_appends_total"]>=4 and t["shardlog_connections"]==1 and t["node"]==1 and len(t["cluster"])==32 and t["cluster"]!="0"*32 and t["shardlog_append_nanoseconds_count"]>=3, t' "$place/out"
gives 0 stats --shard 1
gives 7 stats --shard 7
# a short benchmark: in one topic, and back out of it
gives 0 topic create speed --partitions 2
gives 6 bench fetch speed
complains "bench append speed"
gives 0 bench append speed --seconds 1 --in-flight 8 --records 10 --bytes 100 -o json
python3 -c 'import json,sys; t=json.load(open(sys.argv[1])); assert t["records"]==10*t["requests"]>0 and t["bytes"]==100*t["records"] and t["durability"]=="synced" and t["p50_us"]<=t["p99_us"]<=t["max_us"], t' "$place/out"
gives 0 bench append speed --seconds 1 --durability memory --partition 1
says memory
gives 0 bench fetch speed --seconds 1 --in-flight 3 -o json
python3 -c 'import json,sys; t=json.load(open(sys.argv[1])); assert t["records"]>0 and t["bytes_per_second"]>0, t' "$place/out"
gives 6 bench append none
gives 6 bench append speed --partition 2
gives 2 bench append speed --seconds 0
gives 2 bench fetch speed --records 3
gives 2 bench append speed --durability often
gives 0 topic delete three four speed
gives 8 topic delete two none
gives 2 topic create
gives 2 consume one --from noon
gives 4 topic list --at 127.0.0.1:1
broker_stop
gives 4 topic list
