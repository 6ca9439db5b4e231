#!/bin/bash
# run.sh -- a client of Go against a broker: run.sh PROGRAM DIRECTORY CLIENT
#
# DIRECTORY, under the build directory, gets the built client; modules are those of go.sum.
set -euo pipefail
export SHARDLOG=$1
here=$(cd "$(dirname "$0")" && pwd)
directory=$2 client=$3

needed=$(sed -n 's/^go \([0-9]*\)\.\([0-9]*\).*/\1 \2/p' "$here/go.mod")
new_enough() {
    local have
    have=$(go env GOVERSION | sed -n 's/^go\([0-9]*\)\.\([0-9]*\).*/\1 \2/p')
    [[ ${have% *} -gt ${needed% *} || (${have% *} -eq ${needed% *} && ${have#* } -ge ${needed#* }) ]]
}
if ! command -v go >/dev/null || ! new_enough; then
    echo "SKIPPED: Go ${needed/ /.} or later is not installed"
    exit 77
fi
client_ready() {
    mkdir -p "$directory"
    exec 9>"$directory.lock"
    flock 9
    cd "$here"
    GOFLAGS=-mod=readonly go mod download || return 1
    exec 9>&-
}
if ! (client_ready) >"$directory.log" 2>&1; then
    echo "SKIPPED: the modules of $client cannot be had (see $directory.log)"
    exit 77
fi
(cd "$here" && GOFLAGS="-mod=readonly -buildvcs=false" go build -tags "$client" -o "$directory/$client" .)
source "$here/../../net/broker.sh"
broker_start
timeout 100 "$directory/$client" "127.0.0.1:$kafka_port" || fail "$client: exit code $?"
broker_stop
