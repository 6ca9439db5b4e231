#!/bin/bash
# jars.sh -- Apache Kafka into a directory: jars.sh DIR
#
# The set is that of pom.xml, from Maven Central; jars.sha256 pins every file of it. What is there
# already is only compared. Exit code 77: it cannot be had, and one line says why.
#
#   jars.sh --pin DIR     writes jars.sha256 again, after pom.xml was changed
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

pinned() {
    (cd "$dir" && sha256sum --quiet --strict -c "$here/jars.sha256") &&
        [[ $(find "$dir" -name '*.jar' | wc -l) -eq $(wc -l <"$here/jars.sha256") ]]
}

fetched() {
    mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$dir" >"$dir.log" 2>&1
}

pin=
[[ $1 != --pin ]] || { pin=1 && shift; }
dir=$(realpath -m "$1")
mkdir -p "$dir"
exec 9>"$dir.lock"
flock 9
if [[ -n $pin ]]; then
    rm -f "$dir"/*.jar
    fetched
    (cd "$dir" && sha256sum ./*.jar | sed 's, \./, ,' >"$here/jars.sha256")
    exit
fi
for program in java mvn; do
    command -v "$program" >/dev/null || {
        echo "SKIPPED: $program is not installed: run scripts/setup --clients"
        exit 77
    }
done
pinned >/dev/null 2>&1 && exit
rm -f "$dir"/*.jar
fetched || {
    echo "SKIPPED: Apache Kafka cannot be had from Maven Central (see $dir.log)"
    exit 77
}
pinned || {
    echo "FAILED: what Maven Central gave is not what jars.sha256 pins"
    exit 1
}
