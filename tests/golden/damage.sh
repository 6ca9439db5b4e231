#!/bin/bash
# damage.sh -- the tools on a damaged golden store, on real files: exit codes, plan, saved bytes.
#
#     damage.sh GOLDEN SHARDLOG STORE.tar.xz
set -euo pipefail
golden=$1 shardlog=$2 store=$3
dir=$(mktemp -d "${TMPDIR:-/tmp}/shardlog-damage-XXXXXX")
trap 'rm -rf "$dir"' EXIT
tar -xJf "$store" -C "$dir"

# Ends the test unless the command exits with the code that is wanted.
expect() {
    local want=$1 got=0
    shift
    "$@" >"$dir/out" 2>&1 || got=$?
    if [ "$got" != "$want" ]; then
        cat "$dir/out"
        echo "exit $got, wanted $want: $*"
        exit 1
    fi
}
flip() { # FILE POS: one bit
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
    printf "$(printf '\\%03o' $((byte ^ 16)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
json() {
    python3 -c 'import json,sys; json.load(open(sys.argv[1]))' "$dir/out"
}
# The first data tile's place: what inspect says, not what this script believes.
extent=$("$shardlog" inspect "$dir/store" extents --json | python3 -c '
import json, sys
rows = json.load(sys.stdin)["stores"][0]["extents"]
row = max(rows, key=lambda r: r["data_bytes"])
print("vol-%04d" % row["volume"], row["place"])')
read -r volume place <<<"$extent"

expect 2 "$shardlog"
expect 2 "$shardlog" nonsense
expect 2 "$shardlog" check
expect 2 "$shardlog" check "$dir/nowhere"
expect 2 "$shardlog" check "$dir/store" --nonsense
expect 0 "$shardlog" help repair
expect 0 "$shardlog" check "$dir/store"

expect 0 "$shardlog" repair "$dir/store"
for view in journal image extents partitions batches producers; do
    expect 0 "$shardlog" inspect "$dir/store" $view --json
    json
    expect 0 "$shardlog" inspect "$dir/store" $view
done

# Healable: nothing is lost, and the dry run writes nothing.
cp "$dir/store/tails" "$dir/tails"
flip "$dir/store/tails" 30
expect 3 "$shardlog" check "$dir/store"
expect 3 "$shardlog" repair "$dir/store"
expect 3 "$shardlog" check "$dir/store" --json
json
expect 0 "$shardlog" repair "$dir/store" --write
cmp -n 4096 "$dir/tails" "$dir/store/tails"
expect 0 "$shardlog" check "$dir/store"

# Lost: told, saved, accepted, and the rest is there.
flip "$dir/store/$volume" $((place + 500))
expect 1 "$shardlog" check "$dir/store"
expect 1 "$shardlog" repair "$dir/store" --json
json
expect 1 "$shardlog" repair "$dir/store" --write --save "$dir/saved"
grep -aq "^$volume " "$dir/saved"
expect 0 "$shardlog" check "$dir/store"
"$golden" go-on "$dir/store" >/dev/null
expect 0 "$shardlog" check "$dir/store"

# In use: the tools say so, and look at nothing.
flock "$dir/store/journal" sleep 5 &
holder=$!
sleep 0.5
expect 2 "$shardlog" check "$dir/store"
expect 2 "$shardlog" repair "$dir/store" --write
kill $holder 2>/dev/null || true
echo "exit codes as documented"
