#!/bin/bash
# diff.sh -- the same requests to Apache Kafka and to shardlog: diff.sh PROGRAM JARS [words of run.py]
#
# JARS is a directory for Kafka's jars, made under the build directory and kept.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
program=$1 jars=$2
shift 2
status=0
"$here/../jars/jars.sh" "$jars" || status=$?
[[ $status -eq 0 ]] || exit $status
export PYTHONDONTWRITEBYTECODE=1
exec python3 "$here/run.py" --program "$program" --jars "$jars" "$@"
