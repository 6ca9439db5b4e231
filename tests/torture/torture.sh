#!/bin/bash
# torture.sh TORTURE SHARDLOG KILLS -- so many kills, with little data, in a directory that goes away.
set -euo pipefail
dir=$(mktemp -d "${TMPDIR:-/tmp}/shardlog-torture-XXXXXX")
trap 'rm -rf "$dir"' EXIT
"$1" --program "$2" --dir "$dir" --kills "$3" --ready-ms 30000
