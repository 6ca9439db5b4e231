#!/bin/bash
# clients.sh SHARDLOG EXAMPLE PYTHON_CLIENT -- the broker serves both clients, stops in order, and
# has everything when it starts again.
SHARDLOG=$1 example=$2 client=$3
source "$(dirname "$0")/broker.sh"

broker_start
"$example" 127.0.0.1 "$port" | grep -q "1000 lines read back" || fail "the example"
python3 "$client" 127.0.0.1 "$port" 500
broker_stop
grep -q 'stopped in .*all is on disk' "$place/log" || fail "no last line"

broker_start # the topic of the example is there, with its lines
"$example" 127.0.0.1 "$port" | grep -q "2000 lines read back" || fail "the example, again"
broker_kill

broker_start # and after a kill: what was acknowledged is there
"$example" 127.0.0.1 "$port" | grep -q "3000 lines read back" || fail "the example, after a kill"
broker_stop
! grep -q 'level=error' "$place/log" || fail "errors in the log"
