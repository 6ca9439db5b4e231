#!/usr/bin/env python3
"""format_golden.py -- docs/FORMAT.md written a second time, without the engine.

Prints format_golden.h: the bytes that the encoders must produce for fixed values. Run it only when
the format changes on purpose, with a new version:

    python3 tests/unit/log/format_golden.py > tests/unit/log/format_golden.h
"""
import struct

NO_BATCH = 0xFFFFFFFF
NONE = -(1 << 63)


def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283


def seq(first, n=16):
    return bytes((first + i) & 255 for i in range(n))


STORE, CLUSTER, TOPIC, KEY = seq(0x10), seq(0x30), seq(0x50), seq(0xA0)


def identity(kind, number, file_bytes, features=(0, 0, 0), key=bytes(16)):
    head = b"SHARDLOG" + struct.pack("<II", kind, 1) + STORE + CLUSTER
    head += struct.pack("<IIQII", 7, number, 3, 4096, 1)
    head += struct.pack("<QQQQ", *features, file_bytes)
    head += struct.pack("<QIIIII", 4096 + (256 << 20), 4 << 20, 64 << 10, 64 << 20, 16, 8 << 20)
    head += bytes(4) + key
    head += bytes(4092 - len(head))
    return head + struct.pack("<I", crc32c(head))


def piece_crc(seed, pos, data):
    return crc32c(data, crc32c(struct.pack("<QQ", seed, pos)))


def row(kind, part, pos=0, base=0, next_=0, time=0, length=0, crc=0, extent=0, w56=0, w60=0, order=0):
    return struct.pack("<BBHIQQQqIIQII", kind, order, 0, part, pos, base, next_, time, length, crc,
                       extent, w56, w60)


def row_add(part, topic, index):
    return struct.pack("<BBHI", 1, 0, 0, part) + topic + struct.pack("<I", index) + bytes(36)


def batch():
    """One record, value "hello", no key, as a producer sends it; stamped 0, leader epoch 0."""
    records = bytes.fromhex("16 00 00 00 01 0a") + b"hello" + b"\0"
    tail = struct.pack(">hiqqqhii", 0, 0, 1700000000000, 1700000000000, -1, -1, -1, 1) + records
    rest = struct.pack(">iBI", 0, 2, crc32c(tail)) + tail
    return struct.pack(">qi", 0, len(rest)) + rest


def entry():
    """Partition 5 gets its first extent, and one batch inline."""
    data = batch()
    rows = row(3, 5, extent=1, w56=0, w60=16, order=0)
    rows += row(5, 5, next_=1, time=1700000000000, length=len(data), crc=piece_crc(5, 0, data))
    size = -(-(128 + len(rows) + len(data)) // 4096) * 4096
    head = STORE + struct.pack("<QQQIIIIIIq", 3, 9, 40960, size, 2, len(data), 0x11223344,
                               crc32c(rows), 2, 1700000000123)
    head += bytes(120 - len(head))
    crc = crc32c(KEY + b"SLE1" + bytes(4) + head)
    return b"SLE1" + struct.pack("<I", crc) + head + rows + data


def page(payload, number, generation):
    head = payload + bytes(4032 - len(payload))
    head += b"SLPG" + struct.pack("<IQ", number, generation) + STORE + bytes(28)
    return (head + struct.pack("<I", crc32c(head)))[4032:]


def tile(at, length, crc, batch_at, base, next_, time, flags):
    return struct.pack("<IIIIQQqII", at, length, crc, batch_at, base, next_, time, flags, 0)


HEAD = b"SLIH" + struct.pack("<IQQQQqIIQIIIIQQ", 2, 6, 3, 77, 81920, 1700000000456, 0xCAFEF00D, 4, 900,
                             43, 64, 127, 0, 5000, 9)

VECTORS = [
    ("identity_journal", identity(1, 0, 4096 + (256 << 20), key=KEY), 160),
    ("identity_volume", identity(4, 12, 65536 + (1 << 30), features=(1 << 40, 2, 0)), 160),
    ("entry", entry(), 0),
    ("row_add", row_add(5, TOPIC, 3), 0),
    ("row_drop", row(2, 5), 0),
    ("row_extent", row(3, 5, pos=8192, base=100, length=5000001, extent=0x1122334455667788, w56=12, w60=1024, order=6), 0),
    ("row_close", row(4, 5, pos=73728, length=65537, extent=9), 0),
    ("row_inline", row(5, 5, pos=70001, base=100, next_=103, time=-5, length=300, crc=0xDEADBEEF, w56=17), 0),
    ("row_direct", row(6, 5, pos=8192, base=100, next_=100, time=NONE, length=65536, crc=0xDEADBEEF, extent=9,
                       w56=NO_BATCH), 0),
    ("row_trim", row(7, 5, base=100), 0),
    ("row_epoch", row(8, 5, base=100, w56=0x01020304), 0),
    ("row_gap", row(10, 5, pos=123456, base=100), 0),
    ("row_open", row(11, 0), 0),
    ("row_seal", row(12, 0), 0),
    ("row_producer", struct.pack("<BBhIqQqQqIIiI", 13, 2, 7, 5, 4242, 100, 1700000000123, 200, 1700000000456, 3,
                                 9, 2147483646, 0), 0),
    ("row_producer_one", struct.pack("<BBhIqQqQqIIiI", 13, 1, 0, 5, 4242, 100, 1700000000123, 0, 0, 3, 0, 17, 0), 0),
    ("page_trailer", page(seq(0, 4032), 17, 6), 0),
    ("image_head", HEAD, 0),
    ("part_row", TOPIC + struct.pack("<IIQQQQQIIIBBHQQ", 3, 5, 77, 10, 100, 70001, 99, 2, 8, 0xABCD0123, 1, 2,
                                     300, 50, 0), 0),
    ("extent_row", struct.pack("<QQQqqIIIBBHII", 9, 8192, 100, 1700000000000, 1700000000123, 5, 12, 1024, 6, 1,
                               3, 200, 4100000), 0),
    ("vol_row", struct.pack("<IIQQQ", 12, 16, 0x8001, 3, 0), 0),
    ("section", struct.pack("<IIQIIQ", 1, 2, 77, 11, crc32c(b"eleven byte"), 0) + b"eleven byte" + bytes(5), 0),
    ("producer", struct.pack("<qhHi", 4242, 7, 3, 2147483646) + struct.pack("<QqI", 100, 1700000000123, 3)
     + struct.pack("<QqI", 200, 1700000000456, 9) + struct.pack("<QqI", 209, -5, 1), 0),
    ("tile", tile(8192, 65536, 0xDEADBEEF, 100, 40, 45, 1700000000000, 0), 0),
    ("tile_gap", tile(8192, 1 << 20, 0, NO_BATCH, 45, 45, NONE, 1), 0),
    ("piece", struct.pack("<I", piece_crc(9, 8192, b"shardlog")), 0),
]


def text(data):
    lines = [data[i:i + 32].hex() for i in range(0, len(data), 32)]
    return "\n".join(f'    "{line}"' for line in lines)


print("/* format_golden.h -- printed by format_golden.py, which knows nothing of the engine. */")
print("#ifndef LOG_FORMAT_GOLDEN_H\n#define LOG_FORMAT_GOLDEN_H\n")
for name, data, cut in VECTORS:
    if cut:
        assert not any(data[cut:-4])
        print(f"/* Bytes 0..{cut}; zeros up to the checksum. */")
        print(f"static const char golden_{name}[] =\n{text(data[:cut])};")
        print(f'static const char golden_{name}_crc[] = "{data[-4:].hex()}";\n')
    else:
        print(f"static const char golden_{name}[] =\n{text(data)};\n")
print("#endif")
