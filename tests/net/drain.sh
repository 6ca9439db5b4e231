#!/bin/bash
# drain.sh SHARDLOG -- SIGTERM in the middle of it: no more connections are accepted, what was
# acknowledged is kept, what waits is answered, a checkpoint is written, exit code 0.
SHARDLOG=$1
source "$(dirname "$0")/broker.sh"
client=$(cd "$(dirname "$0")/../client" && pwd)

broker_start
export SHARDLOG_AT=127.0.0.1:$port
"$SHARDLOG" topic create t >/dev/null
cat >"$place/load.py" <<'PYTHON'
# Appends, 16 on their way, until the broker ends the connection; another connection waits for what
# does not come. Says how many were acknowledged, and how the wait ended.
import struct, sys, time
sys.path.insert(0, sys.argv[1])
import client
port, name = int(sys.argv[2]), "t"
c, poll = client.Client("127.0.0.1", port), client.Client("127.0.0.1", port)
topic = c.ask(5, struct.pack("<II", 0, 1) + client.text(name))[:16]
fetch = struct.pack("<QIIII", 0, 1 << 30, 1 << 30, 300000, 0)
poll.send(client.FETCH, fetch, topic, 0)
acknowledged, waiting = 0, 0
print("loading", flush=True)
try:
    while True:
        while waiting < 16:
            batch = client.batch_of([b"record %d" % acknowledged], int(time.time() * 1000))
            c.send(client.APPEND, struct.pack("<B7x", 3) + batch, topic, 0)
            waiting += 1
        c.receive()
        waiting, acknowledged = waiting - 1, acknowledged + 1
except (AssertionError, RuntimeError, OSError):
    pass  # closed, or refused because it stops
try:
    poll.receive()
    print("answered", end=" ")
except RuntimeError as e:
    print("answered" if "error 15" in str(e) else e, end=" ")
except (AssertionError, OSError) as e:
    print("cut", e, end=" ")
print(acknowledged)
PYTHON
python3 "$place/load.py" "$client" "$port" >"$place/load" &
loader=$!
for _ in $(seq 100); do
    [[ ! -s $place/load ]] || break
    sleep 0.1
done
sleep 1
broker_stop # fails unless the exit code is 0
wait "$loader" || fail "the client failed: $(cat "$place/load")"
read -r how acknowledged < <(tail -n 1 "$place/load")
[[ $how == answered ]] || fail "the long poll was not answered: $(cat "$place/load")"
[[ $acknowledged -gt 100 ]] || fail "only $acknowledged appends before the stop"
grep -q 'SIGTERM: stopping' "$place/log" && grep -q 'stopped in .*all is on disk' "$place/log" || fail "no last words"
"$SHARDLOG" topic list >/dev/null 2>&1 && fail "it still answers"
"$SHARDLOG" check "$place/data" >"$place/check" 2>&1 || fail "check: $(cat "$place/check")"

broker_start
held=$("$SHARDLOG" topic describe t -o json |
    python3 -c 'import json,sys; print(json.load(sys.stdin)["partitions"][0]["end"])')
[[ $held -ge $acknowledged ]] || fail "$acknowledged were acknowledged, $held are held"
echo "$acknowledged acknowledged, $held held"
broker_stop
