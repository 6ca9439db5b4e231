# docs.sh -- what each part wants of the documents; sourced after rows.sh, never run.
#
#   docs_pages PAGE...   they are there
#   docs_names           what the pages name exists
#   documented PAGE WORDS...
#                        the page is what `shardlog WORDS` prints
#   docs_tidy            layers, house rules, links, a page for each folder

docs_pages() {
    local page
    for page in "$@"; do
        if [ -s "$page" ]; then
            row $point "$page" "$(wc -l <"$page") lines" pass "wc -l $page"
        else
            row $point "$page" "missing" FAIL "wc -l $page"
        fi
    done
}

documented() {
    local page=$1
    shift
    attempt $point "$page is what the program does" "shardlog $*" \
        cmp "$page" <("${SHARDLOG_BUILD:-$root/build}/release/tools/shardlog" "$@")
}

# Scripts, sources and test programs that the pages name are there (built ones: their source).
docs_names() {
    local name missing=
    for name in $(grep -ohE '\b(scripts|engine|include|tests|tools|bench|\.ci)/[A-Za-z0-9_./-]*[A-Za-z0-9]' \
        README.md CONTRIBUTING.md docs/*.md docs/decisions/*.md | sort -u); do
        case "$name" in
        tests/sim/swarm) name=tests/sim/swarm.c ;;
        tests/unit_*) continue ;;
        bench/shardlog-bench-*)
            grep -q "shardlog_program(${name#bench/} " bench/CMakeLists.txt || missing+=" $name"
            continue
            ;;
        esac
        [ -e "$name" ] || missing+=" $name"
    done
    if [ -z "$missing" ]; then
        row $point "what the pages name exists" "nothing missing" pass "scripts/verify 1 10"
    else
        row $point "what the pages name exists" "missing:$missing" FAIL "scripts/verify 1 10"
    fi
}

docs_tidy() {
    local out
    if out=$(scripts/tidy); then
        row $point "layers, house rules, links, a page for each folder" "$out" pass scripts/tidy
    else
        echo "$out"
        row $point "layers, house rules, links, a page for each folder" "$(tail -n 1 <<<"$out")" FAIL \
            scripts/tidy
    fi
}
