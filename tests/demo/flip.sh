#!/bin/bash
# flip.sh DEMO [--embedded] -- one flipped bit in a live byte is found, named, and fails the demo.
. "$(dirname "$0")/demo.sh"

seq -f 'line %g of an ordinary file, as there are many' 60000 >"$dir/in"
for copy in a b c d e f; do
    cp "$dir/in" "$dir/in.$copy"
done
for seed in 1 2; do
    demo --from "$dir/in.a" --from "$dir/in.b" --from "$dir/in.c" --from "$dir/in.d" \
        --from "$dir/in.e" --from "$dir/in.f" --flip --seed $seed
    [ $status = 1 ] || fail "seed $seed: exit status $status"
    expect '^flip +one bit at byte [0-9]+ of vol-'
    expect '^WRONG .*cannot be read: .*\((CORRUPT|DAMAGED)\)'
    expect '^FAIL '
done
echo "2 flipped bits found"
