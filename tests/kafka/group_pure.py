"""group_pure.py -- groups of kafka-python, which shares no code with librdkafka.

    group_pure.py HOST:PORT
"""
import sys
import threading
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

RECORDS = 800


class Member(threading.Thread):
    """A member; it reads until it is told to leave."""

    def __init__(self, **config):
        super().__init__(daemon=True)
        self.going, self.seen, self.parts = True, [], set()
        self.consumer = KafkaConsumer("p", bootstrap_servers=sys.argv[1], group_id="pure",
                                      auto_offset_reset="earliest", session_timeout_ms=6000,
                                      heartbeat_interval_ms=500, auto_commit_interval_ms=300,
                                      **config)
        self.start()

    def run(self):
        while self.going:
            for batch in self.consumer.poll(timeout_ms=200).values():
                self.seen += [(m.partition, m.offset) for m in batch]
            self.parts = {p.partition for p in self.consumer.assignment()}
        self.consumer.close()

    def leave(self):
        self.going = False
        self.join(30)


def wait(what, seconds, true):
    until = time.time() + seconds
    while not true():
        assert time.time() < until, f"{what}: not within {seconds} s"
        time.sleep(0.1)


def produce(count):
    producer = KafkaProducer(bootstrap_servers=sys.argv[1], linger_ms=5)
    for i in range(count):
        producer.send("p", str(i).encode(), partition=i % 4)
    producer.flush(30)
    producer.close()


def main():
    admin = KafkaAdminClient(bootstrap_servers=sys.argv[1])
    admin.create_topics([NewTopic("p", 4, 1)])
    produce(RECORDS)
    one = Member()
    wait("one reads all", 30, lambda: len(set(one.seen)) == RECORDS)
    two = Member()
    wait("they share", 30, lambda: len(one.parts) == 2 and len(two.parts) == 2)
    assert one.parts | two.parts == {0, 1, 2, 3}
    produce(RECORDS)
    wait("both read", 30, lambda: len(set(one.seen) | set(two.seen)) == 2 * RECORDS)
    two.leave()
    wait("one has all again", 30, lambda: len(one.parts) == 4)
    one.leave()
    consumer = KafkaConsumer(bootstrap_servers=sys.argv[1], group_id="pure")
    for p in range(4):
        assert consumer.committed(TopicPartition("p", p)) == RECORDS // 2
    consumer.close()
    assert len(one.seen) + len(two.seen) == 2 * RECORDS, "records came twice"
    print("group, kafka-python: ok")


main()
