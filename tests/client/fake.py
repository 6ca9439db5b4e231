#!/usr/bin/env python3
"""fake.py -- enough of a native server in memory to test clients: no disk, no shards, no time.

    fake.py [--cut N] [--busy N] [--shards N]     prints its port; ends when its input is closed

    --cut N    the Nth append of all is done, and its connection cut instead of answered
    --busy N   the first N appends that were here already are answered BUSY
    --shards N what hello says

Topics whose names begin so misbehave:  silent: appends get no answer; garble: an append's answer has
a broken header; wrong: the answer's payload has a broken checksum; stop: the server says close;
trim: the first trim is done, and its connection cut instead of answered.

Groups whose names begin with `full` have three members, those with `stuck` answer the same page again
and again; a commit that makes `cut` is done, and its connection cut instead of answered.
"""
import argparse
import os
import re
import socket
import struct
import sys
import threading
import time

from client import crc32c, head_sound, read, text

(CLOSE, HELLO, AUTH, PING, TOPICS, DESCRIBE, CREATE, DELETE, ALTER, APPEND, FETCH, OFFSETS, TRIM,
 STATS, GROW, GROUPS, GROUP, LAG, COMMIT, FORGET) = range(20)
NOT_FOUND, EXISTS, INVALID, TOO_LARGE, BAD_BATCH, OFFSET_RANGE = 5, 6, 7, 8, 9, 10
UNSUPPORTED, SEQUENCE, FENCED, BUSY, BAD_FRAME, NOT_EMPTY = 12, 18, 19, 20, 26, 30
NONE = -(1 << 63)
FRAME_MAX = 1 << 20


class Refused(Exception):
    def __init__(self, code, why, limit=0, value=0):
        super().__init__(why)
        self.code, self.limit, self.value = code, limit, value


class Fields:
    """Takes fields off a payload."""

    def __init__(self, data):
        self.data = data

    def take(self, n):
        if n > len(self.data):
            raise Refused(BAD_FRAME, f"needs {n} bytes, and there are {len(self.data)}")
        head, self.data = self.data[:n], self.data[n:]
        return head

    def numbers(self, form):
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))

    def text(self):
        size = self.numbers("H")[0]
        return None if size == 0xFFFF else self.take(size).decode()

    def pairs(self):
        return [(self.text(), self.text()) for _ in range(self.numbers("I")[0])]


class Partition:
    def __init__(self):
        self.batches, self.start, self.next = [], 0, 0
        self.producers = {}  # id -> [epoch, next sequence, [(sequence, count, offset, ms)]]
        self.grown = threading.Condition()

    def claim(self, batch):
        """The offset and time of a batch that is here; None: it is new."""
        producer, epoch, sequence, count = struct.unpack_from(">qhii", batch, 43)
        if producer < 0:
            return None
        state = self.producers.setdefault(producer, [epoch, 0, []])
        if epoch < state[0]:
            raise Refused(FENCED, "a newer epoch of this producer exists")
        if epoch > state[0]:
            state[:] = [epoch, 0, []]
        for old in state[2]:
            if old[:2] == (sequence, count):
                return old[2:]
        if sequence != state[1]:
            raise Refused(SEQUENCE, f"sequence {sequence}, wanted is {state[1]}")
        state[1] = (sequence + count) % (1 << 31)
        state[2] = (state[2] + [(sequence, count, self.next, int(time.time() * 1000))])[-5:]
        return None

    def append(self, batch, busy):
        with self.grown:
            found = self.claim(batch)
            if found and busy():
                raise Refused(BUSY, "the first one is on its way")
            count = struct.unpack_from(">i", batch, 57)[0]
            if found:
                return found[0], found[1], count, 1
            base = self.next
            self.batches.append((base, count, struct.pack(">q", base) + batch[8:]))
            self.next += count
            self.grown.notify_all()
            return base, int(time.time() * 1000), count, 0

    def fetch(self, offset, bytes_max, bytes_min, wait_ms):
        until = time.monotonic() + wait_ms / 1000
        with self.grown:
            while True:
                if not self.start <= offset <= self.next:
                    raise Refused(OFFSET_RANGE, "outside the log", self.next, offset)
                out, goes_on = b"", offset
                for base, count, batch in self.batches:
                    if out and len(out) + len(batch) > bytes_max:
                        break
                    if base + count > offset:
                        out, goes_on = out + batch, base + count
                left = until - time.monotonic()
                if len(out) >= bytes_min or left <= 0:
                    return goes_on, out
                self.grown.wait(left)

    def offset_of(self, what, time_ms):
        if what < 2:
            return (self.start if what == 0 else self.next), NONE
        times = [(struct.unpack_from(">q", batch, 35)[0], base) for base, _, batch in self.batches]
        if what == 3:
            times = times and [max(times)]
        for at, base in times:
            if what == 3 or at >= time_ms:
                return base, at
        raise Refused(NOT_FOUND, "no such record")


class Topic:
    def __init__(self, name, partitions, settings):
        self.name, self.settings = name, dict(settings)
        self.id = os.urandom(16)
        self.partitions = [Partition() for _ in range(partitions)]
        self.trims = 0


class Server:
    def __init__(self, options):
        self.options, self.topics, self.lock = options, {}, threading.Lock()
        self.groups = {"full house": {}}  # name -> {(topic, partition): offset}
        self.appends = self.busy = 0

    def cut(self):
        with self.lock:
            self.appends += 1
            return self.appends == self.options.cut

    def is_busy(self):
        with self.lock:
            self.busy += 1
            return self.busy <= self.options.busy

    def named(self, name):
        if name not in self.topics:
            raise Refused(NOT_FOUND, f"no topic {name}")
        return self.topics[name]

    def by_id(self, ident):
        for topic in self.topics.values():
            if topic.id == ident:
                return topic
        raise Refused(NOT_FOUND, "no topic with this id")


class Cut(Exception):
    pass


class Connection:
    def __init__(self, server, sock):
        self.server, self.sock, self.out = server, sock, threading.Lock()
        self.greeted = False

    def send(self, head, payload, flags=1, checked=None, spoil=None):
        head = b"SLN1" + struct.pack("<BBH", 1, head[5], flags) + head[8:36]
        head += struct.pack("<II", len(payload), crc32c(payload[:checked]) ^ (spoil == "wrong"))
        head += struct.pack("<I", crc32c(head) ^ (spoil == "garble"))
        with self.out:
            self.sock.sendall(head + payload)

    def refuse(self, head, why):
        retriable = why.code in (2, 11, 13, 14, BUSY, 24)
        self.send(head, struct.pack("<HHIQQ", why.code, retriable, 0, why.limit, why.value)
                  + text(str(why)), 3)

    def run(self):
        try:
            while True:
                head = read(self.sock, 48)
                if not head_sound(head):
                    self.refuse(bytes(48), Refused(BAD_FRAME, "no frame begins here"))
                    return
                size, crc = struct.unpack_from("<II", head, 36)
                payload = read(self.sock, size)
                checked = 8 if head[5] == APPEND else size
                if crc32c(payload[:checked]) != crc:
                    self.refuse(head, Refused(BAD_FRAME, "the payload's checksum is another"))
                elif head[5] == FETCH:  # it may wait: nobody else does
                    threading.Thread(target=self.serve, args=(head, payload), daemon=True).start()
                else:
                    self.serve(head, payload)
        except (Cut, OSError):
            pass
        finally:
            self.sock.close()

    def serve(self, head, payload):
        fields = Fields(payload)
        try:
            if self.greeted == (head[5] == HELLO):
                raise Refused(BAD_FRAME, "hello comes first, and once")
            if head[5] not in VERBS:
                raise Refused(UNSUPPORTED, f"verb {head[5]} is unknown")
            answer = VERBS[head[5]](self, fields, head)
            if fields.data:
                raise Refused(BAD_FRAME, f"{len(fields.data)} bytes follow the last field")
            if answer is not None:
                self.send(head, answer, checked=24 if head[5] == FETCH else None)
        except Refused as why:
            self.refuse(head, why)
        except OSError:
            pass

    def place(self, head):
        topic, index = self.server.by_id(head[16:32]), struct.unpack_from("<I", head, 32)[0]
        if index >= len(topic.partitions):
            raise Refused(NOT_FOUND, f"{topic.name} has no partition {index}")
        return topic, topic.partitions[index]

    def hello(self, fields, _):
        least, _, _, ignorable, _, refuse, shard, _ = fields.numbers("HHIQQQII")
        fields.text(), fields.text(), fields.take(fields.numbers("I")[0]), fields.take(len(fields.data))
        if least > 1 or refuse:
            raise Refused(UNSUPPORTED, "version 1 is spoken here, without features")
        shards = self.server.options.shards
        if shard != 0xFFFFFFFF and shard >= shards:
            raise Refused(INVALID, f"there are {shards} shards", shards - 1, shard)
        self.greeted = True
        return struct.pack("<HBBIQQQIIII16sII", 1, 0, 0, FRAME_MAX, ignorable & 0, 0, 0, shards,
                           0 if shard == 0xFFFFFFFF else shard, 1024, 600000, b"fake", 1, 0) \
            + text("fake 1") + text("") + struct.pack("<I", 0)

    def ping(self, fields, _):
        return fields.take(len(fields.data))

    def list(self, fields, _):
        count, after = fields.numbers("I")[0], fields.text()
        names = sorted(n for n in self.server.topics if n > after)
        shown = names[:count or 2]  # few, so that clients ask again
        return struct.pack("<II", len(names) > len(shown), len(shown)) + b"".join(map(text, shown))

    def describe(self, fields, head):
        first, count = fields.numbers("II")
        name = fields.text()
        topic = self.server.named(name) if name else self.server.by_id(head[16:32])
        last = min(len(topic.partitions), first + (count or 3))
        out = topic.id + struct.pack("<II", len(topic.partitions), first) + text(topic.name)
        out += struct.pack("<I", max(0, last - first))
        for index in range(first, last):
            out += struct.pack("<III", index % self.server.options.shards, 0, 0)
        out += struct.pack("<I", len(topic.settings))
        return out + b"".join(text(k) + text(v) + b"\1" for k, v in sorted(topic.settings.items()))

    def create(self, fields, _):
        partitions, name = fields.numbers("I")[0], fields.text()
        settings = fields.pairs()
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,249}", name):
            raise Refused(INVALID, f"{name!r} is not a name of a topic")
        with self.server.lock:
            if name in self.server.topics:
                raise Refused(EXISTS, f"{name} exists")
            topic = self.server.topics[name] = Topic(name, partitions or 1, settings)
        return topic.id + struct.pack("<II", len(topic.partitions), 0)

    def delete(self, fields, _):
        del self.server.topics[self.server.named(fields.text()).name]
        return b""

    def alter(self, fields, _):
        topic = self.server.named(fields.text())
        for key, value in fields.pairs():
            topic.settings.pop(key, None)
            if value is not None:
                topic.settings[key] = value
        return b""

    def grow(self, fields, _):
        partitions, topic = fields.numbers("I")[0], self.server.named(fields.text())
        with self.server.lock:
            more = partitions - len(topic.partitions)
            if more <= 0:
                raise Refused(INVALID if more else EXISTS, f"{len(topic.partitions)} partitions")
            topic.partitions += [Partition() for _ in range(more)]
        return b""

    def append(self, fields, head):
        topic, partition = self.place(head)
        durability = fields.numbers("B7x")[0]
        batch = fields.take(len(fields.data))
        most = int(topic.settings.get("max.message.bytes", 1048588))
        if durability > 3:
            raise Refused(INVALID, "durability", 3, durability)
        if len(batch) > most:
            raise Refused(TOO_LARGE, "max.message.bytes is smaller than this batch", most, len(batch))
        if len(batch) < 61 or batch[16] != 2 or struct.unpack_from(">i", batch, 8)[0] != len(batch) - 12 \
                or struct.unpack_from(">I", batch, 17)[0] != crc32c(batch[21:]):
            raise Refused(BAD_BATCH, "length, magic or checksum of the batch")
        base, now, count, duplicate = partition.append(batch, self.server.is_busy)
        if self.server.cut():
            self.sock.shutdown(socket.SHUT_RDWR)
            return None
        kind = topic.name.split("-")[0]
        if kind == "stop":
            self.refuse(bytes(48), Refused(15, "the server is stopping"))
            raise Cut
        answer = struct.pack("<QqIBBH", base, now, count, durability or 3, duplicate, 0)
        if kind in ("garble", "wrong"):
            self.send(head, answer, spoil=kind)
        return answer if kind not in ("silent", "garble", "wrong") else None

    def fetch(self, fields, head):
        offset, most, least, wait_ms, _ = fields.numbers("QIIII")
        partition = self.place(head)[1]
        goes_on, batches = partition.fetch(offset, most or 1 << 20, least, wait_ms)
        return struct.pack("<QQQ", goes_on, partition.next, partition.start) + batches

    def offsets(self, fields, head):
        what, _, time_ms = fields.numbers("IIq")
        offset, found = self.place(head)[1].offset_of(what, time_ms)
        return struct.pack("<QqII", offset, found, 0, 0)

    def trim(self, fields, head):
        topic, partition = self.place(head)
        offset = fields.numbers("Q")[0]
        if offset != (1 << 64) - 1 and offset > partition.next:
            raise Refused(OFFSET_RANGE, "beyond the end", partition.next, offset)
        partition.start = max(partition.start, min(offset, partition.next))
        partition.batches = [b for b in partition.batches if b[0] + b[1] > partition.start]
        topic.trims += 1
        if topic.name.split("-")[0] == "trim" and topic.trims == 1:
            self.sock.shutdown(socket.SHUT_RDWR)
            return None
        return struct.pack("<Q", partition.start)

    def stats(self, fields, _):
        fields.numbers("I")
        figures = {"shardlog_appends_total": self.server.appends}
        return struct.pack("<I", len(figures)) + b"".join(text(k) + struct.pack("<Q", v)
                                               for k, v in figures.items())

    def group_of(self, name):
        if name not in self.server.groups:
            raise Refused(NOT_FOUND, f"no group {name}")
        return self.server.groups[name]

    @staticmethod
    def empty(name):
        if name.startswith("full"):
            raise Refused(NOT_EMPTY, f"{name} has members")

    def list_groups(self, fields, _):
        count, after = fields.numbers("I")[0], fields.text()
        stuck = any(n.startswith("stuck") for n in self.server.groups)
        names = sorted(n for n in self.server.groups if stuck or n > after)
        shown = names[:count or 2]
        return struct.pack("<II", stuck or len(names) > len(shown), len(shown)) + b"".join(
            text(n) + text("consumer") + text("Stable" if n.startswith("full") else "Empty")
            for n in shown)

    def group(self, fields, _):
        first, count = fields.numbers("II")
        name = fields.text()
        self.group_of(name)
        members = [0, 1, 2] if name.startswith("full") else []
        shown = members[first:first + (count or 2)]
        out = struct.pack("<II", len(members), first) + text("Stable") + text("consumer")
        out += text("range") + struct.pack("<I", len(shown))
        for i in shown:
            instance = struct.pack("<H", 0xFFFF) if i == 1 else text(f"instance {i}")
            out += text(f"member {i}") + instance + text("app") + text("/127.0.0.1")
            out += struct.pack("<I", i) + b"\0" * i
        return out

    def lag(self, fields, _):
        count, after_partition = fields.numbers("II")
        name, after_topic = fields.text(), fields.text()
        rows = sorted(place for place in self.server.groups.get(name, {})
                      if not after_topic or place > (after_topic, after_partition))
        shown = rows[:count or 2]
        out = struct.pack("<II", len(rows) > len(shown), len(shown))
        for topic, index in shown:
            at, there = self.server.groups[name][topic, index], self.server.topics.get(topic)
            end = there.partitions[index].next if there else 0
            out += text(topic) + struct.pack("<IIQQQQQq", index, 0 if there else NOT_FOUND, at, 0,
                                             end, max(0, end - at), 100 * max(0, end - at),
                                             1234 if end > at else 0 if there else -1)
        return out

    def commit(self, fields, _):
        name, rows = fields.text(), {}
        for _ in range(fields.numbers("I")[0]):
            topic = fields.text()
            index, offset = fields.numbers("IQ")
            if index >= len(self.server.named(topic).partitions):
                raise Refused(NOT_FOUND, f"{topic} has no partition {index}")
            rows[topic, index] = offset
        self.empty(name)
        fresh = name not in self.server.groups
        self.server.groups.setdefault(name, {}).update(rows)
        if name.startswith("cut") and fresh:
            self.sock.shutdown(socket.SHUT_RDWR)
            return None
        return b""

    def forget(self, fields, _):
        name = fields.text()
        self.group_of(name)
        self.empty(name)
        del self.server.groups[name]
        return b""


VERBS = {HELLO: Connection.hello, PING: Connection.ping, TOPICS: Connection.list,
         DESCRIBE: Connection.describe, CREATE: Connection.create, DELETE: Connection.delete,
         ALTER: Connection.alter, GROW: Connection.grow, APPEND: Connection.append,
         FETCH: Connection.fetch, OFFSETS: Connection.offsets, TRIM: Connection.trim,
         STATS: Connection.stats,
         GROUPS: Connection.list_groups, GROUP: Connection.group, LAG: Connection.lag,
         COMMIT: Connection.commit, FORGET: Connection.forget}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cut", type=int, default=0)
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("--shards", type=int, default=4)
    server = Server(parser.parse_args())
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)

    def accept():
        while True:
            sock = listener.accept()[0]
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=Connection(server, sock).run, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
