#!/bin/bash
# make.sh -- writes tests/wire/data again: golden bytes and values by Kafka's own Java classes.
#
#   tests/wire/make.sh        needs java 17, maven, and Maven Central
#
# The result depends on Golden.java and on the version in pom.xml alone: `git diff` shows what a new
# version of either changes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/shardlog-wire-XXXXXX")
trap 'rm -rf "$work"' EXIT

mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$work/lib"
javac -d "$work" -cp "$work/lib/*" "$here/Golden.java"
java -cp "$work:$work/lib/*" Golden "$here/data"
