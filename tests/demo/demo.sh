# demo.sh -- what the tests of the demo share; sourced, never run. Words: DEMO [--embedded].
#
#   dir            a directory of this test's own, removed at the end
#   who            broker or writer: who is killed
#   demo WORDS...  runs the demo in a fresh directory: its output in $dir/out, its status in $status
#   expect TEXT    a line of that output matches
#   fail TEXT...   shows the output and ends the test

set -euo pipefail
program=$1
way=(${2:+"$2"})
who=broker
[ "${2:-}" != --embedded ] || who=writer
dir=$(mktemp -d "${TMPDIR:-/tmp}/shardlog-demo-test-XXXXXX")
trap 'rm -rf "$dir"' EXIT

fail() {
    cat "$dir/out" 2>/dev/null || true
    echo "$(basename "$0"): $*" >&2
    exit 1
}

demo() {
    rm -rf "$dir/run"
    mkdir "$dir/run"
    status=0
    "$program" --dir "$dir/run" ${way[@]+"${way[@]}"} "$@" >"$dir/out" 2>&1 || status=$?
}

expect() {
    grep -qE "$1" "$dir/out" || fail "wanted a line like: $1"
}
