#!/bin/bash
# make.sh -- makes the golden store of the current format. Run once for each version of it; what is
# committed is never made again.
#
#     make.sh GOLDEN NAME      writes tests/golden/NAME.tar.xz and NAME.txt
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/shardlog-golden-XXXXXX")
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/store"
"$1" make "$dir/store"
tar -C "$dir" --sort=name --owner=0 --group=0 --numeric-owner -S -c store | xz -9e >"$here/$2.tar.xz"
"$1" list "$dir/store" >"$here/$2.txt"
ls -l "$here/$2".*
