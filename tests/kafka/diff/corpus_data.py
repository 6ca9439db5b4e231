"""corpus_data.py -- Produce, Fetch, ListOffsets, OffsetForLeaderEpoch, DeleteRecords,
InitProducerId."""
import time

import records
from records import batch

BASE = int(time.time() * 1000) - 7200_000  # two hours ago, in ms: retention lets it be


def produce(line, version, topic, partitions, case, acks=-1, **more):
    """partitions: {index: bytes}"""
    rows = [{"Index": i, "Records": r} for i, r in partitions.items()]
    ask = {"Acks": acks, "TimeoutMs": 5000, "TopicData": [{"Name": topic, "PartitionData": rows}]}
    if acks == 0:
        line.tell("Produce", version, {**ask, **more})
        return None
    return line.ask("Produce", version, {**ask, **more}, case)


def fetch(a, line, version, topic, partitions, case, wait=0, least=1, most=1 << 20, **more):
    """partitions: {index: offset} or {index: fields}"""
    rows = []
    for i, at in partitions.items():
        at = at if isinstance(at, dict) else {"FetchOffset": at}
        rows.append({"Partition": i, "PartitionMaxBytes": 1 << 20, **at})
    of = {"TopicId": a.ids[topic]} if version >= 13 else {"Topic": topic}
    ask = {"MaxWaitMs": wait, "MinBytes": least, "MaxBytes": most,
           "Topics": [{**of, "Partitions": rows}]}
    if version >= 7:
        ask["SessionEpoch"] = -1
    return line.ask("Fetch", version, {**ask, **more}, case)


def offsets(line, version, topic, partitions, case, **more):
    """partitions: {index: time} or {index: fields}"""
    rows = []
    for i, at in partitions.items():
        rows.append({"PartitionIndex": i, **(at if isinstance(at, dict) else {"Timestamp": at})})
    return line.ask("ListOffsets", version, {"Topics": [{"Name": topic, "Partitions": rows}],
                                             **more}, case)


# ---- Produce ----

def produced(a):
    """Every version and compression; read back by every version of Fetch."""
    line = a.line()
    a.make("produced", partitions=5)
    for v in a.versions("Produce"):
        for codec in range(5):
            one = batch([b"a" * 30, b"", None, b"b" * 200], codec, keys=[b"k", None, b"", b"l"],
                        times=[BASE, BASE + 5, BASE + 3, BASE + 4], headers=((b"h", b"1"),))
            produce(line, v, "produced", {codec: one}, f"produce codec {codec}", 1)
    for v in a.versions("Fetch"):
        fetch(a, line, v, "produced", {i: 0 for i in range(5)}, "fetch what was produced")
    for acks in (-1, 0, 1):
        produce(line, 7, "produced", {0: batch([b"acks"], time=BASE), 9: b"", 1: b""}
                if acks else {0: batch([b"acks"], time=BASE)}, f"acks {acks}", acks)
    line.ask("ApiVersions", 2, {}, "after acks 0")
    fetch(a, line, 11, "produced", {0: 30}, "after acks 0")
    line.close()


WRONG = {
    "crc": dict(crc=1),
    "magic 0": dict(magic=0),
    "magic 1": dict(magic=1),
    "magic 3": dict(magic=3),
    "base offset 5": dict(base=5),
    "control": dict(attributes=records.CONTROL),
    "control and transactional": dict(attributes=records.CONTROL | records.TRANSACTIONAL, pid=1,
                                      epoch=0, sequence=0),
    "transactional": dict(attributes=records.TRANSACTIONAL, pid=1, epoch=0, sequence=0),
    "append time": dict(attributes=records.TIME_APPEND),
    "codec 5": dict(codec=0, attributes=5, body=b"x" * 20),
    "codec 7": dict(codec=0, attributes=7, body=b"x" * 20),
    "count 3 of 2": dict(count=3),
    "count 1 of 2": dict(count=1),
    "count 0": dict(count=0),
    "count -1": dict(count=-1),
    "last delta 5": dict(last_delta=5),
    "last delta -1": dict(last_delta=-1),
    "producer without sequence": dict(pid=5, epoch=0, sequence=-1),
    "producer without epoch": dict(pid=5, epoch=-1, sequence=0),
    "sequence without producer": dict(pid=-1, epoch=-1, sequence=3),
    "body cut": dict(body=records.record(0, 0, None, b"a")[:-1]),
    "body of rubbish": dict(body=b"\xff" * 20),
    "body with more": dict(body=records.record(0, 0, None, b"a") + records.record(1, 0, None, b"b")
                           + b"more"),
    "no body": dict(body=b""),
    "deltas turned": dict(deltas=[1, 0]),
    "deltas with a gap": dict(deltas=[0, 2]),
    "time far ahead": dict(times=[BASE, int(time.time() * 1000) + 7200_000]),
    "time negative": dict(times=[-1, -1]),
    "time very negative": dict(times=[-5, BASE]),
    "largest time false": dict(max_time=BASE + 99),
    "largest time missing": dict(max_time=-1),
    "length too long": dict(length=200),
    "length too short": dict(length=40),
    "length negative": dict(length=-5),
}


def wrong_batches(a):
    """Whatever a producer can do wrong, in each compression where that makes a difference; each
    on a topic of its own, as one broker may take what the other refuses."""
    line = a.line()
    a.make(*(f"wrong-{i}" for i in range(len(WRONG))), partitions=1)
    for i, (what, words) in enumerate(WRONG.items()):
        words, to = {"time": BASE, **words}, f"wrong-{i}"
        for v in (3, 7, 8, 11):
            produce(line, v, to, {0: batch([b"a", b"b"], **words)}, f"wrong: {what}")
        if not {"body", "length", "codec"} & set(words):
            for codec in (records.GZIP, records.LZ4):
                produce(line, 9, to, {0: batch([b"a", b"b"], **{**words, "codec": codec})},
                        f"wrong: {what}, codec {codec}")
        fetch(a, line, 12, to, {0: 0}, f"wrong: {what}")
    line.close()


def rubbish(good):
    """Name of the case -> what is sent as records."""
    return {
        "nothing": b"", "one byte": b"x", "60 bytes": good[:60],
        "a cut batch": good[:-1], "two batches": good + good, "a batch and a byte": good + b"x",
        "a batch and 20 bytes": good + b"x" * 20,
        "a message of magic 0": records.message_set(b"v", 0),
        "a message of magic 1": records.message_set(b"v", 1, BASE),
        "empty batch": batch([], time=BASE),
        "zstd rubbish": batch([b"a"], attributes=4, body=b"rubbish", time=BASE),
        "gzip rubbish": batch([b"a"], attributes=1, body=b"rubbish", time=BASE),
        "gzip of nothing": batch([b"a"], attributes=1, body=records.gzip(b""), time=BASE),
        "gzip with more": batch([b"a"], attributes=1, time=BASE, body=records.gzip(
            records.record(0, 0, None, b"a") + b"rubbish")),
    }


def rubbish_sent(a):
    line = a.line()
    a.make("rubbish", partitions=1)
    for what, data in rubbish(batch([b"a"], time=BASE)).items():
        for v in (3, 8, 9, 11):
            produce(line, v, "rubbish", {0: data}, f"rubbish: {what}")
    line.close()


def zstd_before_its_time(a):
    line = a.line()
    a.make("zstd", partitions=1)
    for v in (3, 6, 7):
        produce(line, v, "zstd", {0: batch([b"a"], records.ZSTD, time=BASE)}, "zstd")
    line.close()


def sizes(a):
    line = a.line()
    a.make("small", partitions=1, configs={"max.message.bytes": "200"})
    for v in (3, 8, 11):
        for size in (100, 126, 127, 128, 129, 130, 131, 500):
            produce(line, v, "small", {0: batch([b"x" * size], time=BASE)}, f"size {size}")
        produce(line, v, "small", {0: batch([b"x" * 5000], records.GZIP, time=BASE)}, "packed size")
    a.make("large", partitions=1)
    for size in (1048588 - 75, 1048588 - 50, 1200000):
        produce(line, 8, "large", {0: batch([b"x" * size], time=BASE)}, f"size {size}")
    line.close()


def places(a):
    """Topics and partitions that are not there, bad acks, transactional ids."""
    line = a.line()
    a.make("places", partitions=2)
    good = batch([b"a"], time=BASE)
    for v in a.versions("Produce"):
        produce(line, v, "places", {0: good, 2: good, -1: good}, "no such partition")
        produce(line, v, "bad name", {0: good}, "no such name")
        produce(line, v, "", {0: good}, "an empty name")
        produce(line, v, "never", {0: good}, "an unknown topic")
        for acks in (2, -2, 100):
            produce(line, v, "places", {0: good, 1: good}, f"acks {acks}", acks)
        line.ask("Produce", v, {"Acks": 1, "TimeoutMs": 100, "TopicData": []}, "no topics")
        line.ask("Produce", v, {"Acks": 1, "TimeoutMs": 100, "TopicData": [
            {"Name": "places", "PartitionData": []}]}, "no partitions")
        produce(line, v, "places", {1: good}, "timeout 0", TimeoutMs=0)
        produce(line, v, "places", {1: good}, "timeout -1", TimeoutMs=-1)
        produce(line, v, "places", {1: batch([b"a"], time=BASE, pid=9, epoch=0, sequence=0,
                                             attributes=records.TRANSACTIONAL)},
                "a transaction", TransactionalId="t")
    line.close()
    for v in (3, 9):
        line = a.line()
        line.ask("Produce", v, {"Acks": 1, "TimeoutMs": 100, "TopicData": [
            {"Name": "places", "PartitionData": [{"Index": 0, "Records": good},
                                                 {"Index": 0, "Records": good}]}]},
                 "a partition twice")
        line.close()
        for what in ({0: batch([b"a"], time=BASE, crc=5)}, {7: good}):
            line = a.line()
            produce(line, v, "places", what, "acks 0", 0)
            line.ask("ApiVersions", 2, {}, "after an error of acks 0")
            line.close()


def append_time(a):
    line = a.line()
    a.make("append-time", partitions=1, configs={"message.timestamp.type": "LogAppendTime"})
    for v in a.versions("Produce"):
        produce(line, v, "append-time", {0: batch([b"a", b"b"], v % 4, time=BASE)}, "append time")
    ahead = int(time.time() * 1000) + 7200_000
    for words in (dict(attributes=records.TIME_APPEND, time=BASE), dict(time=ahead),
                  dict(time=BASE, max_time=5)):
        time.sleep(0.02)  # both may append twice in a millisecond: the largest time would be another's
        produce(line, 8, "append-time", {0: batch([b"a"], **words)}, "append time")
    fetch(a, line, 12, "append-time", {0: 0}, "append time")
    for v in (2, 7):
        for at in (-1, -2, BASE + 1, ahead, *((-3,) if v == 7 else ())):
            offsets(line, v, "append-time", {0: at}, f"append time {'of now' if at > 0 else at}")
    a.make("window", partitions=1, configs={"message.timestamp.before.max.ms": "60000",
                                            "message.timestamp.after.max.ms": "60000"})
    now = int(time.time() * 1000)
    for name, at in (("now", now), ("before", now - 30000), ("long before", now - 90000),
                     ("after", now + 30000), ("long after", now + 90000)):
        for codec in (0, 1):
            produce(line, 8, "window", {0: batch([b"a", b"b"], codec, times=[now, at])},
                    f"time {name}")
    line.close()


# ---- idempotence ----

def idempotent(a):
    line = a.line()
    a.make("idem", partitions=4)

    def send(partition, sequence, case, epoch=0, pid=4711, count=2, v=8):
        produce(line, v, "idem", {partition: batch([b"v"] * count, time=BASE, pid=pid, epoch=epoch,
                                                   sequence=sequence)}, f"idempotent: {case}")
    for i in range(6):
        send(0, 2 * i, "in order")
    for i in (5, 4, 3, 2, 1):
        send(0, 2 * i, f"again, {i}", v=9)
    send(0, 0, "again, long ago")
    send(0, 13, "a gap")
    send(0, 11, "a step back")
    send(0, 10, "again, but shorter", count=1)
    send(0, 10, "again, but longer", count=3)
    send(0, 12, "goes on")
    send(0, 5, "a new epoch in the middle", epoch=1)
    send(0, 0, "a new epoch", epoch=1)
    send(0, 14, "the old epoch", epoch=0)
    send(0, 2, "an epoch left out", epoch=3)
    send(0, 0, "an epoch left out, from 0", epoch=3)
    send(1, 100, "nobody knows it", pid=4712)
    send(1, 102, "goes on", pid=4712)
    send(2, 2**31 - 3, "before the wrap", pid=4713)
    send(2, 2**31 - 1, "across the wrap", pid=4713)
    send(2, 1, "behind the wrap", pid=4713)
    send(3, 2**31 - 2, "before the wrap", pid=4714)
    send(3, 0, "at the wrap", pid=4714)
    fetch(a, line, 12, "idem", {i: 0 for i in range(4)}, "idempotent: all")
    line.close()


def producer_ids_wait(line):
    """Kafka fetches its first block of ids when one is asked for."""
    for _ in range(100):
        said = line.ask("InitProducerId", 0, {"TransactionalId": None}, "", quiet=True)
        if said.kafka["ErrorCode"] == 0:
            break
        time.sleep(0.1)


def producer_ids(a):
    line = a.line()
    producer_ids_wait(line)
    for v in a.versions("InitProducerId"):
        line.ask("InitProducerId", v, {"TransactionalId": None, "TransactionTimeoutMs": 60000},
                 "producer id")
        line.ask("InitProducerId", v, {"TransactionalId": None, "TransactionTimeoutMs": 0},
                 "producer id, timeout 0")
        line.ask("InitProducerId", v, {"TransactionalId": None, "TransactionTimeoutMs": -5},
                 "producer id, timeout -5")
        line.ask("InitProducerId", v, {"TransactionalId": "", "TransactionTimeoutMs": 60000},
                 "producer id of an empty transactional id")
        if v >= 3:
            line.ask("InitProducerId", v, {"TransactionalId": None, "TransactionTimeoutMs": 6000,
                                           "ProducerId": 77, "ProducerEpoch": 3},
                     "producer id for another")
            line.ask("InitProducerId", v, {"TransactionalId": None, "TransactionTimeoutMs": 6000,
                                           "ProducerId": 77, "ProducerEpoch": -1},
                     "producer id for half of another")
            line.ask("InitProducerId", v, {"TransactionalId": None, "TransactionTimeoutMs": 6000,
                                           "ProducerId": -1, "ProducerEpoch": 3},
                     "producer id for an epoch")
    line.close()


# ---- Fetch ----

def fetched(a):
    line = a.line()
    a.make("fetched", partitions=3)
    for i in range(6):
        produce(line, 8, "fetched", {0: batch([b"%d" % i * 100] * 3, i % 4, time=BASE + i)}, "fill")
    produce(line, 8, "fetched", {1: batch([b"x" * 3000] * 2, time=BASE)}, "fill")
    for v in a.versions("Fetch"):
        for at in (0, 1, 2, 3, 7, 17, 18):
            fetch(a, line, v, "fetched", {0: at}, f"fetch at {at}")
        for at in (19, 1000, -1, -2, -9):
            fetch(a, line, v, "fetched", {0: at}, f"fetch out of range at {at}", wait=100)
        fetch(a, line, v, "fetched", {3: 0, -1: 0, 0: 0}, "fetch of no such partition")
        fetch(a, line, v, "fetched", {0: 0, 1: 0, 2: 0}, "fetch three", IsolationLevel=1)
        fetch(a, line, v, "fetched", {1: {"FetchOffset": 1, "PartitionMaxBytes": 100}},
              "fetch more than fits")
        fetch(a, line, v, "fetched", {1: {"FetchOffset": 1, "PartitionMaxBytes": 0}},
              "fetch of 0 bytes")
        fetch(a, line, v, "fetched", {0: {"FetchOffset": 0, "PartitionMaxBytes": 900}},
              "fetch of 900 bytes")
        fetch(a, line, v, "fetched", {0: 0, 1: 0}, "fetch of 900 bytes at most", most=900)
        fetch(a, line, v, "fetched", {0: 0, 1: 0}, "fetch of 0 bytes at most", most=0)
        fetch(a, line, v, "fetched", {2: 0}, "fetch at the end", wait=50)
        fetch(a, line, v, "fetched", {2: 0}, "fetch at the end, of 0 bytes", wait=50, least=0)
        fetch(a, line, v, "fetched", {2: 0}, "fetch without a wait", wait=-1)
        line.ask("Fetch", v, {"MaxWaitMs": 0, "MinBytes": 0, "Topics": []}, "fetch of nothing")
        fetch(a, line, v, "fetched", {0: 0}, "fetch, isolation 1", IsolationLevel=1)
        if v >= 9:
            for plus in (0, 1000):
                fetch(a, line, v, "fetched", {0: {"FetchOffset": 0, "CurrentLeaderEpoch":
                                                  a.epoch(plus)}}, f"fetch at epoch +{plus}")
        if v >= 11:
            fetch(a, line, v, "fetched", {0: 18}, "fetch with a rack", RackId="r", wait=10)
        if v >= 12:
            for name, epoch, at in (("this", a.epoch(), 3), ("a later", a.epoch(5), 3),
                                    ("this, behind the end", a.epoch(), 25)):
                fetch(a, line, v, "fetched", {0: {"FetchOffset": at, "LastFetchedEpoch": epoch}},
                      f"fetch after {name} epoch")
    a.ids["no topic"] = bytes(15) + b"\1"
    a.ids["zero"] = bytes(16)
    for v in a.versions("Fetch"):
        fetch(a, line, v, "no topic", {0: 0}, "fetch of an unknown topic", wait=100)
        fetch(a, line, v, "zero", {0: 0}, "fetch of another unknown topic", wait=100)
        part = [{"Partition": 0, "FetchOffset": 0, "PartitionMaxBytes": 1000}]
        of = [{"TopicId": a.ids[t], "Partitions": part} if v >= 13 else
              {"Topic": t, "Partitions": part} for t in ("no topic", "fetched")]
        ask = {"MaxWaitMs": 0, "MinBytes": 0, "Topics": of}
        line.ask("Fetch", v, {**ask, **({"SessionEpoch": -1} if v >= 7 else {})},
                 "fetch of an unknown topic and another")
        if v >= 7:
            line.ask("Fetch", v, {**ask, "SessionId": 12345, "SessionEpoch": 1}, "unknown id")
            line.ask("Fetch", v, {**ask, "SessionId": 12345, "SessionEpoch": -1},
                     "unknown id, closed")
            line.ask("Fetch", v, {**ask, "SessionId": 12345, "SessionEpoch": 0},
                     "unknown id, opened")
            line.ask("Fetch", v, {**ask, "SessionId": 0, "SessionEpoch": 5}, "no id, epoch 5")
            line.ask("Fetch", v, {**ask, "SessionId": 0, "SessionEpoch": 0}, "id 0, opened")
    line.close()


def waiting_fetch(a):
    """A fetch waits for a record, and for its time at most."""
    line, other = a.line(), a.line()
    a.make("waiting", partitions=1)
    ask = {"MaxWaitMs": 10000, "MinBytes": 1, "SessionEpoch": -1, "Topics": [
        {"Topic": "waiting", "Partitions": [{"Partition": 0, "FetchOffset": 0,
                                             "PartitionMaxBytes": 1000}]}]}
    line.send("Fetch", 11, ask)
    for side in ("kafka", "shardlog"):
        a.check(line.waits(side), f"{side}: a fetch at the end waits")
    produce(other, 8, "waiting", {0: batch([b"a"], time=BASE)}, "what a fetch waits for")
    line.receive("a fetch that waited")
    line.close()
    other.close()


# ---- ListOffsets, OffsetForLeaderEpoch ----

def listed(a):
    line = a.line()
    a.make("listed", partitions=5)
    for codec in range(5):
        for i in range(3):
            times = [BASE + 100 * i, BASE + 100 * i + 50, BASE + 100 * i + 20]
            produce(line, 8, "listed", {codec: batch([b"a", b"b", b"c"], codec, times=times)},
                    "fill")
    for v in a.versions("ListOffsets"):
        for at in (-1, -2, -3, -4, -5, -6, -9, 0, BASE, BASE + 1, BASE + 20, BASE + 50, BASE + 51,
                   BASE + 149, BASE + 150, BASE + 250, BASE + 251, 2**62):
            offsets(line, v, "listed", {i: at for i in range(5)}, f"offset at "
                    f"{at - BASE if 0 < at < 2**61 else at}")
        offsets(line, v, "listed", {5: -1, -1: -1, 0: -1}, "offset of no such partition")
        offsets(line, v, "not listed", {0: -1}, "offset of an unknown topic")
        offsets(line, v, "not/listed", {0: -1}, "offset of no topic's name")
        line.ask("ListOffsets", v, {"Topics": []}, "offset of nothing")
        line.ask("ListOffsets", v, {"ReplicaId": -1, "Topics": [{"Name": "listed", "Partitions": [
            {"PartitionIndex": 0, "Timestamp": -1}, {"PartitionIndex": 0, "Timestamp": -2}]}]},
                 "offset of one twice")
        if v >= 2:
            offsets(line, v, "listed", {0: -1}, "offset of what is committed", IsolationLevel=1)
        if v >= 4:
            for plus in (0, 1000):
                offsets(line, v, "listed", {0: {"Timestamp": -1, "CurrentLeaderEpoch":
                                                a.epoch(plus)}}, f"offset at epoch +{plus}")
        a.make(f"empty-{v}", partitions=1)
        for at in (-1, -2, -3, 0, BASE):
            offsets(line, v, f"empty-{v}", {0: at}, f"offset of an empty one at {min(at, 1)}")
    line.close()


def epochs(a):
    line = a.line()
    a.make("epochs", partitions=2)
    produce(line, 8, "epochs", {0: batch([b"a", b"b"], time=BASE)}, "fill")
    for v in a.versions("OffsetForLeaderEpoch"):
        def ask(partitions, case, topic="epochs"):
            line.ask("OffsetForLeaderEpoch", v, {"Topics": [{"Topic": topic, "Partitions": [
                {"Partition": i, **p} for i, p in partitions.items()]}]}, case)
        ask({0: {"LeaderEpoch": a.epoch()}, 1: {"LeaderEpoch": a.epoch()}}, "end of this epoch")
        ask({0: {"LeaderEpoch": a.epoch(7)}}, "end of a later epoch")
        ask({0: {"LeaderEpoch": -1}}, "end of no epoch")
        ask({2: {"LeaderEpoch": 0}, -1: {"LeaderEpoch": 0}}, "end in no partition")
        ask({0: {"LeaderEpoch": 0}}, "end in an unknown topic", "not-epochs")
        for plus in (0, 1000):
            ask({0: {"LeaderEpoch": a.epoch(), "CurrentLeaderEpoch": a.epoch(plus)}},
                f"end, asked at epoch +{plus}")
        line.ask("OffsetForLeaderEpoch", v, {"Topics": []}, "end of nothing")
    line.close()


# ---- DeleteRecords ----

def deleted(a):
    line = a.line()
    a.make("deleted", partitions=2)
    for i in range(4):
        produce(line, 8, "deleted", {0: batch([b"a"] * 5, time=BASE)}, "fill")

    def ask(v, partitions, case, topic="deleted"):
        line.ask("DeleteRecords", v, {"TimeoutMs": 5000, "Topics": [
            {"Name": topic, "Partitions": [{"PartitionIndex": i, "Offset": o}
                                           for i, o in partitions]}]}, f"delete records: {case}")
    for v in a.versions("DeleteRecords"):
        ask(v, [(0, 5 * v + 2)], "within a batch")
        ask(v, [(0, 5 * v + 5)], "at a batch")
        ask(v, [(0, 0)], "again")
        ask(v, [(0, 1000)], "behind the end")
        ask(v, [(0, -2)], "before all")
        ask(v, [(1, 0), (5, 0), (-1, 0)], "no such partition")
        ask(v, [(0, 0)], "unknown topic", "not-deleted")
        ask(v, [(0, 0)], "bad name", "not/deleted")
        line.ask("DeleteRecords", v, {"TimeoutMs": 5000, "Topics": []}, "delete records: none")
        fetch(a, line, 11, "deleted", {0: 0}, "what was deleted")
        fetch(a, line, 11, "deleted", {0: 5 * v + 6}, "behind what was deleted")
        offsets(line, 5, "deleted", {0: -2}, "the start after it")
    ask(2, [(0, -1)], "all")
    fetch(a, line, 11, "deleted", {0: 20}, "all deleted")
    offsets(line, 7, "deleted", {0: -3}, "all deleted, largest time")
    offsets(line, 7, "deleted", {0: BASE}, "all deleted, by time")
    line.close()


CASES = [produced, wrong_batches, rubbish_sent, zstd_before_its_time, sizes, places, append_time, idempotent,
         producer_ids, fetched, waiting_fetch, listed, epochs, deleted]
