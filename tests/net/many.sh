#!/bin/bash
# many.sh SHARDLOG [COUNT [SLACK]] -- COUNT partitions of one topic and COUNT topics from a file (1,000
# each): how long they take, what each keeps in memory, how long a start takes with them, what a broker
# costs that has them and 1,000 idle connections. Limits of time are SLACK times as long (1).
# Prints "result|what|required|measured|pass or FAIL"; exit code 1 if one of them failed. With SANITIZED
# set, memory is told and not judged: a sanitizer's own is most of it.
SHARDLOG=$1 count=${2:-1000} slack=${3:-1}
source "$(dirname "$0")/broker.sh"
client=$(cd "$(dirname "$0")/../client" && pwd)
failed=0

result() { # WHAT REQUIRED MEASURED CONDITION, an expression of python
    local verdict=pass
    python3 -c "import sys; sys.exit(not ($4))" || verdict=FAIL failed=1
    echo "result|$1|$2|$3|$verdict"
}
memory() { # WHAT BYTES
    if [[ ${SANITIZED:-} ]]; then
        echo "skipped: $1 is not judged under $SANITIZED ($2 B)"
    else
        result "$1" "at most 4 KiB" "$2 B" "$2 <= 4096"
    fi
}
now() { date +%s.%N; }
since() { python3 -c "print('%.2f' % ($(now) - $1))"; }
resident() { awk '/^VmRSS/ { print $2 }' "/proc/$pid/status"; }
ticks() { awk '{ print $14 + $15 }' "/proc/$pid/stat"; }
ready_ms() { sed -n 's/.*msg="ready in \([0-9]*\) ms.*/\1/p' "$place/log" | tail -n 1; }

broker_start
export SHARDLOG_AT=127.0.0.1:$port
"$SHARDLOG" topic create first >/dev/null # what the first one takes is not each one's
base=$(resident)

began=$(now)
"$SHARDLOG" topic create parts --partitions "$count" >/dev/null
took=$(since "$began")
result "a topic with $count partitions is made" "in at most $((10 * slack)) s" "$took s" "$took <= 10 * $slack"
sleep 1
after=$(resident)
each=$(((after - base) * 1024 / count))
memory "memory of an idle partition" "$each"

seq -f 'topic-%g' "$count" >"$place/list"
began=$(now)
"$SHARDLOG" topic create --file "$place/list" >/dev/null
took=$(since "$began")
result "$count topics are made from a file" "in at most $((10 * slack)) s" "$took s" "$took <= 10 * $slack"
sleep 1
each=$((($(resident) - after) * 1024 / count))
memory "memory of an idle topic" "$each"
[[ $("$SHARDLOG" topic list -o json | grep -o '"topic":' | wc -l) -eq $((count + 2)) ]] || fail "not all are listed"

idle=$(connections_within 1000 12)
python3 - "$client" "$port" "$idle" <<'PYTHON' &
import resource, signal, sys
sys.path.insert(0, sys.argv[1])
import client
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
idle = [client.Client("127.0.0.1", int(sys.argv[2])) for _ in range(int(sys.argv[3]))]
signal.sigwait([signal.SIGTERM])
PYTHON
holder=$!
for _ in $(seq 600); do
    open=$("$SHARDLOG" stats -o json | python3 -c 'import json,sys; print(json.load(sys.stdin)["shardlog_connections"])')
    [[ $open -le $idle ]] || break
    sleep 0.1
done
[[ $open -eq $((idle + 1)) ]] || fail "$open connections are open, not $((idle + 1))"
sleep 2
before=$(ticks)
sleep 20
used=$(($(ticks) - before))
percent=$(python3 -c "import os; print('%.2f' % ($used * 100 / os.sysconf('SC_CLK_TCK') / 20))")
result "idle, with $idle connections" "at most 1 % of a core" "$percent %" "$percent <= 1"
kill "$holder" && wait "$holder" || true

broker_stop
broker_start
took=$(ready_ms)
result "ready after a stop" "in at most $((1000 * slack)) ms" "$took ms" "$took <= 1000 * $slack"
broker_kill
broker_start
took=$(ready_ms)
result "ready after a kill" "in at most $((1000 * slack)) ms" "$took ms" "$took <= 1000 * $slack"
"$SHARDLOG" topic describe "topic-$count" >/dev/null || fail "the last topic is not there"
echo x | "$SHARDLOG" produce parts --partition $((count - 1)) >/dev/null || fail "the last partition takes nothing"
broker_stop
exit $failed
