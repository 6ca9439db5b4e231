#!/bin/bash
# kcat.sh -- kcat (librdkafka 2.0.2 on Debian 12) against a broker: kcat.sh PROGRAM
set -euo pipefail
export SHARDLOG=$1
if ! command -v kcat >/dev/null; then
    echo "SKIPPED: kcat is not installed: run scripts/setup"
    exit 77
fi
source "$(dirname "$0")/../net/broker.sh"

kc() {
    timeout 60 kcat -b "127.0.0.1:$kafka_port" "$@"
}

# Lines of all sizes, so that batches are cut at odd places.
lines_make() {
    awk -v n="$1" -v w="$2" 'BEGIN { for (i = 0; i < n; i++) {
        s = w " " i; for (k = i % 40; k > 0; k--) s = s " filling"; print s } }'
}

# What was produced to a partition is what is consumed, in its order.
same() { # topic partition file
    kc -C -t "$1" -p "$2" -o beginning -e -q >"$place/got"
    cmp -s "$place/got" "$3" || fail "$1/$2: $(wc -l <"$place/got") lines of $(wc -l <"$3") differ"
}

broker_start
list=$(kc -L)
grep -q "broker 1 at 127.0.0.1:$kafka_port (controller)" <<<"$list" || fail "no broker: $list"
grep -q " 0 topics:" <<<"$list" || fail "topics in a new node: $list"
made=$(kc -L -t made)
grep -q 'topic "made" with 4 partitions' <<<"$made" || fail "not made: $made"
[[ $(grep -c "leader 1, replicas: 1, isrs: 1" <<<"$made") -eq 4 ]] || fail "no leaders: $made"

for z in none gzip snappy lz4 zstd; do
    lines_make 20000 "$z" >"$place/$z"
    for p in 0 1; do
        kc -P -t "with-$z" -p "$p" -z "$z" -X enable.idempotence=true -l "$place/$z"
        same "with-$z" "$p" "$place/$z"
    done
done

# Small batches, acks of all kinds, all partitions.
lines_make 300 acks >"$place/acks"
for acks in 0 1 -1; do
    kc -P -t "acks$acks" -p 3 -X "acks=$acks" -X batch.num.messages=1 -l "$place/acks"
    same "acks$acks" 3 "$place/acks"
done

# Offsets: both ends, and by time.
[[ $(kc -Q -t acks1:3:-2) == "acks1 [3] offset 0" ]] || fail "the beginning"
[[ $(kc -Q -t acks1:3:-1) == "acks1 [3] offset 300" ]] || fail "the end"
[[ $(kc -Q -t acks1:3:1) == "acks1 [3] offset 0" ]] || fail "an early time"
[[ $(kc -Q -t "acks1:3:$(($(date +%s) + 1000))000") == "acks1 [3] offset -1" ]] || fail "a late time"

# From the middle, inside a batch.
kc -C -t with-lz4 -p 0 -o 12345 -c 3 -q >"$place/got"
sed -n 12346,12348p "$place/lz4" | cmp -s - "$place/got" || fail "from the middle"

# All is there after a kill.
broker_kill
broker_start
for z in none gzip snappy lz4 zstd; do
    same "with-$z" 1 "$place/$z"
done
broker_stop
echo "kcat: produced and consumed the same"
