#!/bin/bash
# outside.sh BUILD CC CXX -- installs BUILD into a temporary prefix and uses it from there:
# the exported names, the headers in C and C++, every program of examples/ with the shared and
# with the static library.
set -euo pipefail
build=$1 cc=$2 cxx=$3
root=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/shardlog-install-XXXXXX")
trap 'rm -rf "$dir"' EXIT

cmake --install "$build" --prefix "$dir/usr" >"$dir/log" || { cat "$dir/log"; exit 1; }
export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$dir/usr" -name shardlog.pc)")
libdir=$(pkg-config --variable=libdir shardlog)

fail() { echo "outside.sh: $*" >&2; exit 1; }

foreign=$(nm -D --defined-only "$libdir/libshardlog.so" | awk '{ print $3 }' |
    grep -Ev '^(sl_|SHARDLOG_)' || true)
[ -z "$foreign" ] || fail "the shared library exports" $foreign
foreign=$(nm -g --defined-only "$libdir/libshardlog.a" 2>/dev/null | awk 'NF == 3 { print $3 }' |
    grep -Ev '^sl_' || true)
[ -z "$foreign" ] || fail "the static library exports" $foreign
for name in malloc free calloc realloc sigaction signal; do
    nm -D --defined-only "$libdir/libshardlog.so" | grep -qw "$name" && fail "overrides $name"
done

# Every declared function is there.
cat "$dir"/usr/include/shardlog/*.h >"$dir/all.c"
"$cc" -E -P $(pkg-config --cflags shardlog) "$dir/all.c" >"$dir/all.i"
nm -D --defined-only "$libdir/libshardlog.so" | awk '{ sub(/@.*/, "", $3); print $3 }' >"$dir/names"
for name in $(grep -Eo '\bsl_[a-z0-9_]+\(' "$dir/all.i" | tr -d '(' | sort -u); do
    grep -qx "$name" "$dir/names" || grep -qE "(typedef|static inline).*\b$name\b" "$dir/all.i" ||
        fail "$name is declared and not exported"
done

# Each header stands alone, in C and in C++, under strict warnings.
for header in "$dir"/usr/include/shardlog/*.h; do
    echo "#include <shardlog/$(basename "$header")>" >"$dir/one.c"
    cp "$dir/one.c" "$dir/one.cc"
    "$cc" -std=c11 -Wall -Wextra -Werror $(pkg-config --cflags shardlog) -c "$dir/one.c" -o "$dir/o"
    "$cxx" -std=c++17 -Wall -Wextra -Werror $(pkg-config --cflags shardlog) -c "$dir/one.cc" -o "$dir/o"
done

mkdir "$dir/static"
cp "$libdir/libshardlog.a" "$dir/static/"
count=0
# The example of README.md is one of the programs.
sed -n '/^```c$/,/^```$/{/^```/!p}' "$root"/README.md >"$dir/readme.c"
cp "$root"/tests/install/*.c "$dir/"
cd "$dir"
for example in readme.c $(cd "$root/tests/install" && ls -- *.c); do
    name=$(basename "$example" .c)
    "$cc" -std=c11 -Wall -Wextra -Werror $(pkg-config --cflags shardlog) "$name.c" -o "$name" \
        $(pkg-config --libs shardlog)
    mkdir -p "$dir/data-shared" "$dir/data-static"
    LD_LIBRARY_PATH=$libdir "./$name" "$dir/data-shared" || fail "$name with the shared library"
    "$cc" -std=c11 -Wall -Wextra -Werror $(pkg-config --cflags shardlog) "$name.c" -o "$name-static" \
        -L"$dir/static" $(pkg-config --libs --static shardlog | sed "s@-L$libdir@@")
    "./$name-static" "$dir/data-static" || fail "$name with the static library"
    rm -rf "$dir"/data*
    count=$((count + 1))
done
echo "installed, $count programs built outside the tree, shared and static"
