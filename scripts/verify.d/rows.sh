# rows.sh -- what the scripts of verify.d share; sourced, never run.
#
#   row POINT REQUIRED MEASURED pass|FAIL COMMAND
#   attempt POINT REQUIRED COMMAND WORDS...    runs WORDS; the row says how long it took
#   attempt_once POINT REQUIRED COMMAND WORDS...
#                                              the same, for long work that several parts want: a
#                                              pass is kept for the committed tree it was made on
#                                              (in build/verify-kept), and shown with its time
#   build_program TARGET                       builds one program of the release preset
#   result_rows POINT COMMAND                  passes its input on, and makes a row of each line
#                                              "result|what|required|measured|pass or FAIL"

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

row() {
    echo "row|$1|$2|$3|$4|$5"
}

attempt() {
    local point=$1 required=$2 command=$3 start=$SECONDS status=0
    shift 3
    "$@" </dev/null || status=$?
    if [ $status = 0 ]; then
        row "$point" "$required" "exit 0 after $((SECONDS - start)) s" pass "$command"
    else
        row "$point" "$required" "exit $status after $((SECONDS - start)) s" FAIL "$command"
    fi
}

attempt_once() {
    local point=$1 required=$2 command=$3 start=$SECONDS name kept
    shift 3
    name=$(git rev-parse 'HEAD^{tree}')-$(echo "$command|$*" | sha256sum | cut -c 1-16)
    kept=${SHARDLOG_BUILD:-$root/build}/verify-kept/$name
    if [ -n "$(git status --porcelain)" ]; then
        attempt "$point" "$required" "$command" "$@"
    elif [ -e "$kept" ]; then
        row "$point" "$required" "$(cat "$kept")" pass "$command"
    elif "$@" </dev/null; then
        mkdir -p "${kept%/*}"
        echo "exit 0 after $((SECONDS - start)) s, $(git rev-parse --short HEAD)" | tee "$kept"
        row "$point" "$required" "$(cat "$kept")" pass "$command"
    else
        row "$point" "$required" "failed after $((SECONDS - start)) s" FAIL "$command"
    fi
}

build_program() {
    local build=${SHARDLOG_BUILD:-$root/build}/release
    cmake --preset release -B "$build" >"$build.log" 2>&1 || { cat "$build.log" && return 1; }
    cmake --build "$build" --target "$1" -- --quiet
}

result_rows() {
    local line words
    while IFS= read -r line; do
        echo "$line"
        [[ $line == result\|* ]] || continue
        IFS='|' read -ra words <<<"$line"
        row "$1" "${words[1]}: ${words[2]}" "${words[3]}" "${words[4]}" "$2"
    done
}
