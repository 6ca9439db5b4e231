"""corpus_topics.py -- CreateTopics, DeleteTopics, CreatePartitions, DescribeConfigs,
IncrementalAlterConfigs."""
TOPIC, BROKER = 2, 4
SET, DELETE, APPEND, SUBTRACT = range(4)


def topic(name, partitions=1, replicas=1, configs=None, assignments=None):
    out = {"Name": name, "NumPartitions": partitions, "ReplicationFactor": replicas}
    if configs is not None:
        out["Configs"] = [{"Name": k, "Value": v} for k, v in configs]
    if assignments is not None:
        out["Assignments"] = [{"PartitionIndex": p, "BrokerIds": b} for p, b in assignments]
    return out


def create(line, version, topics, case, only=False, timeout=10000):
    return line.ask("CreateTopics", version, {"Topics": topics, "TimeoutMs": timeout,
                                              "ValidateOnly": only}, f"create: {case}")


# What cannot be made: name of the case -> words of topic().
IMPOSSIBLE = {
    "a bad name": dict(name="no/name"),
    "no name": dict(name=""),
    "a dot": dict(name="."),
    "two dots": dict(name=".."),
    "250 letters": dict(name="x" * 250),
    "0 partitions": dict(partitions=0),
    "-2 partitions": dict(partitions=-2),
    "0 replicas": dict(replicas=0),
    "-2 replicas": dict(replicas=-2),
    "2 replicas": dict(replicas=2),
    "an unknown setting": dict(configs=[("no.such.setting", "1")]),
    "no number": dict(configs=[("retention.ms", "many")]),
    "an empty number": dict(configs=[("retention.ms", "")]),
    "a number out of range": dict(configs=[("retention.ms", "-2")]),
    "a null value": dict(configs=[("retention.ms", None)]),
    "an unknown word": dict(configs=[("message.timestamp.type", "MyTime")]),
    "an unknown policy": dict(configs=[("cleanup.policy", "keep")]),
    "a setting without a name": dict(configs=[("", "1")]),
    "a size that is negative": dict(configs=[("max.message.bytes", "-1")]),
    "a size over all": dict(configs=[("max.message.bytes", "9999999999")]),
    "assignments and partitions": dict(partitions=1, replicas=-1, assignments=[(0, [1])]),
    "assignments and replicas": dict(partitions=-1, replicas=1, assignments=[(0, [1])]),
    "an unknown node": dict(partitions=-1, replicas=-1, assignments=[(0, [77])]),
    "a node twice": dict(partitions=-1, replicas=-1, assignments=[(0, [1, 1])]),
    "no node": dict(partitions=-1, replicas=-1, assignments=[(0, [])]),
    "a partition twice": dict(partitions=-1, replicas=-1, assignments=[(0, [1]), (0, [1])]),
    "a hole in the partitions": dict(partitions=-1, replicas=-1, assignments=[(0, [1]), (2, [1])]),
    "partitions from 1 on": dict(partitions=-1, replicas=-1, assignments=[(1, [1])]),
    "a bad name and setting": dict(name="no/name", configs=[("no.such.setting", "1")]),
    "a bad setting and number": dict(partitions=0, configs=[("no.such.setting", "1")]),
    "a bad setting and replicas": dict(replicas=5, configs=[("no.such.setting", "1")]),
    "bad partitions and replicas": dict(partitions=0, replicas=5),
}


def created(a):
    line = a.line()
    for v in a.versions("CreateTopics"):
        name = f"created-{v}"
        create(line, v, [topic(name + "-a", 3), topic(name + "-b", 1, configs=[
            ("retention.ms", "86400000"), ("cleanup.policy", "delete"),
            ("retention.bytes", "1000000"), ("segment.ms", "60000")])], "two")
        if v >= 4:
            create(line, v, [topic(name + "-c", -1, -1)], "by the defaults")
            create(line, v, [topic(name + "-d", -1, 1), topic(name + "-e", 2, -1)], "half defaults")
        else:
            create(line, v, [topic(name + "-c", -1, 1)], "by the defaults, too early")
        create(line, v, [topic(name + "-f", -1, -1, assignments=[(0, [1]), (1, [1])])], "assigned")
        create(line, v, [topic(name + "-g", 2)], "only looked at", only=True)
        create(line, v, [topic(name + "-g", -1 if v >= 4 else 1, 1, [("retention.ms", "5")])],
               "only looked at, with settings", only=True)
        create(line, v, [topic(name + "-h", 1), topic(name + "-h", 1), topic(name + "-i", 1)],
               "one twice")
        create(line, v, [topic("x" * (249 - len(name)) + name, 1)], "249 letters")
        create(line, v, [topic(f"Under_score.{v}", 1)], "with a dot")
        a.topics_learn(name + "-a", f"Under_score.{v}")
        create(line, v, [topic(name + "-a", 3)], "there already")
        create(line, v, [topic(name + "-a", 3)], "there already, only looked at", only=True)
        create(line, v, [topic(name + "-a", 0, 9, [("no", "1")])], "there already, and wrong")
        create(line, v, [topic(f"Under.score.{v}", 1)], "one that looks like another")
        create(line, v, [], "none")
        create(line, v, [topic(name + "-j", 1)], "timeout 0", timeout=0)
        for what, words in IMPOSSIBLE.items():
            words = {"name": name + "-z", **words}
            for only in (False, True):
                create(line, v, [topic(**words), topic(name + "-y" + what[:3], 1)]
                       if v == 7 and not only else [topic(**words)],
                       what + (", only looked at" if only else ""), only)
    line.close()


def setting_values(a):
    """Values at the edge, one topic each: what both accept is accepted, and told alike."""
    line = a.line()
    a.make("values", partitions=1)
    for key, values in {
            "retention.ms": ("-1", "0", "1", "9223372036854775807", "9223372036854775808", " 5",
                             "5 ", "+5", "0x5", "5.0", "1e3", "-0", "007"),
            "retention.bytes": ("-1", "-2", "0", "9223372036854775807"),
            "segment.ms": ("0", "1", "-1", "9223372036854775807"),
            "max.message.bytes": ("0", "-1", "2147483647", "2147483648", "1000"),
            "message.timestamp.type": ("CreateTime", "LogAppendTime", "createtime", "", " CreateTime"),
            "message.timestamp.before.max.ms": ("0", "-1", "9223372036854775807"),
            "message.timestamp.after.max.ms": ("0", "-1", "9223372036854775807"),
            "cleanup.policy": ("delete", "DELETE", "", "delete,delete", " delete", "delete,", ","),
    }.items():
        for value in values:
            alter(line, 1, [(TOPIC, "values", [(key, SET, value)])], f"{key}='{value}'", True)
    line.close()


def deleted(a):
    line = a.line()
    for v in a.versions("DeleteTopics"):
        names = [f"gone-{v}-{i}" for i in range(4)]
        a.make(*names, partitions=1)

        def ask(topics, case):
            values = {"Topics": topics} if v >= 6 else {"TopicNames": [t["Name"] for t in topics]}
            line.ask("DeleteTopics", v, {**values, "TimeoutMs": 10000}, f"delete: {case}")
        by = [{"Name": n} for n in names]
        ask(by[:1], "one")
        ask([by[1], {"Name": "gone-never"}], "one and an unknown one")
        ask([by[2], by[2]], "one twice")
        ask([{"Name": "gone/never"}], "a bad name")
        ask([{"Name": ""}], "an empty name")
        ask([], "none")
        if v >= 6:
            of = a.topics_learn(names[3])[names[3]]
            ask([{"Name": names[3], "TopicId": of}], "by name and id")
            ask([{"Name": None, "TopicId": bytes(16)}], "by neither")
            ask([{"Name": None, "TopicId": of}, {"Name": names[3], "TopicId": bytes(16)}],
                "by id, and by name")
            a.make("gone-by-id", "gone-by-id-2", partitions=1)
            of = a.topics_learn("gone-by-id", "gone-by-id-2")
            ask([{"Name": None, "TopicId": of["gone-by-id"]},
                 {"Name": None, "TopicId": bytes(15) + b"\5"}], "by id, and by an unknown one")
            ask([{"Name": None, "TopicId": of["gone-by-id-2"]},
                 {"Name": None, "TopicId": of["gone-by-id-2"]}], "by id, twice")
    line.ask("Metadata", 12, {"Topics": [{"Name": "gone-2-0"}], "AllowAutoTopicCreation": False},
             "what was deleted")
    line.close()


# ---- settings ----

def describe(line, version, resources, case, **more):
    rows = [{"ResourceType": t, "ResourceName": n, "ConfigurationKeys": k} for t, n, k in resources]
    line.ask("DescribeConfigs", version, {"Resources": rows, **more}, f"configs: {case}")


def alter(line, version, resources, case, only=False):
    rows = [{"ResourceType": t, "ResourceName": n, "Configs": [
        {"Name": k, "ConfigOperation": o, "Value": x} for k, o, x in configs]}
            for t, n, configs in resources]
    line.ask("IncrementalAlterConfigs", version, {"Resources": rows, "ValidateOnly": only},
             f"alter: {case}")


def described(a):
    line = a.line()
    a.make("described", partitions=1, configs={"retention.ms": "86400000"})
    a.make("described-2", partitions=1)
    for v in a.versions("DescribeConfigs"):
        describe(line, v, [(TOPIC, "described", None)], "all of a topic")
        describe(line, v, [(TOPIC, "described", ["retention.ms", "cleanup.policy"]),
                           (TOPIC, "described-2", ["retention.ms", "max.message.bytes"])], "some")
        describe(line, v, [(TOPIC, "described", [])], "none of a topic")
        describe(line, v, [(TOPIC, "described", ["no.such.setting"])], "an unknown one")
        describe(line, v, [(TOPIC, "not-described", None)], "an unknown topic")
        describe(line, v, [(TOPIC, "not/described", None)], "a bad name")
        describe(line, v, [(TOPIC, "", None)], "an empty name")
        describe(line, v, [(TOPIC, "described", ["retention.ms"])] * 2, "one twice")
        for kind in (0, 1, 3, 5, 99, -1):
            describe(line, v, [(kind, "described", None)], f"of kind {kind}")
        describe(line, v, [(BROKER, "1", ["default.replication.factor", "num.partitions",
                                          "auto.create.topics.enable"])], "of a node")
        describe(line, v, [(BROKER, "1", None)], "all of a node")
        describe(line, v, [(BROKER, "77", None)], "of an unknown node")
        describe(line, v, [(BROKER, "one", None)], "of a node that is no number")
        describe(line, v, [(BROKER, "", ["num.partitions"])], "of all nodes")
        describe(line, v, [], "nothing")
        describe(line, v, [(TOPIC, "described", ["retention.ms"])], "with synonyms",
                 IncludeSynonyms=True)
        if v >= 3:
            describe(line, v, [(TOPIC, "described", ["retention.ms"])], "with documentation",
                     IncludeDocumentation=True)
    line.close()


def altered(a):
    line = a.line()
    a.make("altered", "altered-2", partitions=1)
    for v in a.versions("IncrementalAlterConfigs"):
        def seen(case):
            describe(line, 4, [(TOPIC, "altered", ["retention.ms", "retention.bytes", "segment.ms",
                                                   "cleanup.policy"])], "after " + case)
        for case, configs in {
                "set": [("retention.ms", SET, "5000"), ("segment.ms", SET, "7000")],
                "delete": [("retention.ms", DELETE, None)],
                "delete what is not set": [("retention.ms", DELETE, None)],
                "delete with a value": [("segment.ms", DELETE, "5")],
                "set to nothing": [("retention.ms", SET, None)],
                "unknown": [("no.such.setting", SET, "1")],
                "delete unknown": [("no.such.setting", DELETE, None)],
                "one good, one unknown": [("retention.bytes", SET, "777"), ("no.such", SET, "1")],
                "twice": [("retention.ms", SET, "1"), ("retention.ms", SET, "2")],
                "a bad value": [("retention.ms", SET, "x")],
                "append to a number": [("retention.ms", APPEND, "1")],
                "subtract from a number": [("retention.ms", SUBTRACT, "1")],
                "append to a list": [("cleanup.policy", APPEND, "delete")],
                "subtract from a list": [("cleanup.policy", SUBTRACT, "compact")],
                "append nothing": [("cleanup.policy", APPEND, None)],
                "operation 4": [("retention.ms", 4, "1")],
                "operation -1": [("retention.ms", -1, "1")],
                "an empty name": [("", SET, "1")],
                "nothing": [],
        }.items():
            alter(line, v, [(TOPIC, "altered", configs)], case + ", only looked at", True)
            alter(line, v, [(TOPIC, "altered", configs)], case)
            a.settle()
            seen(case)
        one = [("retention.ms", SET, "9000")]
        alter(line, v, [(TOPIC, "not-altered", one)], "an unknown topic")
        alter(line, v, [(TOPIC, "not/altered", one)], "a bad name")
        alter(line, v, [(TOPIC, "", one)], "no name")
        alter(line, v, [(TOPIC, "altered", one), (TOPIC, "altered-2", one)], "two topics")
        alter(line, v, [(TOPIC, "altered", one), (TOPIC, "not-altered", one)], "one and an unknown")
        alter(line, v, [(TOPIC, "altered", one), (TOPIC, "altered", one)], "a topic twice")
        for kind in (0, 1, 3, 99):
            alter(line, v, [(kind, "altered", one)], f"of kind {kind}")
        alter(line, v, [(BROKER, "77", [("num.partitions", SET, "3")])], "an unknown node")
        alter(line, v, [(BROKER, "one", [("num.partitions", SET, "3")])], "a node's bad name")
        alter(line, v, [(BROKER, "1", [("broker.id", SET, "3")])], "what is read only", True)
        alter(line, v, [], "nothing at all")
    line.close()


def grown(a):
    line = a.line()
    for v in a.versions("CreatePartitions"):
        a.make(f"grown-{v}", f"grown-{v}-b", partitions=2)

        def ask(topics, case, only=False):
            rows = [{"Name": n, "Count": c, "Assignments": s and [{"BrokerIds": b} for b in s]}
                    for n, c, s in topics]
            line.ask("CreatePartitions", v, {"Topics": rows, "TimeoutMs": 10000,
                                             "ValidateOnly": only}, f"grow: {case}")
        name = f"grown-{v}"
        for only in (True, False):
            for case, topics in {
                    "to the same": [(name, 2, None)],
                    "to fewer": [(name, 1, None)],
                    "to 0": [(name, 0, None)],
                    "to -1": [(name, -1, None)],
                    "an unknown topic": [("not-grown", 5, None)],
                    "a bad name": [("not/grown", 5, None)],
                    "no name": [("", 5, None)],
                    "one twice": [(name, 3, None), (name, 3, None)],
                    "none": [],
                    "assigned to an unknown node": [(name, 3, [[77]])],
                    "assigned, too few": [(name, 4, [[1]])],
                    "assigned, too many": [(name, 3, [[1], [1]])],
                    "assigned to none": [(name, 3, [[]])],
            }.items():
                ask(topics, case + (", only looked at" if only else ""), only)
            ask([(name, 3, None), (f"{name}-b", 3, [[1]]), ("not-grown", 3, None)],
                "two and an unknown" + (", only looked at" if only else ""), only)
        a.settle()
        line.ask("Metadata", 12, {"Topics": [{"Name": name}, {"Name": f"{name}-b"}]}, "grown")
    line.close()


CASES = [created, setting_values, deleted, described, altered, grown]
