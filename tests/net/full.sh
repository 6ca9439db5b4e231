#!/bin/bash
# full.sh SHARDLOG limit|disk -- no space: appends get NO_SPACE and are told what to do, consumers are
# served, and when there is space again appends go on, all without a restart.
#
#   limit   space.max is reached; deleting a topic gives space back
#   disk    another program fills the file system; it removes its file (needs root and ext4: a file of
#           1 GiB is mounted in a namespace of this script's own)
SHARDLOG=$1 how=$2
if [[ $how == disk && -z ${FULL_UNSHARED:-} ]]; then
    for need in mkfs.ext4 unshare mount; do
        command -v $need >/dev/null || { echo "skipped: $need is missing" && exit 77; }
    done
    [[ $(id -u) -eq 0 ]] || { echo "skipped: not root, and nobody else may mount" && exit 77; }
    # In a chroot the root is no mount whose propagation could be changed; nothing is shared there.
    unshare --mount true 2>/dev/null && how_far=private || how_far=unchanged
    FULL_UNSHARED=1 unshare --mount --propagation $how_far "$0" "$@" && exit 0 || exit $?
fi
source "$(dirname "$0")/broker.sh"

shards=1 words=(--volume-bytes 64MiB)
mount_small() {
    truncate -s 1G "$place/disk"
    mkfs.ext4 -q -m 0 "$place/disk"
    mkdir "$place/data"
    mount -o loop "$place/disk" "$place/data" || { echo "skipped: no loop device" && exit 77; }
    trap 'umount -l "$place/data"; broker_end' EXIT
}
if [[ $how == disk ]]; then
    mount_small
else
    words+=(--space-max 450MiB)
fi
broker_start "${words[@]}"
export SHARDLOG_AT=127.0.0.1:$port
"$SHARDLOG" topic create old ballast new --partitions 1 >/dev/null
seq -f 'line %g, long before it was full' 20000 >"$place/lines"
"$SHARDLOG" produce old <"$place/lines" >/dev/null

head -c 40000000 /dev/urandom | base64 -w 1000 >"$place/much" # 54 MB
# Appends until one is refused; its words are in $place/err.
fill() {
    for _ in $(seq 30); do
        "$SHARDLOG" produce ballast --timeout 20 <"$place/much" >/dev/null 2>"$place/err" || return 0
    done
    fail "never full"
}
if [[ $how == disk ]]; then # the space that the broker has not taken yet
    fallocate -l "$(($(df --output=avail -B1 "$place/data" | tail -n 1) - 1000000))" "$place/data/other"
fi
fill
grep -q NO_SPACE "$place/err" || fail "full, and: $(cat "$place/err")"
grep -q 'file system is full' "$place/err" || fail "not what to do: $(cat "$place/err")"
[[ $how == disk ]] || grep -q 'space.max = 471859200' "$place/err" || fail "no limit: $(cat "$place/err")"
echo "refused: $(grep -m 1 NO_SPACE "$place/err")"
kill -0 "$pid" || fail "the broker ended"

# Consumers are served, those who ask for what is on the disk and those who ask for the newest.
"$SHARDLOG" consume old | cmp - "$place/lines" || fail "the old lines"
"$SHARDLOG" consume ballast --max 1000 >"$place/out" || fail "the newest topic"
[[ $(wc -l <"$place/out") -eq 1000 ]] || fail "not 1000 lines: $(wc -l <"$place/out")"
"$SHARDLOG" topic list >/dev/null || fail "topic list"
status=0
"$SHARDLOG" produce ballast --timeout 5 <"$place/much" >/dev/null 2>"$place/err" || status=$?
[[ $status -ne 0 ]] && grep -q NO_SPACE "$place/err" || fail "full, a second time: $(cat "$place/err")"

# It clears: the other program is gone, or a topic is.
if [[ $how == disk ]]; then
    rm "$place/data/other"
else
    "$SHARDLOG" topic delete ballast >/dev/null || fail "a topic cannot be deleted"
fi
cleared=
for _ in $(seq 100); do
    if "$SHARDLOG" produce new <"$place/much" >/dev/null 2>"$place/err"; then
        cleared=1
        break
    fi
    grep -q NO_SPACE "$place/err" || fail "not NO_SPACE but $(cat "$place/err")"
    sleep 0.2
done
[[ -n $cleared ]] || fail "space again, and still refused after 20 s: $(cat "$place/err")"
# An attempt that was refused may have brought its first lines; the last one brought all of them.
"$SHARDLOG" consume new >"$place/out" || fail "the new topic"
tail -n "$(wc -l <"$place/much")" "$place/out" | cmp - "$place/much" || fail "the new lines"
kill -0 "$pid" || fail "the broker ended"
! grep -q POISONED "$place/log" || fail "the store was poisoned"
broker_stop
broker_start "${words[@]}" # and all of it is there
"$SHARDLOG" consume old | cmp - "$place/lines" || fail "the old lines, after a restart"
broker_stop
echo "cleared without a restart"
