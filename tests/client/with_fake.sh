#!/bin/bash
# with_fake.sh CMD... -- runs CMD with 127.0.0.1 and the port of a fake server behind its words.
set -euo pipefail
here=$(dirname "$0")
coproc FAKE { exec python3 "$here/fake.py"; }
pid=$FAKE_PID
read -r port <&"${FAKE[0]}"
status=0
"$@" 127.0.0.1 "$port" || status=$?
in=${FAKE[1]}
exec {in}>&- # its input ends, and so does it
wait "$pid" || true
exit $status
