#!/bin/bash
# group_kill.sh -- group_kill.py, and its broker killed KILLS times: PROGRAM VENV KILLS
set -euo pipefail
export SHARDLOG=$1
venv=$2 kills=$3
if ! "$venv/bin/python" -c 'import confluent_kafka' 2>/dev/null; then
    echo "SKIPPED: $venv has no confluent-kafka (the test kafka_confluent makes it)"
    exit 77
fi
source "$(dirname "$0")/../net/broker.sh"
broker_start
timeout 240 "$venv/bin/python" "$(dirname "$0")/group_kill.py" "127.0.0.1:$kafka_port" "$place/stop" &
client=$!
for _ in $(seq "$kills"); do
    sleep 3
    kill -0 "$client" 2>/dev/null || break
    broker_kill
    broker_start
done
sleep 3
touch "$place/stop"
status=0
wait "$client" || status=$?
[[ $status -eq 0 ]] || fail "group_kill.py: exit code $status"
broker_stop
