# broker.sh -- for tests of the program: a broker in a directory of its own, on a free port.
#
#     source broker.sh        $SHARDLOG is the program
#     broker_start [words]    -> $port, $kafka_port, $http_port; ready when it returns. $shards: default 2;
#                             $kafka_at: where Kafka's protocol is served, or none
#     broker_stop             SIGTERM; fails if the exit code is not 0
#     broker_kill             SIGKILL
#     connections_within N K  prints N, or as many as a broker takes with this limit of descriptors
#                             (it keeps half of it, at most 1,024) beside K others, and says so
#
# Everything in $place goes away at the end, whatever happens, and so does the broker.
set -euo pipefail

place=$(mktemp -d)
pid=
port=
kafka_port=
http_port=
host=127.0.0.1

fail() {
    echo "FAILED: $*" >&2
    [[ -f $place/log ]] && tail -n 20 "$place/log" >&2
    exit 1
}

broker_end() {
    [[ -z $pid ]] || kill -9 "$pid" 2>/dev/null || true
    wait || true
    rm -rf "$place"
}
trap broker_end EXIT

connections_within() {
    local hard most kept
    hard=$(ulimit -Hn)
    [[ $hard != unlimited ]] || hard=$((2 * ($1 + $2)))
    kept=$((hard / 2 < 1024 ? hard / 2 : 1024))
    most=$((hard - kept - $2))
    if [[ $most -lt $1 ]]; then
        echo "note: ulimit -n $hard: $most connections instead of $1" >&2
        echo "$most"
    else
        echo "$1"
    fi
}

# Appends to the log; waits for the ready line of this start.
broker_start() {
    local lines
    touch "$place/log"
    lines=$(wc -l <"$place/log")
    "$SHARDLOG" serve --data-dirs "$place/data" --listen-native "$host:${port:-0}" \
        --listen-kafka "${kafka_at:-127.0.0.1:${kafka_port:-0}}" --listen-http 127.0.0.1:0 --memory-tail 128MiB --journal-bytes 64MiB --shards "${shards:-2}" "$@" 2>>"$place/log" &
    pid=$!
    for _ in $(seq 600); do
        if tail -n "+$((lines + 1))" "$place/log" | grep -q 'msg="ready in'; then
            port=$(tail -n "+$((lines + 1))" "$place/log" |
                sed -n 's/.*native protocol on .*:\([0-9]*\)".*/\1/p')
            kafka_port=$(tail -n "+$((lines + 1))" "$place/log" |
                sed -n 's/.*Kafka protocol on .*:\([0-9]*\)".*/\1/p')
            http_port=$(tail -n "+$((lines + 1))" "$place/log" |
                sed -n 's/.*metrics and health on .*:\([0-9]*\)".*/\1/p')
            return
        fi
        kill -0 "$pid" 2>/dev/null || fail "the broker ended"
        sleep 0.1
    done
    fail "the broker is not ready after 60 s"
}

broker_stop() {
    local status=0
    kill -TERM "$pid"
    wait "$pid" || status=$?
    pid=
    [[ $status -eq 0 ]] || fail "SIGTERM: exit code $status"
}

broker_kill() {
    kill -9 "$pid"
    wait "$pid" 2>/dev/null || true
    pid=
}
