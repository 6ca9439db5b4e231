#!/bin/bash
# http.sh SHARDLOG -- metrics and health, as a monitor asks for them, and what it may not ask.
SHARDLOG=$1
source "$(dirname "$0")/broker.sh"

broker_start
export SHARDLOG_AT=127.0.0.1:$port
"$SHARDLOG" topic create t --partitions 2 >/dev/null
seq 100 | "$SHARDLOG" produce t >/dev/null
python3 - "$http_port" <<'PYTHON'
import http.client, socket, sys
port = int(sys.argv[1])

def ask(path, method="GET"):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    c.request(method, path)
    a = c.getresponse()
    body = a.read().decode()
    c.close()
    return a.status, body

assert ask("/healthz") == (200, "running\n")
assert ask("/readyz?verbose") == (200, "ready\n")
assert ask("/nothing")[0] == 404
assert ask("/metrics", "POST")[0] == 405
assert ask("/metrics", "HEAD") == (200, "")
assert ask("/" + "x" * 9000)[0] == 431
status, body = ask("/metrics")
figures = dict(line.rsplit(None, 1) for line in body.splitlines() if not line.startswith("#"))
both = lambda name: sum(int(figures['%s{shard="%d"}' % (name, i)]) for i in range(2))
assert status == 200 and both("shardlog_appends_total") >= 1, body
assert both("shardlog_partitions") == 2 and figures["shardlog_ready"] == "1", body
assert "shardlog_connections" not in body, body  # no front counts: no figure is better than a 0
# more at once than are served: the others wait, and a silent one harms nobody
silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(15)]
for _ in range(50):
    assert ask("/readyz")[0] == 200
for s in silent:
    s.close()
assert ask("/readyz")[0] == 200
PYTHON
silent() { exec 3<>"/dev/tcp/127.0.0.1/$http_port"; } # one that never asks does not hold up the stop
silent
broker_stop
