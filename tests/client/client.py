#!/usr/bin/env python3
"""client.py -- a client of the native protocol, written from docs/PROTOCOL.md alone.

    client.py HOST PORT [COUNT]    makes a topic, appends COUNT records, fetches and compares them
"""
import socket
import struct
import sys
import time

HELLO, CREATE, DELETE, APPEND, FETCH, OFFSETS = 1, 6, 7, 9, 10, 11
SYNCED, ANSWER, ERROR, ANY_SHARD = 3, 1, 2, 0xFFFFFFFF


def crc_table():
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        yield value


TABLE = list(crc_table())


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def text(value):
    return struct.pack("<H", len(value.encode())) + value.encode()


def read(sock, size):
    data = b""
    while len(data) < size:
        more = sock.recv(size - len(data))
        if not more:
            raise ConnectionError("the other side ended the connection")
        data += more
    return data


def head_sound(head):
    return head[:5] == b"SLN1\1" and crc32c(head[:44]) == struct.unpack_from("<I", head, 44)[0]


def varint(n):
    n, out = n * 2 if n >= 0 else -n * 2 - 1, b""
    while n >= 128:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def batch_of(values, now_ms):
    records = b""
    for delta, value in enumerate(values):
        body = b"\0" + varint(0) + varint(delta) + varint(-1) + varint(len(value)) + value + varint(0)
        records += varint(len(body)) + body
    tail = struct.pack(">hiqqqhii", 0, len(values) - 1, now_ms, now_ms, -1, -1, -1, len(values))
    tail += records
    rest = struct.pack(">iBI", -1, 2, crc32c(tail)) + tail
    return struct.pack(">qi", 0, len(rest)) + rest


def values_of(batches):
    """(offset, value) of every record of uncompressed batches that lie back to back."""
    def number():
        nonlocal at
        n = shift = 0
        while True:
            byte, at = batches[at], at + 1
            n, shift = n | (byte & 127) << shift, shift + 7
            if byte < 128:
                return n >> 1 if not n & 1 else -(n >> 1) - 1

    begin = 0
    while begin < len(batches):
        base, length = struct.unpack_from(">qi", batches, begin)
        end = begin + 12 + length
        assert crc32c(batches[begin + 21:end]) == struct.unpack_from(">I", batches, begin + 17)[0]
        at = begin + 61
        for _ in range(struct.unpack_from(">i", batches, begin + 57)[0]):
            stop = number() + at
            at += 1  # attributes
            number()  # time delta
            offset = base + number()
            key = number()
            at += max(key, 0)
            size = number()
            yield offset, batches[at:at + size]
            at = stop
        begin = end


class Client:
    def __init__(self, host, port):
        self.sock, self.correlation = socket.create_connection((host, port), 30), 0
        hello = struct.pack("<HHIQQQII", 1, 1, 16 << 20, 0, 0, 0, ANY_SHARD, 0)
        answer = self.ask(HELLO, hello + text("client.py") + text("") + struct.pack("<I", 0))
        self.shards, self.shard = struct.unpack_from("<II", answer, 32)

    def send(self, verb, payload, topic=bytes(16), partition=0):
        self.correlation += 1
        checked = payload[:8] if verb == APPEND else payload
        head = b"SLN1" + struct.pack("<BBHQ", 1, verb, 0, self.correlation) + topic
        head += struct.pack("<III", partition, len(payload), crc32c(checked))
        self.sock.sendall(head + struct.pack("<I", crc32c(head)) + payload)
        return self.correlation

    def receive(self):
        head = read(self.sock, 48)
        assert head_sound(head)
        verb, flags, correlation = struct.unpack_from("<BHQ", head, 5)
        size, crc = struct.unpack_from("<II", head, 36)
        payload = read(self.sock, size)
        checked = payload[:24] if verb == FETCH and not flags & ERROR else payload
        assert flags & ANSWER and crc32c(checked) == crc
        if flags & ERROR:
            code, _, _, limit, value = struct.unpack_from("<HHIQQ", payload)
            raise RuntimeError(f"error {code}: {payload[26:].decode()} ({value}, limit {limit})")
        return correlation, payload

    def ask(self, verb, payload, *place):
        wanted = self.send(verb, payload, *place)
        correlation, answer = self.receive()
        assert correlation == wanted
        return answer


def main(host, port, count):
    client, name = Client(host, int(port)), f"client-py-{time.time_ns()}"
    answer = client.ask(CREATE, struct.pack("<I", 2) + text(name) + struct.pack("<I", 0))
    topic, values = answer[:16], [b"record %d" % n for n in range(count)]
    waiting = {}
    for n in range(0, count, 50):  # pipelined: all are sent before the first answer is read
        batch = batch_of(values[n:n + 50], int(time.time() * 1000))
        waiting[client.send(APPEND, struct.pack("<B7x", SYNCED) + batch, topic, 1)] = n
    while waiting:
        correlation, answer = client.receive()
        base, _, _, bought, duplicate = struct.unpack_from("<QqIBB", answer)
        assert (base, bought, duplicate) == (waiting.pop(correlation), SYNCED, 0)
    assert struct.unpack_from("<Q", client.ask(OFFSETS, struct.pack("<IIq", 1, 0, 0), topic, 1))[0] == count
    got, offset = [], 0
    while offset < count:
        answer = client.ask(FETCH, struct.pack("<QIIII", offset, 4096, 1, 1000, 0), topic, 1)
        got += [(o, v) for o, v in values_of(answer[24:]) if o >= offset]
        offset = struct.unpack_from("<Q", answer)[0]
    assert got == list(enumerate(values)), "what came back is not what was sent"
    client.ask(DELETE, text(name))
    print(f"{count} records there and back, synced; shard {client.shard} of {client.shards}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 1000)
