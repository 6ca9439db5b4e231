# sanitizers.sh -- what each part wants of the sanitizers; sourced after rows.sh, never run.
#
#   sanitizers_run               every test under ASan and UBSan, what is threaded under TSan
#   fuzz_run NAME...             each harness: its corpus, then new inputs for VERIFY_FUZZ_SECONDS

seconds=${VERIFY_FUZZ_SECONDS:-30}
build=${SHARDLOG_BUILD:-$root/build}

sanitizers_run() {
    attempt_once $point "ASan and UBSan clean" "scripts/test --preset asan" scripts/test --preset asan
    attempt_once $point "TSan clean on what is threaded" "scripts/test --preset tsan" \
        scripts/test --preset tsan
}

fuzz_one() {
    local name=$1 new=$2 corpus=(tests/fuzz/corpus/$1) inputs runs
    [ "$name" != kafka_api ] || corpus+=(tests/fuzz/corpus/kafka) # as in tests/fuzz/CMakeLists.txt
    inputs=$(find "${corpus[@]}" -type f | wc -l)
    if "$build/fuzz/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -print_final_stats=1 \
        -artifact_prefix="$new/" "$new" "${corpus[@]}" >"$new.log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$new.log")
        row $point "fuzz_$name: no finding in $seconds s" "$inputs inputs kept, $runs runs" pass \
            "fuzz_$name -max_total_time=$seconds"
    else
        tail -n 40 "$new.log"
        row $point "fuzz_$name: no finding in $seconds s" "see the output" FAIL \
            "fuzz_$name -max_total_time=$seconds"
    fi
}

fuzz_run() {
    local name new
    attempt_once $point "every corpus replayed" "scripts/test --preset fuzz --label fuzz" \
        scripts/test --preset fuzz --label fuzz
    new=$(mktemp -d "${TMPDIR:-/tmp}/shardlog-fuzz-XXXXXX")
    for name in "$@"; do
        mkdir "$new/$name"
        fuzz_one "$name" "$new/$name"
    done
    rm -rf "$new"
}
