#!/bin/bash
# clients.sh -- Clients.java against a broker: clients.sh PROGRAM JARS
set -euo pipefail
export SHARDLOG=$1
here=$(cd "$(dirname "$0")" && pwd)
jars=$2
status=0
"$here/../jars/jars.sh" "$jars" || status=$?
[[ $status -eq 0 ]] || exit $status
if ! java --list-modules | grep -q '^jdk.compiler@'; then
    echo "SKIPPED: a JDK is not installed (openjdk-17-jdk-headless): run scripts/setup --clients"
    exit 77
fi
source "$here/../../net/broker.sh"
broker_start
timeout 100 java -Xmx512m -XX:TieredStopAtLevel=1 -Dlog4j2.level=ERROR -cp "$jars/*" "$here/Clients.java" "127.0.0.1:$kafka_port" ||
    fail "Clients.java: exit code $?"
broker_stop
