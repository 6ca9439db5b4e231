"""compare.py -- two answers to the same bytes: what may differ, and what does.

Allowed without a word, since two brokers cannot agree on it: correlation ids, throttle times,
nodes, hosts and ports, ids of members and topics, leader epochs, timestamps of now, texts of
errors, the order in arrays. Even those are not dropped where they can be told apart: an id becomes
the name of what it stands for, a time becomes "now". Everything else is a difference, unless a row
of exceptions.txt has its field, both values and its reason.
"""
import fnmatch
import json
import re
import time
import uuid

import records

NOW_MS = 15 * 60 * 1000
NODES = {"NodeId", "BrokerId", "LeaderId", "ControllerId"}
NODE_LISTS = {"ReplicaNodes", "IsrNodes", "OfflineReplicas"}
DROPPED = {"ThrottleTimeMs", "Host", "Port", "ClusterId"}
TIMES = {"Timestamp", "LogAppendTimeMs", "MaxTimestamp"}
EPOCHS = {"LeaderEpoch", "PartitionLeaderEpoch", "Epoch"}
# What tells elements of an array apart, in this order of preference.
KEYS = [("Name",), ("TopicId",), ("TopicName",), ("Topic",), ("PartitionIndex",), ("Partition",),
        ("Index",), ("GroupId",), ("ResourceType", "ResourceName"), ("MemberId",), ("ApiKey",),
        ("Key",), ("NodeId",), ("BrokerId",), ("BaseOffset", "Magic")]
UUID = re.compile(r"-?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")


class Names:
    """What the ids of one broker stand for."""

    def __init__(self):
        self.topics, self.members = {}, {}

    def topic(self, value):
        if value.int == 0:
            return "none"
        return self.topics.get(value.bytes, "some topic")

    def member(self, value):
        if not value:
            return value
        return self.members.get(value) or UUID.sub("-*", value)


def plain(value, names, field=""):
    """A value with all that may differ replaced by what it means."""
    if isinstance(value, dict):
        return {k: plain(v, names, k) for k, v in value.items() if k not in DROPPED}
    if isinstance(value, list):
        if field in NODE_LISTS:
            return ["node"] * len(value)
        return [plain(v, names, field) for v in value]
    if isinstance(value, uuid.UUID):
        return names.topic(value)
    if field in ("MemberId", "Leader") and isinstance(value, str):
        return names.member(value)
    if field in NODES:
        return "node" if value >= 0 else value
    if field in EPOCHS:
        return "epoch" if value >= 0 else value
    if field in TIMES:
        return "now" if abs(value - time.time() * 1000) < NOW_MS else value
    if field in ("ErrorMessage", "BatchIndexErrorMessage", "Documentation"):
        return "text" if value else None
    if field == "Records":
        return batches(value, names)
    if isinstance(value, bytes):
        return value.hex()
    return value


def batches(data, names):
    if data is None:
        return None
    whole, rest = records.split(data)
    rows = []
    for one in whole:
        row = plain(records.fields(one) if one[16] == 2 else {"Bytes": one.hex()}, names)
        if row.get("MaxTimestamp") == "now":
            del row["Crc"]  # made of the time; CrcFits is left
        rows.append(row)
    return {"Batches": rows, "Cut": len(rest) > 0}


def key_of(element, keys):
    return json.dumps([element.get(k) for k in keys])


def keys_for(a, b):
    """The fields that pair the elements of two arrays, or None."""
    for keys in KEYS:
        if all(k in e for e in a + b for k in keys):
            if all(len({key_of(e, keys) for e in x}) == len(x) for x in (a, b)):
                return keys
    return None


def differences(a, b, path):
    """(field, value of kafka, value of shardlog) of everything that is not the same."""
    if isinstance(a, dict) and isinstance(b, dict):
        for k in list(a) + [k for k in b if k not in a]:
            yield from differences(a.get(k), b.get(k), f"{path}.{k}")
    elif isinstance(a, list) and isinstance(b, list):
        yield from list_differences(a, b, path)
    elif a != b or isinstance(a, bool) != isinstance(b, bool):
        yield path, word(a), word(b)


def list_differences(a, b, path):
    if not all(isinstance(e, dict) for e in a + b):
        a, b = (sorted(map(word, x)) for x in (a, b))
        if a != b:
            yield path, word(a), word(b)
        return
    keys = keys_for(a, b)
    if keys is None:
        a, b = (sorted(x, key=lambda e: json.dumps(e, sort_keys=True)) for x in (a, b))
        ours = dict(enumerate(b))
        pairs = [(None, e, ours.pop(i, None)) for i, e in enumerate(a)]
    else:
        ours = {key_of(e, keys): e for e in b}
        pairs = [(e[keys[0]], e, ours.pop(key_of(e, keys), None)) for e in a]
    for name, one, other in pairs:
        if other is None:
            yield f"{path}[{'' if name is None else word(name)}]", short(one), "absent"
        else:
            yield from differences(one, other, path)
    for other in ours.values():
        name = word(other[keys[0]]) if keys else ""
        yield f"{path}[{name}]", "absent", short(other)


def word(value):
    return value if isinstance(value, str) else json.dumps(value)


def short(value):
    text = json.dumps(value)
    return text if len(text) < 300 else text[:300] + "..."


class Exceptions:
    """exceptions.txt: field | kafka | shardlog | cases | reason. Patterns as of a shell; a row that
    nothing needs is a fault, and so is one that stands for a whole answer."""

    def __init__(self, path):
        self.rows, self.used = [], set()
        for number, line in enumerate(open(path, encoding="utf-8"), 1):
            if not line.strip() or line.startswith("#"):
                continue
            cells = [c.strip() for c in line.split("|", 4)]
            assert len(cells) == 5 and all(cells), f"{path}:{number}: five cells"
            assert "." in cells[0] and not cells[0].endswith(".*"), f"{path}:{number}: no field"
            self.rows.append((number, cells))

    def covers(self, field, kafka, shardlog, case):
        for number, (f, k, s, c, _) in self.rows:
            if match(field, f) and match(kafka, k) and match(shardlog, s) and match(case, c):
                self.used.add(number)
                return True
        return False

    def unused(self):
        return [(n, cells) for n, cells in self.rows if n not in self.used]


def match(text, pattern):
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))
