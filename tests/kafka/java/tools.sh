#!/bin/bash
# tools.sh -- Kafka's own command-line tools against a broker: tools.sh PROGRAM JARS
set -euo pipefail
export SHARDLOG=$1
here=$(cd "$(dirname "$0")" && pwd)
jars=$2
status=0
"$here/../jars/jars.sh" "$jars" || status=$?
[[ $status -eq 0 ]] || exit $status
source "$here/../../net/broker.sh"

# Each tool is a class; its log goes nowhere.
tool() {
    local class=$1
    shift
    timeout 100 java -Xmx256m -XX:TieredStopAtLevel=1 -Dlog4j2.level=OFF -cp "$jars/*" "org.apache.kafka.tools.$class" "$@"
}
topics() { tool TopicCommand --bootstrap-server "$at" "$@"; }
groups() { tool consumer.group.ConsumerGroupCommand --bootstrap-server "$at" "$@"; }
configs() {
    timeout 100 java -Xmx256m -XX:TieredStopAtLevel=1 -Dlog4j2.level=OFF -cp "$jars/*" kafka.admin.ConfigCommand \
        --bootstrap-server "$at" "$@"
}

# said TEXT PATTERN: a line of it has the pattern.
said() {
    grep -qE "$2" <<<"$1" || fail "no line \"$2\" in: $1"
}

broker_start
at=127.0.0.1:$kafka_port

topics --create --topic t --partitions 3 --config retention.ms=86400000
said "$(topics --list)" '^t$'
said "$(topics --describe --topic t)" 'PartitionCount: 3.*ReplicationFactor: 1.*retention.ms=86400000'
topics --alter --topic t --partitions 4
said "$(topics --describe --topic t)" 'Partition: 3.*Leader: 1.*Isr: 1'

configs --alter --entity-type topics --entity-name t --add-config retention.bytes=50000000
said "$(configs --describe --entity-type topics --entity-name t)" 'retention.bytes=50000000'
configs --alter --entity-type topics --entity-name t --delete-config retention.bytes
[[ $(configs --describe --entity-type topics --entity-name t) != *retention.bytes* ]] || fail "not deleted"

# Lines in, lines out, with a group that remembers.
seq 1000 | sed 's/.*/k&:line &/' >"$place/lines"
tool ConsoleProducer --bootstrap-server "$at" --topic t --reader-property parse.key=true \
    --reader-property key.separator=: --compression-codec zstd <"$place/lines" >/dev/null
tool consumer.ConsoleConsumer --bootstrap-server "$at" --topic t --from-beginning --max-messages 1000 --group g \
    --formatter-property print.key=true --formatter-property key.separator=: >"$place/got" 2>/dev/null
sort "$place/lines" | cmp -s - <(sort "$place/got") || fail "console: $(wc -l <"$place/got") lines of 1000 came back"
sum=$(tool GetOffsetShell --bootstrap-server "$at" --topic t | awk -F: '{ n += $3 } END { print n }')
[[ $sum -eq 1000 ]] || fail "get-offsets: $sum"

said "$(groups --list)" '^g$'
lag=$(groups --describe --group g 2>/dev/null | awk '$1 == "g" { n += $6; m++ } END { print n " " m }')
[[ $lag == "0 4" ]] || fail "lag and partitions of the group: $lag"
groups --reset-offsets --group g --topic t --to-earliest --execute >/dev/null
lag=$(groups --describe --group g 2>/dev/null | awk '$1 == "g" { n += $6 } END { print n }')
[[ $lag -eq 1000 ]] || fail "lag after a reset: $lag"
groups --delete --group g >/dev/null
[[ -z $(groups --list) ]] || fail "a deleted group is listed"

tool ProducerPerformance --bootstrap-server "$at" --topic perf --num-records 20000 --record-size 500 --throughput -1 |
    tail -n 1
said "$(tool GetOffsetShell --bootstrap-server "$at" --topic perf | awk -F: '{ n += $3 } END { print n }')" '^20000$'

tool VerifiableProducer --bootstrap-server "$at" --topic verifiable --max-messages 5000 --acks -1 >"$place/sent"
said "$(tail -n 1 "$place/sent")" '"acked":5000'
tool VerifiableConsumer --bootstrap-server "$at" --topic verifiable --group-id v --max-messages 5000 \
    --reset-policy earliest >"$place/received"
counted=$(python3 -c 'import json, sys
print(sum(e["count"] for e in map(json.loads, sys.stdin) if e["name"] == "records_consumed"))' <"$place/received")
[[ $counted -eq 5000 ]] || fail "verifiable consumer: $counted"

topics --delete --topic t
[[ $(topics --list) != *$'\n't$'\n'* ]] || fail "a deleted topic is listed"
broker_stop
echo "Kafka's tools: ok"
