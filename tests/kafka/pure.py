"""pure.py -- kafka-python, which shares no code with librdkafka: data and admin.

    pure.py HOST:PORT
"""
import hashlib
import sys

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient

RECORDS = 2000


def value_of(word, i):
    return (f"{word} {i} " * (i % 20 + 1)).encode()


def produced(topic, partition, word, **config):
    producer = KafkaProducer(bootstrap_servers=sys.argv[1], linger_ms=5, **config)
    digest, sent = hashlib.sha256(), []
    for i in range(RECORDS):
        value = value_of(word, i)
        digest.update(value)
        sent.append(producer.send(topic, value, partition=partition))
    producer.flush(60)
    offsets = [f.get(10).offset for f in sent]
    assert offsets == list(range(offsets[0], offsets[0] + RECORDS)), "offsets have gaps"
    producer.close()
    return offsets[0], digest.hexdigest()


def consumed(topic, partition, first):
    consumer = KafkaConsumer(bootstrap_servers=sys.argv[1], enable_auto_commit=False,
                             consumer_timeout_ms=30000)
    consumer.assign([TopicPartition(topic, partition)])
    consumer.seek(TopicPartition(topic, partition), first)
    digest, count = hashlib.sha256(), 0
    for message in consumer:
        digest.update(message.value)
        count += 1
        if count == RECORDS:
            break
    consumer.close()
    assert count == RECORDS, f"{count} of {RECORDS}"
    return digest.hexdigest()


def main():
    admin = KafkaAdminClient(bootstrap_servers=sys.argv[1])
    for partition, word in enumerate((None, "gzip")):
        first, want = produced("pure", partition, word or "none", compression_type=word)
        assert consumed("pure", partition, first) == want, f"{word}: values differ"
    first, want = produced("pure", 2, "idempotent", enable_idempotence=True)
    assert consumed("pure", 2, first) == want, "idempotent: values differ"
    ends = TopicPartition("pure", 0)
    consumer = KafkaConsumer(bootstrap_servers=sys.argv[1])
    assert consumer.beginning_offsets([ends])[ends] == 0
    assert consumer.end_offsets([ends])[ends] == RECORDS
    assert consumer.partitions_for_topic("pure") == {0, 1, 2, 3}
    consumer.close()
    assert "pure" in admin.list_topics()
    admin.delete_topics(["pure"])
    print("kafka-python: ok")


main()
