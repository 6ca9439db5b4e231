"""lag.py -- `shardlog group` about a group with members: kafka-python's, which commit as they read.

    lag.py HOST:PORT      SHARDLOG is the program, SHARDLOG_AT the node's native address
"""
import json
import os
import subprocess
import sys
import threading
import time

from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

PARTITIONS = 4
RECORDS = 400
GROUP = "readers"


def shardlog(*words, code=0):
    done = subprocess.run([os.environ["SHARDLOG"], *words], capture_output=True, text=True)
    assert done.returncode == code, f"{words}: exit code {done.returncode}: {done.stderr}"
    return json.loads(done.stdout) if done.stdout.startswith("{") else done.stderr


def described():
    return shardlog("group", "describe", GROUP, "-o", "json")


def wait_for(what, seconds=60):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = what()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"{what.__name__} is not so after {seconds} s: {described()}")


class Member(threading.Thread):
    """Reads, commits and counts until it is told to leave."""

    def __init__(self, name):
        super().__init__()
        self.name, self.read, self.leaving = name, [], False
        self.start()

    def run(self):
        consumer = KafkaConsumer("events", bootstrap_servers=sys.argv[1], group_id=GROUP,
                                 client_id=self.name, auto_offset_reset="earliest",
                                 enable_auto_commit=False)
        while not self.leaving:
            for batch in consumer.poll(timeout_ms=200).values():
                self.read += [(m.partition, m.offset) for m in batch]
            consumer.commit()
        consumer.close()

    def leave(self):
        self.leaving = True
        self.join(60)
        assert not self.is_alive(), f"{self.name} does not leave"


def produce(count):
    producer = KafkaProducer(bootstrap_servers=sys.argv[1], compression_type="gzip", linger_ms=5)
    for i in range(count):
        producer.send("events", b"%d" % i, partition=i % PARTITIONS)
    producer.flush(60)
    producer.close()


def all_read():
    group = described()
    ends = [p["end"] for p in group["partitions"]]
    return group if group["lag_records"] == 0 and group["unknown"] == 0 and sum(ends) else None


def two_members():
    group = described()
    sizes = sorted(m["partitions"] for m in group["members"])
    return group if group["state"] == "Stable" and sizes == [2, 2] else None


def nobody_left():
    group = described()
    return group if group["state"] == "Empty" else None


def main():
    KafkaAdminClient(bootstrap_servers=sys.argv[1]).create_topics([NewTopic("events", PARTITIONS, 1)])
    produce(RECORDS)
    members = [Member("first"), Member("second")]
    wait_for(lambda: GROUP in [g["group"] for g in
                               shardlog("group", "list", "-o", "json")["groups"]])
    group = wait_for(two_members)
    assert {m["client_id"] for m in group["members"]} == {"first", "second"}, group
    group = wait_for(all_read)
    assert [p["committed"] for p in group["partitions"]] == [RECORDS // PARTITIONS] * PARTITIONS
    assert group["type"] == "consumer" and group["lag_bytes"] == 0 == group["lag_seconds"], group
    ids = {m["member"] for m in group["members"]}
    assert {p["member"] for p in group["partitions"]} == ids, group

    why = shardlog("group", "reset", GROUP, "--to", "earliest", "--write", code=7)
    assert "the group has 2 members" in why, why
    assert "members" in shardlog("group", "delete", GROUP, code=7)
    plan = shardlog("group", "reset", GROUP, "--to", "earliest", "-o", "json")
    assert [p["to"] for p in plan["partitions"]] == [0] * PARTITIONS and plan["members"] == 2, plan
    assert wait_for(all_read)["lag_records"] == 0, "a plan has moved something"

    for member in members:
        member.leave()
    wait_for(nobody_left)
    produce(RECORDS)
    time.sleep(1)
    group = described()
    assert group["lag_records"] == RECORDS and group["lag_bytes"] > 0, group
    assert 1 <= group["lag_seconds"] < 100 and group["members"] == [], group

    done = shardlog("group", "reset", GROUP, "--shift", "-10", "--write", "-o", "json")
    assert [p["to"] for p in done["partitions"]] == [RECORDS // PARTITIONS - 10] * PARTITIONS, done
    assert done["written"] == PARTITIONS, done
    again = Member("third")
    wait_for(all_read)
    again.leave()
    want = [(p, o) for p in range(PARTITIONS)
            for o in range(RECORDS // PARTITIONS - 10, 2 * RECORDS // PARTITIONS)]
    assert sorted(again.read) == want, f"{len(again.read)} read, {len(want)} wanted"
    wait_for(nobody_left)
    shardlog("group", "delete", GROUP)
    shardlog("group", "describe", GROUP, code=6)
    print("lag: members are seen, a reset moves who comes next")


main()
