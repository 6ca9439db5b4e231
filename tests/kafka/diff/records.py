"""records.py -- record batches, also wrong ones; nothing of shardlog's code is used.

batch() makes one of the whole truth; its words change a field after the others were computed, so
that exactly one thing is wrong (`crc` is computed last, unless it is given).
"""
import struct
import zlib

NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
TIME_APPEND, TRANSACTIONAL, CONTROL = 8, 16, 32
HEADER = 61


def crc_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82f63b78 if n & 1 else 0)
        table.append(n)
    return table


CRC = crc_table()


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = CRC[(crc ^ byte) & 0xff] ^ crc >> 8
    return crc ^ 0xffffffff


def varint(n):
    n = n << 1 ^ n >> 63
    out = bytearray()
    while n > 0x7f:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def record(delta, time_delta, key, value, headers=()):
    body = b"\0" + varint(time_delta) + varint(delta)
    for text in (key, value):
        body += varint(-1) if text is None else varint(len(text)) + text
    body += varint(len(headers))
    for name, text in headers:
        body += varint(len(name)) + name + varint(len(text)) + text
    return varint(len(body)) + body


def xxh32(data):
    """Of less than 16 bytes, which is what the header of an LZ4 frame has."""
    assert len(data) < 16
    p2, p3, p4, p5 = 2246822519, 3266489917, 668265263, 374761393
    h = (p5 + len(data)) & 0xffffffff
    while len(data) >= 4:
        h = (h + struct.unpack("<I", data[:4])[0] * p3) & 0xffffffff
        h = ((h << 17 | h >> 15) * p4) & 0xffffffff
        data = data[4:]
    for byte in data:
        h = (h + byte * p5) & 0xffffffff
        h = ((h << 11 | h >> 21) * 2654435761) & 0xffffffff
    h = ((h ^ h >> 15) * p2) & 0xffffffff
    h = ((h ^ h >> 13) * p3) & 0xffffffff
    return h ^ h >> 16


def snappy(data):
    """Literals only, in the frames of xerial as Java writes them."""
    raw, left = bytearray(), data
    n = len(data)
    while n > 0x7f:
        raw.append(n & 0x7f | 0x80)
        n >>= 7
    raw.append(n)
    while left:
        piece, left = left[:60], left[60:]
        raw += bytes([len(piece) - 1 << 2]) + piece
    return b"\x82SNAPPY\0" + struct.pack(">iii", 1, 1, len(raw)) + bytes(raw)


def lz4(data):
    """A frame of one block that is stored."""
    descriptor = bytes([0x60, 0x40])
    check = xxh32(descriptor) >> 8 & 0xff
    return (struct.pack("<I", 0x184d2204) + descriptor + bytes([check]) +
            struct.pack("<I", len(data) | 0x80000000) + data + struct.pack("<I", 0))


def zstd(data):
    """A frame of one block that is stored."""
    head = struct.pack("<IBI", 0xfd2fb528, 0xa0, len(data))
    return head + struct.pack("<I", len(data) << 3 | 1)[:3] + data


def gzip(data):
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


PACK = {NONE: bytes, GZIP: gzip, SNAPPY: snappy, LZ4: lz4, ZSTD: zstd}


def batch(values, codec=NONE, time=0, times=None, keys=None, headers=(), attributes=0, pid=-1,
          epoch=-1, sequence=-1, base=0, magic=2, count=None, last_delta=None, length=None,
          crc=None, max_time=None, deltas=None, body=None, leader_epoch=-1):
    """A batch with one record for each of `values`; time and times in ms."""
    times = times or [time] * len(values)
    deltas = deltas or range(len(values))
    packed = b"".join(record(d, t - times[0], keys[i] if keys else None, v, headers)
                      for i, (d, t, v) in enumerate(zip(deltas, times, values)))
    packed = PACK[codec](packed) if body is None else body
    first = times[0] if times else time
    tail = struct.pack(">hiqqqhii", codec | attributes,
                       len(values) - 1 if last_delta is None else last_delta, first,
                       max(times, default=time) if max_time is None else max_time, pid, epoch,
                       sequence, len(values) if count is None else count) + packed
    size = 9 + len(tail) if length is None else length
    crc = crc32c(tail) if crc is None else crc
    return struct.pack(">qiibI", base, size, leader_epoch, magic, crc) + tail


def message_set(value, magic=1, time=0):
    """One message of the formats before batches."""
    body = struct.pack(">bb", magic, 0) + (struct.pack(">q", time) if magic else b"")
    body += struct.pack(">i", -1) + struct.pack(">i", len(value)) + value
    return struct.pack(">qiI", 0, len(body) + 4, zlib.crc32(body)) + body


def split(data):
    """The batches of a fetched set, as (whole, rest): rest is one that was cut."""
    whole = []
    while len(data) >= 12:
        size = 12 + struct.unpack_from(">i", data, 8)[0]
        if size > len(data):
            break
        whole.append(data[:size])
        data = data[size:]
    return whole, data


def fields(one):
    """What a batch says of itself, for a comparison: the fields a broker may write by name."""
    base, size, leader_epoch, magic, crc = struct.unpack_from(">qiibI", one)
    attributes, delta, first, most, pid, epoch, sequence, count = struct.unpack_from(">hiqqqhii",
                                                                                     one, 21)
    return {"BaseOffset": base, "Length": size, "PartitionLeaderEpoch": leader_epoch,
            "Magic": magic, "Crc": crc, "CrcFits": crc32c(one[21:]) == crc,
            "Attributes": attributes, "LastOffsetDelta": delta, "BaseTimestamp": first,
            "MaxTimestamp": most, "ProducerId": pid, "ProducerEpoch": epoch,
            "BaseSequence": sequence, "Count": count, "Payload": one[HEADER:].hex()}
