#!/usr/bin/env python3
"""batches.py -- record batches written by kafka-python, an implementation that is not ours.

Prints batches.h. The bytes stay as they are for ever; only a new case is a reason to run it:

    python3 -m venv v && v/bin/pip install kafka-python python-snappy lz4 zstandard
    v/bin/python tests/unit/base/golden/batches.py > tests/unit/base/golden/batches.h

The records are those of `golden_records` in batch_golden_test.c. Made with kafka-python 3.0.12.
"""
from kafka.record.default_records import DefaultRecordBatchBuilder

T = 1700000000000
RECORDS = [
    (T, b"key", b"value", []),
    (T - 5000, None, b"no key, and older than the first", []),
    (T + 86400000, b"no value", None, []),
    (T + 1, b"", b"", [("empty", b""), ("null", None), ("file", b"/etc/motd"), ("", b"\x00\xff")]),
    (T - (1 << 40), bytes(range(256)), bytes(i * 7 % 251 for i in range(1000)), []),
    (0, "Grüße".encode(), b"time zero", [("same", b"1"), ("same", b"2")]),
]
PLAIN, GZIP, SNAPPY, LZ4, ZSTD = range(5)


def batch(codec, producer=(-1, -1, -1), transactional=False):
    b = DefaultRecordBatchBuilder(2, codec, transactional, *producer, batch_size=1 << 20)
    for offset, (time, key, value, headers) in enumerate(RECORDS):
        assert b.append(offset, time, key, value, headers)
    return bytes(b.build())


def show(name, data):
    print("static const uint8_t golden_%s[] = {" % name)
    for i in range(0, len(data), 16):
        print("    " + " ".join("0x%02x," % x for x in data[i : i + 16]))
    print("};\n")


print("/* batches.h -- made by batches.py; see there. */")
print("/* clang-format off */")
print("#ifndef TESTS_GOLDEN_BATCHES_H\n#define TESTS_GOLDEN_BATCHES_H\n")
print("#include <stdint.h>\n")
show("plain", batch(PLAIN))
show("gzip", batch(GZIP))
show("snappy", batch(SNAPPY))
show("lz4", batch(LZ4))
show("zstd", batch(ZSTD))
show("producer", batch(PLAIN, (4242424242, 7, 2000000000), True))
print("#endif")
