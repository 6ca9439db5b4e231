#!/bin/bash
# refused.sh SHARDLOG WITHOUT_URING -- the kernel refuses io_uring: the broker works all the same, on
# worker threads, and says so; who insists on io_uring is told why there is none.
program=$1 without=$2
source "$(dirname "$0")/broker.sh"

# broker_start() starts one program: this one hides io_uring from the real one.
SHARDLOG=$place/shardlog
for error in EPERM ENOSYS; do
    printf '#!/bin/bash\nexec "%s" %s "%s" "$@"\n' "$without" $error "$program" >"$SHARDLOG"
    chmod +x "$SHARDLOG"
    rm -rf "$place/data" "$place/log"
    port=
    broker_start
    grep -q 'level=warn.*io_uring (' "$place/log" || fail "$error: not a word about io_uring"
    grep 'io_uring (' "$place/log"
    "$program" topic create t --at "127.0.0.1:$port" >/dev/null
    seq 1000 | "$program" produce t --at "127.0.0.1:$port" >/dev/null
    broker_kill
    broker_start
    seq 1000 | cmp - <("$program" consume t --at "127.0.0.1:$port") || fail "$error: other lines"
    broker_stop
    status=0
    "$SHARDLOG" serve --data-dirs "$place/data" --io uring 2>"$place/err" || status=$?
    [[ $status -eq 2 ]] || fail "$error, --io uring: exit code $status"
    grep -q io_uring "$place/err" || fail "$error, --io uring: $(cat "$place/err")"
done
