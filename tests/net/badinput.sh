#!/bin/bash
# badinput.sh SHARDLOG [SILENT] -- malformed, torn, slow and silent clients over TCP, beside a good one;
# then a broker whose descriptors run out. SILENT: idle connections (default 1,000).
SHARDLOG=$1 silent=${2:-1000}
source "$(dirname "$0")/broker.sh"
bad=$(dirname "$0")/badinput.py

bytes_of() { # the sum of the sizes in the banner's line about memory: the memory plan
    sed -n 's/.*msg="memory: *\(.*\)".*/\1/p' "$place/log" | tail -n 1 | sed 's/ planned.*//; s/.*: //' | python3 -c '
import re, sys
units = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
print(sum(int(float(n) * units[u]) for n, u in re.findall(r"([0-9.]+) ([KMG]iB)", sys.stdin.read())))'
}

silent=$(connections_within "$silent" 212)
broker_start --memory-network 32MiB --frame-max 2MiB --connections-max $((silent + 200))
export SHARDLOG_AT=127.0.0.1:$port
"$SHARDLOG" topic create bad --partitions 2 >/dev/null
awk 'BEGIN { for (i = 0; i < 240000; i++) printf "%099d\n", i }' |
    "$SHARDLOG" produce bad --partition 0 >/dev/null
plan=$(bytes_of)
[[ $plan -gt 0 ]] || fail "no memory plan in the banner"
# Beside it: the program and its tables, and 4 KiB for each connection.
plan=$((plan + (48 << 20) + silent * 4096))
python3 "$bad" 127.0.0.1 "$port" "$pid" "$plan" "$silent" $((silent + 200)) || fail "see above"
! grep -q 'level=error' "$place/log" || fail "errors in the log"
broker_stop

# Fewer descriptors than connections.max wants: said at start, and what is too much is told so.
port=
ulimit -n 400
broker_start --connections-max 10000
grep -q 'level=warn.*connections.max is 200, not 10000' "$place/log" || fail "no warning about descriptors"
export SHARDLOG_AT=127.0.0.1:$port
python3 - "$port" <<'PYTHON'
import socket, struct, sys
socks = [socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20) for _ in range(300)]
told = closed = 0
for s in socks:  # a served one says no hello, and is told TIMEOUT after 10 s
    try:
        head = s.recv(50)
    except ConnectionResetError:
        head = b""
    closed += not head
    told += len(head) == 50 and head[5] == 0 and struct.unpack_from("<H", head, 48)[0] == 14
assert told > 0 and told + closed >= 95, (told, closed)
for s in socks:
    s.close()
print(f"300 connections where 200 may be: {told} told LIMIT, {closed} closed")
PYTHON
"$SHARDLOG" topic list >/dev/null || fail "no service after the connections have gone"
broker_stop
