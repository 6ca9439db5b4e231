#!/bin/bash
# refusals.sh SHARDLOG -- what `shardlog serve` does not start with, and what it says.
SHARDLOG=$1
source "$(dirname "$0")/broker.sh"

# refused TEXT WORDS...: exit code 2, and a line with TEXT.
refused() {
    local text=$1 status=0
    shift
    timeout 60 "$SHARDLOG" serve "$@" 2>"$place/refused" || status=$?
    [[ $status -eq 2 ]] || fail "$*: exit code $status"
    grep -q -- "$text" "$place/refused" || fail "$*: $(cat "$place/refused")"
}

small=(--listen-kafka none --listen-http none --memory-tail 128MiB --journal-bytes 64MiB)
refused "insecure" --data-dirs "$place/x" --listen-native 0.0.0.0:0
refused "insecure" --data-dirs "$place/x" --listen-native "[::]:0"
refused "insecure" --data-dirs "$place/x" --listen-http 0.0.0.0:0
refused "insecure" --data-dirs "$place/x" --listen-http "127.0.0.1:0, [::ffff:10.0.0.1]:0"
refused "did you mean" --data-dir "$place/x"
[[ ! -e $place/x ]] || fail "a refused start made its directory"

broker_start
refused "127.0.0.1:$port" --data-dirs "$place/x" --listen-native "127.0.0.1:$port" "${small[@]}"
refused "LOCKED" --data-dirs "$place/data" --listen-native 127.0.0.1:0 "${small[@]}"
if [[ $(id -u) -ne 0 ]]; then
    mkdir -m 500 "$place/closed"
    refused "PERMISSION" --data-dirs "$place/closed/x" --listen-native 127.0.0.1:0 "${small[@]}"
fi
broker_stop

host=0.0.0.0 # any address, if the operator says so
port=
broker_start --insecure
grep -q 'level=warn.*insecure' "$place/log" || fail "no warning about insecure"
broker_stop
