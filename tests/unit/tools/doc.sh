#!/bin/bash
# doc.sh -- a page that is printed from a table is what the tree holds.
#
#     doc.sh PAGE COMMAND...
set -euo pipefail
page=$1
shift
if ! diff -u "$page" <("$@"); then
    echo "$page is out of date: run  $* >$page" >&2
    exit 1
fi
