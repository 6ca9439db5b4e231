#!/bin/bash
# python.sh -- a client from PyPI against a broker: python.sh PROGRAM VENV PACKAGE SCRIPT
#
# VENV is made under the build directory and kept; PACKAGE is what pip installs, `name==version`.
set -euo pipefail
export SHARDLOG=$1
venv=$2 package=$3 script=$4

venv_ready() {
    exec 9>"$venv.lock"
    flock 9
    [[ -x $venv/bin/python ]] || python3 -m venv "$venv" || return 1
    "$venv/bin/pip" -q --disable-pip-version-check install "$package" || return 1
    exec 9>&-
}
if ! venv_ready >"$venv.log" 2>&1; then
    echo "SKIPPED: $package cannot be had from PyPI (see $venv.log)"
    exit 77
fi
source "$(dirname "$0")/../net/broker.sh"
broker_start
export SHARDLOG_AT=127.0.0.1:$port
timeout 100 "$venv/bin/python" "$(dirname "$0")/$script" "127.0.0.1:$kafka_port" ||
    fail "$script: exit code $?"
broker_stop
