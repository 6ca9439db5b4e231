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
assert both("shardlog_connections_opened_total") >= 2 and both("shardlog_frames_received_total") >= 4, body
assert both("shardlog_append_seconds_count") >= 1 and both("shardlog_network_memory_bytes") == 0, body
high = [int(figures['shardlog_partition_high_offset{topic="t",partition="%d"}' % i]) for i in range(2)]
assert sum(high) == 100 and figures["shardlog_partitions_left_out"] == "0", body
# HTTP/1.0 knows no chunks: the end of the stream is the end of the page
with socket.create_connection(("127.0.0.1", port)) as s:
    s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
    old = b"".join(iter(lambda: s.recv(65536), b"")).decode()
assert "chunked" not in old and old.split("\r\n\r\n", 1)[1].count("\n") == body.count("\n"), old
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
