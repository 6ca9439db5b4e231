#!/usr/bin/env python3
"""native_golden.py -- docs/PROTOCOL.md written a second time, without the codec.

Prints native_golden.h: the bytes of a frame of each verb, both ways. Run it only when the protocol
changes on purpose, with a new version:

    python3 tests/unit/net/native_golden.py > tests/unit/net/native_golden.h
"""
import struct


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283

TOPIC = bytes(range(0x50, 0x60))
NONE = bytes(16)
MS = 1700000000123
WIDE = 0x1122334455667788


def frame(verb, flags, payload, topic=NONE, partition=0, checked=None, correlation=7):
    covered = payload if checked is None else payload[:checked]
    head = b"SLN1" + struct.pack("<BBHQ", 1, verb, flags, correlation) + topic
    head += struct.pack("<III", partition, len(payload), crc32c(covered))
    return head + struct.pack("<I", crc32c(head)) + payload


def text(value):
    return b"\xff\xff" if value is None else struct.pack("<H", len(value)) + value


def blob(value):
    return struct.pack("<I", len(value)) + value


def items(*rows):
    return struct.pack("<I", len(rows)) + b"".join(rows)


def batch():
    """One record, value "hello", no key, as a producer sends it."""
    records = bytes.fromhex("16 00 00 00 01 0a") + b"hello" + b"\0"
    tail = struct.pack(">hiqqqhii", 0, 0, 1700000000000, 1700000000000, -1, -1, -1, 1) + records
    rest = struct.pack(">iBI", -1, 2, crc32c(tail)) + tail
    return struct.pack(">qi", 0, len(rest)) + rest


def error(code, retriable, limit, value, why):
    return struct.pack("<HHIQQ", code, retriable, 0, limit, value) + text(why)


HELLO = struct.pack("<HHIQQQII", 1, 3, 8454144, 1 << 40, 2, 0, 5, 0)
HELLO += text(b"a client") + text(b"PLAIN") + blob(b"\0who\0why") + b"later"
HELLO_ANSWER = struct.pack("<HBBIQQQIIII", 1, 1, 1, 9000001, 4, 8, 16, 6, 5, 1024, 600000)
HELLO_ANSWER += bytes(range(0x30, 0x40)) + struct.pack("<II", 7, 0)
HELLO_ANSWER += text(b"shardlog 0.1.0") + text(b"PLAIN SCRAM") + blob(b"salt") + b"tail"
SETTINGS = items(text(b"retention.ms") + text(b"86400000"), text(b"segment.ms") + text(None))
SHOWN = items(text(b"retention.ms") + text(b"86400000") + b"\1",
              text(b"segment.ms") + text(b"604800000") + b"\0")

VECTORS = [
    ("close", frame(0, 3, error(15, 0, 0, 0, b"stopping"), correlation=0)),
    ("hello_request", frame(1, 0, HELLO)),
    ("hello_answer", frame(1, 1, HELLO_ANSWER)),
    ("auth_request", frame(2, 0, text(b"SCRAM") + blob(b"step"))),
    ("auth_answer", frame(2, 1, struct.pack("<I", 1) + blob(b"more"))),
    ("ping_request", frame(3, 0, b"echo\0echo")),
    ("ping_answer", frame(3, 1, b"")),
    ("topics_request", frame(4, 0, struct.pack("<I", 100) + text(b"events"))),
    ("topics_answer", frame(4, 1, struct.pack("<I", 1) + items(text(b"faults"), text(b"goods")))),
    ("describe_request", frame(5, 0, struct.pack("<II", 3, 2) + text(b""), TOPIC)),
    ("describe_answer", frame(5, 1, TOPIC + struct.pack("<II", 5, 3) + text(b"events")
                              + items(struct.pack("<III", 1, 2, 0), struct.pack("<III", 0, 3, 4))
                              + SHOWN, TOPIC)),
    ("create_request", frame(6, 0, struct.pack("<I", 12) + text(b"events") + SETTINGS)),
    ("create_answer", frame(6, 1, TOPIC + struct.pack("<II", 12, 0))),
    ("delete_request", frame(7, 0, text(b"events"))),
    ("delete_answer", frame(7, 1, b"")),
    ("alter_request", frame(8, 0, text(b"events") + SETTINGS)),
    ("alter_answer", frame(8, 1, b"")),
    ("append_request", frame(9, 0, struct.pack("<B7x", 3) + batch(), TOPIC, 2, 8)),
    ("append_answer", frame(9, 1, struct.pack("<QqIBBH", 41, MS, 1, 3, 0, 0), TOPIC, 2)),
    ("append_error", frame(9, 3, error(8, 0, 1048588, 2000000, b"too large"), TOPIC, 2)),
    ("fetch_request", frame(10, 0, struct.pack("<QIIII", WIDE, 1 << 20, 4096, 500, 0), TOPIC, 2)),
    ("fetch_answer", frame(10, 1, struct.pack("<QQQ", 42, 43, 40) + batch(), TOPIC, 2, 24)),
    ("offsets_request", frame(11, 0, struct.pack("<IIq", 2, 0, -5), TOPIC, 2)),
    ("offsets_answer", frame(11, 1, struct.pack("<QqII", 41, MS, 3, 0), TOPIC, 2)),
    ("trim_request", frame(12, 0, struct.pack("<Q", (1 << 64) - 1), TOPIC, 2)),
    ("trim_answer", frame(12, 1, struct.pack("<Q", WIDE), TOPIC, 2)),
    ("stats_request", frame(13, 0, struct.pack("<I", 0xFFFFFFFF))),
    ("stats_answer", frame(13, 1, items(text(b"appends") + struct.pack("<Q", WIDE),
                                        text(b"syncs") + struct.pack("<Q", 9)))),
    ("grow_request", frame(14, 0, struct.pack("<I", 24) + text(b"events"))),
    ("grow_answer", frame(14, 1, b"")),
    ("groups_request", frame(15, 0, struct.pack("<I", 50) + text(b"billing"))),
    ("groups_answer", frame(15, 1, struct.pack("<I", 1)
                            + items(text(b"mail") + text(b"consumer") + text(b"Stable"),
                                    text(b"old") + text(b"") + text(b"Empty")))),
    ("group_request", frame(16, 0, struct.pack("<II", 2, 10) + text(b"mail"))),
    ("group_answer", frame(16, 1, struct.pack("<II", 4, 2) + text(b"Stable") + text(b"consumer")
                           + text(b"range")
                           + items(text(b"m-1") + text(b"i-1") + text(b"app") + text(b"/127.0.0.1")
                                   + blob(b"\0\1as"),
                                   text(b"m-2") + text(None) + text(b"app") + text(b"/127.0.0.1")
                                   + blob(b"")))),
    ("lag_request", frame(17, 0, struct.pack("<II", 100, 3) + text(b"mail") + text(b"events"))),
    ("lag_answer", frame(17, 1, struct.pack("<I", 0)
                         + items(text(b"events") + struct.pack("<IIQQQQQq", 4, 0, 40, 10, 100, 60,
                                                               WIDE, 12345),
                                 text(b"gone") + struct.pack("<IIQQQQQq", 0, 5, 7, 0, 0, 0, 0,
                                                             -1)))),
    ("commit_request", frame(18, 0, text(b"mail")
                             + items(text(b"events") + struct.pack("<IQ", 4, WIDE),
                                     text(b"goods") + struct.pack("<IQ", 0, 0)))),
    ("commit_answer", frame(18, 1, b"")),
    ("commit_error", frame(18, 3, error(30, 0, 0, 0, b"the group has members"))),
    ("forget_request", frame(19, 0, text(b"mail"))),
    ("forget_answer", frame(19, 1, b"")),
]


def lines(data):
    return "\n".join(f'    "{data[i:i + 32].hex()}"' for i in range(0, len(data), 32))


print("/* native_golden.h -- printed by native_golden.py, which knows nothing of the codec. */")
print("#ifndef NET_NATIVE_GOLDEN_H\n#define NET_NATIVE_GOLDEN_H\n")
for name, data in VECTORS:
    print(f"static const char golden_{name}[] =\n{lines(data)};\n")
print("#endif")
