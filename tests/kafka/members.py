"""members.py -- members of a group as processes of their own, for group.py and group_kill.py.

A member writes a line for each record (partition, offset, value) and for each assignment; it ends
with SIGTERM, closing its consumer, or with SIGKILL, as a machine does that is gone.
"""
import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from confluent_kafka import Consumer, Producer


def run(path, config):
    """The process of a member."""
    going = [True]
    signal.signal(signal.SIGTERM, lambda *_: going.clear())
    out = open(path, "w", buffering=1, encoding="utf-8")
    consumer = Consumer(config)

    def assigned(_, partitions):
        out.write("assigned " + " ".join(str(p.partition) for p in partitions) + "\n")

    consumer.subscribe(["g"], on_assign=assigned)
    while going:
        message = consumer.poll(0.2)
        if message and not message.error():
            out.write(f"record {message.partition()} {message.offset()} "
                      f"{message.value().decode()}\n")
    consumer.close()


class Member:
    """A member under way; it ends with this program at the latest."""

    place = None

    def __init__(self, name, **config):
        if not Member.place:
            Member.place = tempfile.mkdtemp()
            atexit.register(shutil.rmtree, Member.place, True)
        self.path = os.path.join(Member.place, name)
        config = {"bootstrap_servers": sys.argv[1], "group_id": "group",
                  "auto_offset_reset": "earliest", "session_timeout_ms": 6000,
                  "heartbeat_interval_ms": 500, "auto_commit_interval_ms": 500, **config}
        config = {key.replace("_", "."): value for key, value in config.items()}
        self.process = subprocess.Popen([sys.executable, __file__, self.path, json.dumps(config)])
        atexit.register(self.process.kill)

    def lines(self, word):
        if not os.path.exists(self.path):
            return []
        with open(self.path, encoding="utf-8") as f:
            return [line.split()[1:] for line in f
                    if line.endswith("\n") and line.startswith(word + " ")]

    def records(self):
        return {(int(p), int(o)): v for p, o, v in self.lines("record")}

    def assigned(self):
        """How often, and what the last time."""
        all_ = self.lines("assigned")
        return len(all_), all_[-1] if all_ else []

    def leave(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0

    def kill(self):
        self.process.kill()
        self.process.wait(30)


def wait(what, seconds, true):
    until = time.time() + seconds
    while not true():
        assert time.time() < until, f"{what}: not within {seconds} s"
        time.sleep(0.1)


def produce(first, count, partitions=4):
    """Values first, first + 1, ... over all partitions; returns how many each one got."""
    producer = Producer({"bootstrap.servers": sys.argv[1], "linger.ms": 5})
    for i in range(first, first + count):
        producer.produce("g", str(i).encode(), partition=i % partitions)
    assert producer.flush(30) == 0


def union(*members):
    all_ = {}
    for m in members:
        all_.update(m.records())
    return all_


if __name__ == "__main__":
    run(sys.argv[1], json.loads(sys.argv[2]))
