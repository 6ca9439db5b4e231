# rows.sh -- what the scripts of verify.d share; sourced, never run.
#
#   row POINT REQUIRED MEASURED pass|FAIL COMMAND
#   attempt POINT REQUIRED COMMAND WORDS...    runs WORDS; the row says how long it took

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
