"""confluent.py -- a current librdkafka: every compression, idempotence, offsets, admin.

    confluent.py HOST:PORT
"""
import hashlib
import sys
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource,
                                   NewPartitions, NewTopic, OffsetSpec)

BROKER = {"bootstrap.servers": sys.argv[1]}
RECORDS = 3000


def value_of(word, i):
    return (f"{word} {i} " * (i % 30 + 1)).encode()


def outcome(future):
    """The result, or the name of the error."""
    try:
        return future.result(30)
    except KafkaException as e:
        return e.args[0].name()


def produced(topic, partition, word, **config):
    """Produces RECORDS records; returns the hash of all values."""
    producer = Producer({**BROKER, "linger.ms": 5, **config})
    digest, errors = hashlib.sha256(), []
    for i in range(RECORDS):
        value = value_of(word, i)
        digest.update(value)
        producer.produce(topic, value, key=str(i).encode(), partition=partition,
                         headers={"n": str(i)},
                         on_delivery=lambda e, m: e and errors.append(e))
        producer.poll(0)
    left = producer.flush(60)
    assert not errors and not left, (errors[:3], left)
    return digest.hexdigest()


def consumed(topic, partition, first, count):
    """The hash of `count` values from an offset on, which must come in order."""
    consumer = Consumer({**BROKER, "group.id": "none", "enable.auto.commit": False,
                         "check.crcs": True})
    consumer.assign([TopicPartition(topic, partition, first)])
    digest = hashlib.sha256()
    for i in range(count):
        message = consumer.poll(30)
        assert message and not message.error(), message and message.error()
        assert message.offset() == first + i, (message.offset(), first + i)
        digest.update(message.value())
    consumer.close()
    return digest.hexdigest()


def ends(topic, partition):
    consumer = Consumer({**BROKER, "group.id": "none"})
    low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=30)
    consumer.close()
    return low, high


def data():
    for partition, word in enumerate(("none", "gzip", "snappy", "lz4", "zstd")):
        for idempotent in (False, True):
            low, first = ends("data", partition)
            want = produced("data", partition, word, **{"compression.type": word,
                                                        "enable.idempotence": idempotent})
            assert ends("data", partition) == (low, first + RECORDS), ends("data", partition)
            got = consumed("data", partition, first, RECORDS)
            assert got == want, f"{word}, idempotent {idempotent}: values differ"


def times(admin):
    """Each record has a second of its own; one is found by its time, compressed or not."""
    base = 1_700_000_000_000
    for partition, word in enumerate(("none", "gzip", "snappy", "lz4", "zstd")):
        producer = Producer({**BROKER, "linger.ms": 100, "compression.type": word})
        for i in range(1000):
            producer.produce("times", b"x" * 100, partition=partition, timestamp=base + i * 1000)
        assert producer.flush(60) == 0
        consumer = Consumer({**BROKER, "group.id": "none"})
        for wanted, want in ((base - 5, 0), (base + 500_001, 501), (base + 999_000, 999),
                             (base + 999_001, -1)):
            got = consumer.offsets_for_times([TopicPartition("times", partition, wanted)],
                                             timeout=30)[0].offset
            assert got == want, f"{word}: time {wanted - base}: {got}, not {want}"
        consumer.close()
        at = TopicPartition("times", partition)
        newest = admin.list_offsets({at: OffsetSpec.max_timestamp()})[at].result(30)
        assert (newest.offset, newest.timestamp) == (999, base + 999_000), newest


def administration(admin):
    made = admin.create_topics([NewTopic("data", 5, 1, config={"retention.ms": "86400000"}),
                                NewTopic("times", 5, 1), NewTopic("many", 1, 3),
                                NewTopic("odd", 1, 1, config={"no.such.setting": "1"}),
                                NewTopic("bad name", 1, 1)])
    got = {name: outcome(f) for name, f in made.items()}
    assert got == {"data": None, "times": None, "many": "INVALID_REPLICATION_FACTOR",
                   "odd": "INVALID_CONFIG", "bad name": "TOPIC_EXCEPTION"}, got
    assert outcome(admin.create_topics([NewTopic("data", 1, 1)])["data"]) == "TOPIC_ALREADY_EXISTS"
    topic = ConfigResource("topic", "data")
    configs = list(admin.describe_configs([topic]).values())[0].result(30)
    assert configs["cleanup.policy"].value == "delete" and configs["cleanup.policy"].is_default
    assert configs["retention.ms"].value == "86400000" and not configs["retention.ms"].is_default
    change = ConfigResource("topic", "data", incremental_configs=[
        ConfigEntry("retention.bytes", "50000000", incremental_operation=AlterConfigOpType.SET),
        ConfigEntry("retention.ms", None, incremental_operation=AlterConfigOpType.DELETE)])
    assert outcome(list(admin.incremental_alter_configs([change]).values())[0]) is None
    configs = list(admin.describe_configs([topic]).values())[0].result(30)
    assert configs["retention.bytes"].value == "50000000"
    assert configs["retention.ms"].value == "604800000" and configs["retention.ms"].is_default
    node = list(admin.describe_configs([ConfigResource("broker", "1")]).values())[0].result(30)
    assert node["default.replication.factor"].value == "1"
    growth(admin)
    cluster = admin.describe_cluster().result(30)
    assert len(cluster.cluster_id) == 22 and [n.id for n in cluster.nodes] == [1]


def growth(admin):
    assert outcome(admin.create_topics([NewTopic("grows", 2, 1)])["grows"]) is None
    for count, error in ((2, "INVALID_PARTITIONS"), (1, "INVALID_PARTITIONS"), (5, None)):
        assert outcome(admin.create_partitions([NewPartitions("grows", count)])["grows"]) == error
    look = admin.create_partitions([NewPartitions("grows", 6)], validate_only=True)
    assert outcome(look["grows"]) is None
    assert len(admin.list_topics("grows", timeout=30).topics["grows"].partitions) == 5
    producer = Producer({**BROKER, "enable.idempotence": True})
    for partition in range(5):
        producer.produce("grows", b"new", partition=partition)
    assert producer.flush(60) == 0
    assert [ends("grows", p) for p in range(5)] == [(0, 1)] * 5


def removal(admin):
    at = TopicPartition("data", 0, 1000)
    assert outcome(list(admin.delete_records([at]).values())[0]).low_watermark == 1000
    assert ends("data", 0)[0] == 1000
    gone = {name: outcome(f) for name, f in admin.delete_topics(["times", "never"]).items()}
    assert gone == {"times": None, "never": "UNKNOWN_TOPIC_OR_PART"}, gone
    for _ in range(100):
        if "times" not in admin.list_topics(timeout=30).topics:
            return
        time.sleep(0.1)
    raise AssertionError("a deleted topic is listed")


def main():
    admin = AdminClient(BROKER)
    administration(admin)
    data()
    times(admin)
    removal(admin)
    print("confluent: ok")


main()
