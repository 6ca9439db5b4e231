#!/usr/bin/env python3
"""badinput.py -- clients that do not keep to the protocol, beside one that does.

    badinput.py HOST PORT PID PLAN SILENT MAX    PID: the broker's; PLAN: bytes it may use;
                                                 SILENT: idle connections; MAX: connections.max

Topic `bad`, partition 0, has at least 16 MiB. Prints "result|what|required|measured|pass or FAIL";
exit code 1 if one of them failed.
"""
import multiprocessing
import os
import random
import resource
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "client"))
import client as native  # noqa: E402
from client import APPEND, CREATE, FETCH, HELLO, crc32c, text  # noqa: E402

CLOSE, PING, DESCRIBE = 0, 3, 5
TOO_LARGE, BAD_BATCH, UNSUPPORTED, LIMIT, TIMEOUT, BAD_FRAME = 8, 9, 12, 14, 24, 26
GOOD_LATENCY = 6.0  # seconds at most, for whoever keeps to the protocol: 2 s until others give way
SECONDS_SLOW = 8
failed = 0


def result(what, required, measured, passed):
    global failed
    failed += not passed
    print(f"result|{what}|{required}|{measured}|{'pass' if passed else 'FAIL'}", flush=True)


def frame(verb, payload=b"", topic=bytes(16), partition=0, length=None, version=1, flags=0, magic=b"SLN1"):
    checked = payload[:8] if verb == APPEND else payload
    head = magic + struct.pack("<BBHQ", version, verb, flags, 7) + topic
    head += struct.pack("<III", partition, len(payload) if length is None else length, crc32c(checked))
    return head + struct.pack("<I", crc32c(head)) + payload


def hello():
    ask = struct.pack("<HHIQQQII", 1, 1, 16 << 20, 0, 0, 0, 0xFFFFFFFF, 0)
    return frame(HELLO, ask + text("badinput") + text("") + struct.pack("<I", 0))


def connect(receive_bytes=0):
    sock = socket.socket()
    if receive_bytes:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    sock.settimeout(20)
    sock.connect(AT)
    return sock


def greeted(receive_bytes=0):
    sock = connect(receive_bytes)
    sock.sendall(HELLO_BYTES)
    assert answer(sock)[0] == HELLO
    return sock


def answer(sock):
    """(verb, error code or 0); (None, None): the stream has ended."""
    try:
        head = b""
        while len(head) < 48:
            more = sock.recv(48 - len(head))
            if not more:
                return None, None
            head += more
        payload, size = b"", struct.unpack_from("<I", head, 36)[0]
        while len(payload) < size:
            more = sock.recv(size - len(payload))
            if not more:
                return None, None
            payload += more
        return head[5], struct.unpack_from("<H", payload)[0] if head[6] & 2 else 0
    except ConnectionResetError:
        return None, None


def describe(topic_name):
    return struct.pack("<II", 0, 1) + text(topic_name)


# ---- the one that keeps to the protocol, in a process of its own ----

def good(pipe, topic):
    c, offset, times = native.Client(*AT), None, []
    while not pipe.poll():
        began = time.monotonic()
        body = struct.pack("<B7x", 3) + native.batch_of([b"good"], int(time.time() * 1000))
        offset = struct.unpack_from("<Q", c.ask(APPEND, body, topic, 0))[0]
        got = c.ask(FETCH, struct.pack("<QIIII", offset, 4096, 1, 1000, 0), topic, 0)
        assert (offset, b"good") in list(native.values_of(got[24:]))
        times.append(time.monotonic() - began)
        time.sleep(0.01)
    pipe.send(sorted(times))


class Good:
    def __init__(self, topic):
        self.pipe, other = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=good, args=(other, topic), daemon=True)
        self.process.start()

    def end(self, what):
        self.pipe.send("end")
        try:
            times = self.pipe.recv() if self.pipe.poll(60) else []
        except EOFError:
            times = []
        self.process.join(10)
        if not times:
            result(what, "served", "an error, or no answer", False)
            return
        ms = [t * 1000 for t in (times[len(times) // 2], times[len(times) * 99 // 100], times[-1])]
        result(what, f"slowest append and fetch below {GOOD_LATENCY:.0f} s",
               f"{len(times)} of both, p50 {ms[0]:.1f} ms, p99 {ms[1]:.1f} ms, slowest {ms[2]:.0f} ms",
               times[-1] < GOOD_LATENCY)


class Memory(threading.Thread):
    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.most, self.over = pid, 0, False

    def run(self):
        while not self.over:
            with open(f"/proc/{self.pid}/status") as f:
                self.most = max(self.most, *(int(line.split()[1]) << 10 for line in f if line.startswith("VmRSS")))
            time.sleep(0.05)


# ---- what is wrong, and what it must come to ----

def table(topic):
    """what, bytes after hello (None: instead of it), half-close, the answer, ("close" too?)"""
    sound = struct.pack("<B7x", 3) + native.batch_of([b"x" * 100], 1700000000000)
    append, ping = frame(APPEND, sound, topic), frame(PING, b"ping")
    fetch = frame(FETCH, struct.pack("<QIIII", 1 << 40, 100, 1, 0, 0), topic)
    bad_batch = frame(APPEND, sound[:-1] + bytes([sound[-1] ^ 1]), topic)
    bad_crc = ping[:-1] + b"!"
    return [
        ("a header with another magic", frame(PING, magic=b"GET "), (CLOSE, BAD_FRAME)),
        ("a header whose checksum is wrong", ping[:47] + b"\0" + ping[48:], (CLOSE, BAD_FRAME)),
        ("a version that was not agreed on", frame(PING, version=9), (CLOSE, UNSUPPORTED)),
        ("a payload above 64 MiB", frame(APPEND, length=(64 << 20) + 1), (CLOSE, TOO_LARGE)),
        ("a payload above frame_max", frame(APPEND, bytes(3 << 20), topic, length=3 << 20), (APPEND, TOO_LARGE)),
        ("a payload of another length than its verb's", frame(FETCH, bytes(30)), (FETCH, TOO_LARGE)),
        ("a payload that ends in a field", frame(DESCRIBE, b"\1\2\3"), (DESCRIBE, BAD_FRAME)),
        ("a text longer than the payload", frame(DESCRIBE, bytes(8) + b"\x14\0abc"), (DESCRIBE, BAD_FRAME)),
        ("a count larger than the payload",
         frame(CREATE, struct.pack("<I", 1) + text("x") + struct.pack("<I", 60)), (CREATE, BAD_FRAME)),
        ("a payload whose checksum is wrong", bad_crc, (PING, BAD_FRAME)),
        ("a verb that is not there", frame(77), (77, UNSUPPORTED)),
        ("an answer instead of a request", frame(PING, flags=1), (PING, BAD_FRAME)),
        ("hello for a second time", HELLO_BYTES, (HELLO, BAD_FRAME)),
        ("a batch with a flipped bit", bad_batch, (APPEND, BAD_BATCH)),
        ("two batches in one append", frame(APPEND, sound + sound[8:], topic), (APPEND, BAD_BATCH)),
        ("no batch at all", frame(APPEND, bytes(69), topic), (APPEND, BAD_BATCH)),
        ("an offset beyond the end", fetch, (FETCH, 10)),
        ("a topic that is not there", frame(APPEND, sound, b"?" * 16), (APPEND, 5)),
        ("a partition that is not there", frame(APPEND, sound, topic, 99), (APPEND, 5)),
    ], append


def rows_run(topic):
    rows, append = table(topic)
    wrong = []
    for what, data, expected in rows:
        sock = greeted()
        sock.sendall(data)
        got = answer(sock)
        if got == expected and expected[0] != CLOSE:
            sock.sendall(frame(PING, b"on"))
            got = expected if answer(sock) == (PING, 0) else ("the connection did not go on",)
        elif got == expected:
            got = expected if answer(sock)[0] is None else ("the connection did not end",)
        if got != expected:
            wrong.append(f"{what}: {got}, not {expected}")
        sock.close()
    first = [("append before hello", append, (APPEND, BAD_FRAME)),
             ("a hello above 16 KiB", frame(HELLO, length=20000), (HELLO, TOO_LARGE))]
    for what, data, expected in first:
        sock = connect()
        sock.sendall(data + bytes(20000 if expected[1] == TOO_LARGE else 0))
        got = answer(sock)
        if got != expected:
            wrong.append(f"{what}: {got}, not {expected}")
        sock.close()
    count = len(rows) + len(first)
    result("malformed and out-of-order frames", "each its error, or close where framing is lost",
           f"{count - len(wrong)} of {count}{': ' if wrong else ''}{'; '.join(wrong)}", not wrong)
    return append


def truncated(append):
    """Every length of a frame, then a half-close, then a cut."""
    wrong = 0
    for size in range(1, len(append), 3):
        sock = greeted()
        sock.sendall(append[:size])
        sock.shutdown(socket.SHUT_WR)
        wrong += answer(sock)[0] is not None
        sock.close()
    sock = greeted()
    sock.sendall(append)
    sock.shutdown(socket.SHUT_WR)
    wrong += answer(sock) != (APPEND, 0)
    wrong += answer(sock)[0] is not None
    sock.close()
    result("truncated frames, then a half-close", "the whole ones are answered, nothing else",
           f"{wrong} otherwise", wrong == 0)


def flipped(append, count):
    """One bit of an append: an error, or a close; never an acknowledgement."""
    rng, wrong, sock = random.Random(4), 0, greeted()
    for _ in range(count):
        at = rng.randrange(len(append))
        while 56 <= at < 64 or 68 <= at < 72:  # the batch's base offset and epoch are the log's
            at = rng.randrange(len(append))
        sock.sendall(append[:at] + bytes([append[at] ^ 1 << rng.randrange(8)]) + append[at + 1:])
        verb, code = answer(sock)
        wrong += not code
        if verb == CLOSE or verb is None:
            sock.close()
            sock = greeted()
    sock.close()
    result("appends with a flipped bit", "an error or a close, no acknowledgement",
           f"{count} tried, {wrong} otherwise", wrong == 0)


def silent_open(count):
    """Idle ones, ones without hello, ones in the middle of a frame."""
    idle, mute, torn = [], [], []
    for i in range(count):
        sock = connect()
        if i % 20 == 0:
            mute.append(sock)
        elif i % 20 == 1:
            sock.sendall(HELLO_BYTES[:30])
            torn.append(sock)
        else:
            sock.sendall(HELLO_BYTES)
            sock.recv(4096)
            idle.append(sock)
    return idle, mute + torn


def slow(topic):
    """Readers that do not read, writers that trickle, long polls that are cut."""
    socks, polls = [], []
    for i in range(40):
        sock = greeted(4096)
        for k in range(30):
            sock.sendall(frame(FETCH, struct.pack("<QIIII", 0, 1 << 20, 1, 0, 0), topic))
        socks.append(sock)
    writers = []
    for i in range(40):
        sock = greeted()
        sock.sendall(frame(APPEND, bytes(8), topic, length=1 << 20))
        writers.append(sock)
    for i in range(50):
        sock = greeted()
        for k in range(40):
            sock.sendall(frame(FETCH, struct.pack("<QIIII", 1 << 30, 100, 1, 300000, 0), topic))
        polls.append(sock)
    for sock in polls:
        sock.close()
    until = time.monotonic() + SECONDS_SLOW
    while time.monotonic() < until:
        for sock in list(writers):
            try:
                sock.sendall(b"x")
            except OSError:
                writers.remove(sock)
        time.sleep(0.1)
    for sock in socks + writers:
        sock.close()


def timed_out(socks):
    told = 0
    for sock in socks:
        told += answer(sock) == (CLOSE, TIMEOUT)
        sock.close()
    result("connections without a hello for 10 s", "each is told TIMEOUT and closed",
           f"{told} of {len(socks)}", told == len(socks))


def too_many(most, open_now):
    """More than connections.max: told so, or closed; none hangs."""
    socks, served, told, closed = [], 0, 0, 0
    for i in range(most - open_now + 200):
        sock = connect()
        try:
            sock.sendall(HELLO_BYTES)
        except OSError:
            pass
        socks.append(sock)
    for sock in socks:
        got = answer(sock)
        served += got == (HELLO, 0)
        told += got == (CLOSE, LIMIT)
        closed += got[0] is None
    for sock in socks:
        sock.close()
    result("more connections than connections.max", "told LIMIT, or closed; none is left waiting",
           f"{served} served, {told} told LIMIT, {closed} closed",
           told > 0 and closed + told >= 150 and served + told + closed == len(socks))


def main(pid, plan, silent, most):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    topic = native.Client(*AT).ask(DESCRIBE, describe("bad"))[:16]
    memory, served = Memory(pid), Good(topic)
    memory.start()
    began = time.monotonic()
    idle, waiting = silent_open(silent)
    result(f"{silent} silent connections", "accepted", f"in {time.monotonic() - began:.1f} s", True)
    append = rows_run(topic)
    truncated(append)
    flipped(append, 400)
    slow(topic)
    timed_out(waiting)
    too_many(most, len(idle) + 1)
    served.end("a client that keeps to the protocol, meanwhile")
    idle[0].sendall(frame(PING, b"still there"))
    result("a silent connection that speaks again", "served", "", answer(idle[0]) == (PING, 0))
    memory.over = True
    memory.join()
    result("memory of the broker", f"within its plan of {plan >> 20} MiB", f"{memory.most >> 20} MiB at most",
           memory.most <= plan)


AT = (sys.argv[1], int(sys.argv[2]))
HELLO_BYTES = hello()
if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[3:7]))
    sys.exit(failed != 0)
