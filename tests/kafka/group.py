"""group.py -- groups of a current librdkafka: members join, leave, are killed, come back.

    group.py HOST:PORT
"""
import sys
import time

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from members import Member, produce, union, wait

ADMIN = AdminClient({"bootstrap.servers": sys.argv[1]})
PARTS = [TopicPartition("g", p) for p in range(4)]


def fresh():
    """An empty topic, and no group."""
    for future in ADMIN.delete_topics(["g"]).values():
        try:
            future.result(30)
        except KafkaException:
            pass
    wait("the topic is gone", 10, lambda: "g" not in ADMIN.list_topics(timeout=30).topics)
    ADMIN.create_topics([NewTopic("g", 4, 1)])["g"].result(30)


def committed(group="group"):
    got = ADMIN.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, PARTS)])
    return {p.partition: p.offset for p in got[group].result(30).topic_partitions}


def described(group="group"):
    return ADMIN.describe_consumer_groups([group])[group].result(30)


def life(strategy):
    """Join, share, die, leave, come back: every record is read, and none again at the end."""
    fresh()
    config = {"partition_assignment_strategy": strategy}
    produce(0, 400)
    one = Member(strategy + "1", **config)
    wait("one reads all", 30, lambda: len(one.records()) == 400)
    two = Member(strategy + "2", **config)
    wait("both have two partitions", 30, lambda: len(described().members) == 2 and all(
        len(m.assignment.topic_partitions) == 2 for m in described().members))
    assert described().state.name == "STABLE"
    produce(400, 400)
    wait("both read", 30, lambda: len(union(one, two)) == 800)
    assert one.records().keys() - two.records().keys() and two.records()
    two.kill()
    produce(800, 400)
    wait("one takes over", 30, lambda: len(one.records().keys() | two.records().keys()) == 1200)
    one.leave()
    assert committed() == {p: 300 for p in range(4)}, committed()
    three = Member(strategy + "3", **config)
    produce(1200, 4)
    wait("a new one goes on", 30, lambda: len(three.records()) == 4)
    time.sleep(1)
    assert sorted(three.records().values()) == ["1200", "1201", "1202", "1203"]
    three.leave()
    assert described().state.name == "EMPTY"
    ADMIN.delete_consumer_groups(["group"])["group"].result(30)
    print(f"group, {strategy}: ok", flush=True)


def static():
    """A static member that is started again within its timeout disturbs nobody."""
    fresh()
    config = {"group_id": "static", "session_timeout_ms": 20000}
    one = Member("static1", **config, group_instance_id="one")
    two = Member("static2", **config, group_instance_id="two")
    wait("both have two partitions", 30,
         lambda: len(one.assigned()[1]) == 2 and len(two.assigned()[1]) == 2)
    seen, had = one.assigned()[0], two.assigned()[1]
    two.kill()
    two = Member("static2b", **config, group_instance_id="two")
    wait("it is back", 30, lambda: two.assigned()[1] == had)
    produce(0, 400)
    wait("both read", 30, lambda: len(union(one, two)) == 400)
    assert one.assigned()[0] == seen, "the other one was disturbed"
    one.kill()
    two.kill()
    print("group, static: ok", flush=True)


def administration():
    """Offsets are seen, set and deleted from outside, and only while nobody is there."""
    member = Member("admin")
    wait("it is there", 30, lambda: described().state.name == "STABLE")
    try:
        ADMIN.delete_consumer_groups(["group"])["group"].result(30)
        raise AssertionError("a group with members was deleted")
    except KafkaException as e:
        assert e.args[0].name() == "NON_EMPTY_GROUP", e
    member.leave()
    places = [TopicPartition("g", p, 7 + p) for p in range(4)]
    ADMIN.alter_consumer_group_offsets([ConsumerGroupTopicPartitions("group", places)])["group"] \
        .result(30)
    assert committed() == {p: 7 + p for p in range(4)}, committed()
    groups = {g.group_id: g for g in ADMIN.list_consumer_groups().result(30).valid}
    assert groups["group"].state.name == "EMPTY"
    ADMIN.delete_consumer_groups(["group"])["group"].result(30)
    assert "group" not in {g.group_id for g in ADMIN.list_consumer_groups().result(30).valid}
    assert described().state.name == "DEAD"
    print("group, administration: ok", flush=True)


life("range")
life("cooperative-sticky")
static()
administration()
