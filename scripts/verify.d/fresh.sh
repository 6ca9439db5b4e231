# fresh.sh -- a fresh Debian 12 in a directory, for the scripts that prove something there; sourced
# after rows.sh by a script that has set `point` and `command`, never run.
#
#   fresh_make      debootstrap, mounts, the committed tree for root and for an ordinary user, setup
#   as USER WORDS   runs them in USER's tree, with few descriptors and little locked memory
#   twice WORDS     runs them twice in parallel; fails if one fails
#   both WORDS      runs them as root and as the ordinary user, in parallel; fails if one fails
#
# Needs root (chroot, mount) and debootstrap; without them it says so in a row, and ends. Uses the
# machine's own package sources. All of it goes away at the end; VERIFY_KEEP=1 keeps it.

if [ "$(id -u)" != 0 ]; then
    row $point "a fresh Debian 12" "not root: chroot refused" FAIL "sudo $command"
    exit 1
fi
if ! command -v debootstrap >/dev/null; then
    row $point "a fresh Debian 12" "debootstrap is missing" FAIL "scripts/setup --all"
    exit 1
fi
# Mounts live in a namespace of this script's own: nothing stays mounted, whatever happens.
[ -n "${VERIFY_UNSHARED:-}" ] || VERIFY_UNSHARED=1 exec unshare --mount "$0"

dir=$(mktemp -d "${TMPDIR:-/var/tmp}/shardlog-fresh-XXXXXX")
machine=$dir/root
finish() {
    if mountpoint -q "$machine/dev"; then
        umount -l "$machine"/{proc,sys,dev} || return
    fi
    [ -n "${VERIFY_KEEP:-}" ] || rm -rf --one-file-system "$dir"
}
trap finish EXIT

# The package sources and certificates of this machine; then the three mounts, /dev last.
machine_make() {
    local mirror
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' |
        grep -v security | head -n 1)
    debootstrap --variant=minbase bookworm "$machine" "${mirror:-http://deb.debian.org/debian}" \
        >"$dir/debootstrap.log" || { tail -n 20 "$dir/debootstrap.log" && return 1; }
    rm -rf "$machine"/etc/apt/sources.list
    cp -rL /etc/apt/sources.list* /etc/apt/apt.conf.d "$machine/etc/apt/"
    cp -L /etc/resolv.conf /etc/hosts "$machine/etc/"
    mkdir -p "$machine/etc/ssl/certs"
    cp -L /etc/ssl/certs/ca-certificates.crt "$machine/etc/ssl/certs/" 2>/dev/null || true
    mount -t proc proc "$machine/proc" && mount --bind /sys "$machine/sys" &&
        mount --rbind /dev "$machine/dev" &&
        chroot "$machine" useradd --create-home --shell /bin/bash somebody
}

# The committed tree, one copy for each user.
machine_fill() {
    mkdir -p "$machine/srv/log" "$machine/home/somebody/log"
    git -c safe.directory='*' archive HEAD | tee >(tar -x -C "$machine/srv/log") |
        tar -x -C "$machine/home/somebody/log"
    chroot "$machine" chown -R somebody: /home/somebody/log
}

as() {
    local user=$1 where=/srv/log
    shift
    [ "$user" = root ] || where=/home/somebody/log
    chroot "$machine" su "$user" -s /bin/bash -c \
        "cd $where && ulimit -l 8192 && ulimit -n 1024 && export TMPDIR=/var/tmp && $*"
}

# beside USER USER WORDS: two at the same time, in the trees of these users.
beside() {
    local one=$1 other=$2 first status=0
    shift 2
    as "$one" "$@" >"$dir/second.log" 2>&1 &
    first=$!
    as "$other" "$@" || status=$?
    wait $first || { status=$? && tail -n 40 "$dir/second.log"; }
    return $status
}

twice() {
    local user=$1
    shift
    beside "$user" "$user" "$@"
}

both() {
    beside root somebody "$@"
}

fresh_make() {
    attempt $point "a fresh Debian 12 in a directory" "debootstrap bookworm" machine_make
    chroot "$machine" id somebody >/dev/null
    machine_fill
    attempt $point "setup, root" "scripts/setup" as root scripts/setup
    attempt $point "setup again changes nothing, ordinary user" "scripts/setup" \
        as somebody scripts/setup
}
