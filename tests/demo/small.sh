#!/bin/bash
# small.sh DEMO [--embedded] -- odd inputs go through two kills and come back; as they are, repeated, and cut.
. "$(dirname "$0")/demo.sh"
. "$(dirname "$0")/odd.sh"

odd_inputs "$dir/in"
demo --from "$dir/in" --seed 1
[ $status = 0 ] || fail "exit status $status"
expect "^$who 1 .*; killed with .* acknowledged .* in flight"
expect "^$who 2 .*; killed with .* acknowledged .* in flight"
[ $who = broker ] || expect '^writer 3 .*; done$'
[ $who = writer ] || expect '^broker .*; stopped in order$'
expect '^input +312 files'
expect '^read .*SHA-256 equal for 311 of 311 inputs'
expect '^OK '

demo --from "$dir/in" --bytes 30M --seed 2
[ $status = 0 ] || fail "repeated: exit status $status"
expect '^input .* 31\.5 MB'
expect '^OK '

demo --from "$dir/in/crlf" --bytes 20 --seed 3
[ $status = 0 ] || fail "cut: exit status $status"
expect '^input +1 files'
expect '^OK '

demo --from "$dir/in/empty"
[ $status = 1 ] || fail "nothing to read: exit status $status"
expect 'there is nothing to read'

demo --from "$dir/in" --bytes 900T
[ $status = 1 ] || fail "no space: exit status $status"
expect 'GiB of free space and the demo needs about'
echo "odd inputs came back"
