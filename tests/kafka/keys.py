"""keys.py -- a key's partition is the same whoever appends: kafka-python and `shardlog produce`.

    keys.py HOST:PORT      SHARDLOG is the program, SHARDLOG_AT the node's native address
"""
import os
import random
import subprocess
import sys

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

PARTITIONS = 7
KEYS = 3000


def keys_make():
    """Of every length up to 40, of all bytes but those that `shardlog produce` takes apart at."""
    chance = random.Random(1)
    allowed = bytes(b for b in range(256) if b not in b"=\n")
    return [bytes(chance.choices(allowed, k=i % 41)) for i in range(KEYS)]


def where(topic):
    """Partition of each value."""
    places = [TopicPartition(topic, p) for p in range(PARTITIONS)]
    consumer = KafkaConsumer(bootstrap_servers=sys.argv[1], enable_auto_commit=False,
                             auto_offset_reset="earliest", consumer_timeout_ms=20000)
    consumer.assign(places)
    found = {}
    for message in consumer:
        found[message.value] = (message.partition, message.key)
        if len(found) == KEYS:
            break
    consumer.close()
    return found


def main():
    keys = keys_make()
    KafkaAdminClient(bootstrap_servers=sys.argv[1]).create_topics(
        [NewTopic(name, PARTITIONS, 1) for name in ("python", "native")])
    producer = KafkaProducer(bootstrap_servers=sys.argv[1], linger_ms=5)
    for i, key in enumerate(keys):
        producer.send("python", b"%d" % i, key=key)
    producer.flush(60)
    producer.close()
    lines = b"".join(key + b"=%d\n" % i for i, key in enumerate(keys))
    subprocess.run([os.environ["SHARDLOG"], "produce", "native", "--key-separator", "="],
                   input=lines, check=True, stdout=subprocess.DEVNULL)
    theirs, ours = where("python"), where("native")
    assert len(theirs) == KEYS, f"{len(theirs)} of {KEYS}"
    different = [v for v in theirs if ours.get(v) != theirs[v]]
    assert not different, f"{len(different)} keys differ: {[theirs[v] for v in different[:3]]}"
    assert {p for p, _ in ours.values()} == set(range(PARTITIONS)), "not all partitions are used"
    print(f"keys: {KEYS} of them lie where kafka-python puts them")


main()
