"""group_kill.py -- a group and an idempotent producer while their broker is killed again and again.

    group_kill.py HOST:PORT STOP    goes on until the file STOP is there

What was acknowledged is read, in the order of each partition; the group goes on; what it has
committed at the end is the end.
"""
import os
import sys

from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from members import Member, union, wait

admin = AdminClient({"bootstrap.servers": sys.argv[1]})
admin.create_topics([NewTopic("g", 4, 1)])["g"].result(30)
members = [Member(f"kill{i}") for i in range(2)]
producer = Producer({"bootstrap.servers": sys.argv[1], "enable.idempotence": True,
                     "message.timeout.ms": 120000, "linger.ms": 5})
acked = {}


def delivered(error, message):
    assert not error, error
    acked[(message.partition(), message.offset())] = message.value().decode()


sent = 0
while not os.path.exists(sys.argv[2]):
    producer.produce("g", str(sent).encode(), partition=sent % 4, on_delivery=delivered)
    producer.poll(0.002)
    sent += 1
assert producer.flush(90) == 0
assert len(acked) == sent
assert sorted(map(int, acked.values())) == list(range(sent)), "lost or twice"
for p in range(4):
    order = [int(v) for (q, _), v in sorted(acked.items()) if q == p]
    assert order == sorted(order), f"partition {p}: out of order"
wait("all is read", 60, lambda: len(union(*members)) >= sent)
assert union(*members) == acked
for m in members:
    m.leave()
parts = [TopicPartition("g", p) for p in range(4)]
got = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions("group", parts)])["group"]
for p in got.result(30).topic_partitions:
    end = 1 + max(o for q, o in acked if q == p.partition)
    assert p.offset == end, (p.partition, p.offset, end)
print(f"group, kills: {sent} records: ok")
