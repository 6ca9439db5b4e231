#!/bin/bash
# memory_loss.sh DEMO [--embedded] -- acknowledgements at `memory` promise nothing about a kill: the demo loses
# some, says which, and fails. (Two kills in a row may lose nothing; fifteen have not yet.)
. "$(dirname "$0")/demo.sh"

seq -f 'line %g of an ordinary file, as there are many' 400000 >"$dir/in"
for copy in a b c d; do
    ln "$dir/in" "$dir/in.$copy"
done
demo --from "$dir/in.a" --from "$dir/in.b" --from "$dir/in.c" --from "$dir/in.d" \
    --durability memory --seed 1
[ $status = 1 ] || fail "exit status $status"
lost='partition [0-3] ended at offset [0-9]+ after the kill, .* had been acknowledged'
expect "^LOST +($lost|the writer gave up)"
expect '^WRONG .* acknowledged at offset [0-9]+ by writer [0-9]+ (are not there|were not read)'
expect '^MISSING +[0-9]+ acknowledgements, [0-9]+ records'
expect '^FAIL '

demo --from "$dir/in.a" --from "$dir/in.b" --from "$dir/in.c" --from "$dir/in.d" \
    --durability written --seed 1
[ $status = 0 ] || fail "written: exit status $status"
echo "the loss was noticed"
