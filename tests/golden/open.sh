#!/bin/bash
# open.sh -- unpacks a golden store and demands all of it back: `shardlog check` finds it clean,
# what it lists is what was written, it can be written, and what was there is there afterwards.
#
#     open.sh GOLDEN SHARDLOG STORE.tar.xz STORE.txt
set -euo pipefail
golden=$1 shardlog=$2 store=$3 wanted=$4
dir=$(mktemp -d "${TMPDIR:-/tmp}/shardlog-golden-XXXXXX")
trap 'rm -rf "$dir"' EXIT
tar -xJf "$store" -C "$dir"

"$shardlog" check "$dir/store"
"$shardlog" inspect "$dir/store" >"$dir/inspect"
"$golden" list "$dir/store" >"$dir/list"
diff -u "$wanted" "$dir/list"
"$golden" go-on "$dir/store" >"$dir/after"
"$shardlog" check "$dir/store"
# Nothing that was there has changed: every batch of the old list is in the new one.
grep '^  ' "$wanted" | while read -r line; do
    grep -qF "$line" "$dir/after" || { echo "lost: $line" && exit 1; }
done
echo "$(grep -c '^  ' "$wanted") batches, all there"
