#!/bin/bash
# run.sh -- a client of Node.js against a broker: run.sh PROGRAM DIRECTORY SCRIPT
#
# DIRECTORY, under the build directory, gets the packages of package-lock.json, and is kept.
set -euo pipefail
export SHARDLOG=$1
here=$(cd "$(dirname "$0")" && pwd)
packages=$2 script=$3

new_enough() {
    node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)'
}
if ! command -v npm >/dev/null || ! new_enough 2>/dev/null; then
    echo "SKIPPED: Node.js 20.19 or later with npm is not installed"
    exit 77
fi
packages_ready() {
    mkdir -p "$packages"
    exec 9>"$packages.lock"
    flock 9
    if ! cmp -s "$here/package-lock.json" "$packages/installed"; then
        cp "$here"/package.json "$here"/package-lock.json "$packages"
        npm --prefix "$packages" ci --no-audit --no-fund || return 1
        cp "$here/package-lock.json" "$packages/installed"
    fi
    cp "$here"/*.mjs "$packages"
    exec 9>&-
}
if ! packages_ready >"$packages.log" 2>&1; then
    echo "SKIPPED: the packages of $script cannot be had from npm (see $packages.log)"
    exit 77
fi
source "$here/../../net/broker.sh"
broker_start
timeout 100 node "$packages/$script" "127.0.0.1:$kafka_port" || fail "$script: exit code $?"
broker_stop
