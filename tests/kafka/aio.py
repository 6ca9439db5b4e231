"""aio.py -- aiokafka: every compression, idempotence, two members of a group, administration.

    aio.py HOST:PORT
"""
import asyncio
import hashlib
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete

BROKER = {"bootstrap_servers": sys.argv[1]}
CODECS = [None, "gzip", "snappy", "lz4", "zstd"]
RECORDS = 2000


async def produce(sent, idempotent):
    """Partition i is written with compression i; adds (key, value) to what was sent."""
    for partition, codec in enumerate(CODECS):
        producer = AIOKafkaProducer(**BROKER, compression_type=codec, linger_ms=5, acks="all",
                                    enable_idempotence=idempotent)
        await producer.start()
        under_way = []
        for i in range(RECORDS):
            key, value = str(i).encode(), (f"{codec} {i} " * (i % 30)).encode()
            sent[partition].append((key, value))
            under_way.append(await producer.send("aio", value, key, partition,
                                                 headers=[("n", key)]))
        await asyncio.gather(*under_way)
        await producer.stop()


async def consume(members, sent, got, group):
    """Reads with that many members until all is there; what they had is committed when they leave."""
    consumers = [AIOKafkaConsumer("aio", **BROKER, group_id=group, auto_offset_reset="earliest",
                                  enable_auto_commit=False, session_timeout_ms=6000,
                                  heartbeat_interval_ms=500) for _ in range(members)]
    await asyncio.gather(*(c.start() for c in consumers))
    while sum(len(c.assignment()) for c in consumers) != len(CODECS) or \
            not all(c.assignment() for c in consumers):
        await asyncio.gather(*(c.getmany(timeout_ms=0, max_records=1) for c in consumers))
        for c in consumers:
            for at in c.assignment():
                c.seek(at, len(got[at.partition]))
    while any(len(got[p]) < len(sent[p]) for p in range(len(CODECS))):
        for c in consumers:
            for at, records in (await c.getmany(timeout_ms=100)).items():
                for r in records:
                    assert r.offset == len(got[at.partition]), (at, r.offset)
                    assert r.headers == (("n", r.key),), r.headers
                    got[at.partition].append((r.key, r.value))
    for c in consumers:
        await c.commit({at: len(got[at.partition]) for at in c.assignment()})
        await c.stop()
    for p in range(len(CODECS)):
        assert digest(got[p]) == digest(sent[p]), f"partition {p}: other records than were sent"


def digest(records):
    hash_ = hashlib.sha256()
    for key, value in records:
        hash_.update(key + b"|" + value)
    return len(records), hash_.hexdigest()


async def administrate(admin, sent):
    committed = await admin.list_consumer_group_offsets("aio-group")
    for p in range(len(CODECS)):
        assert committed[TopicPartition("aio", p)].offset == len(sent[p]), committed
    assert ("aio-group", "consumer") in [tuple(g[:2]) for g in await admin.list_consumer_groups()]
    await admin.create_partitions({"aio": NewPartitions(len(CODECS) + 1)})
    topics = await admin.describe_topics(["aio"])
    assert len(topics[0]["partitions"]) == len(CODECS) + 1, topics
    await admin.delete_records({TopicPartition("aio", 0): RecordsToDelete(before_offset=100)})
    consumer = AIOKafkaConsumer(**BROKER)
    await consumer.start()
    at = TopicPartition("aio", 0)
    assert (await consumer.beginning_offsets([at]))[at] == 100
    await consumer.stop()
    await admin.delete_topics(["aio"])
    assert "aio" not in await admin.list_topics()


async def main():
    admin = AIOKafkaAdminClient(**BROKER)
    await admin.start()
    await admin.create_topics([NewTopic("aio", len(CODECS), 1)])
    sent, got = [[[] for _ in CODECS] for _ in range(2)]
    await produce(sent, False)
    await consume(2, sent, got, "aio-group")
    await produce(sent, True)
    await consume(1, sent, got, "aio-group")
    await administrate(admin, sent)
    await admin.close()
    print("aiokafka: ok")


asyncio.run(main())
