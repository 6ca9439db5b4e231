"""corpus_hello.py -- what a client asks first: versions, who is there, which topics, coordinators;
and what is no request."""
import struct
import time

# A version that neither has, above and below, of each API: the connection ends.
FAR = 99


def versions(a):
    line = a.line()
    for v in a.versions("ApiVersions"):
        line.ask("ApiVersions", v, {"ClientSoftwareName": "a-b.c", "ClientSoftwareVersion": "1.0"},
                 "versions")
    for name, version in (("", "1"), ("a", ""), ("-a", "1"), ("a b", "1"), ("a.", "1"),
                          ("a", "1_0"), ("a", "1.-0")):
        line.ask("ApiVersions", 3, {"ClientSoftwareName": name, "ClientSoftwareVersion": version},
                 f"software '{name}' '{version}'")
    line.close()


def versions_unknown(a):
    """Error 35 in version 0, whatever the body is; the connection lives."""
    line = a.line()
    for v in (5, 9, 127):
        body = struct.pack(">hhih", 18, v, v, 4) + b"name\0"
        line.send_bytes("ApiVersions", v, struct.pack(">i", len(body)) + body)
        line.receive("unknown version")
    line.ask("ApiVersions", 2, {}, "after an unknown version")
    line.close()


def clusters(a):
    line = a.line()
    for v in a.versions("DescribeCluster"):
        for operations in (False, True):
            line.ask("DescribeCluster", v, {"IncludeClusterAuthorizedOperations": operations},
                     f"cluster operations={operations}")
    for v in (1, 2):
        for kind in (0, 2, 3):
            line.ask("DescribeCluster", v, {"EndpointType": kind}, f"cluster endpoint {kind}")
    line.ask("DescribeCluster", 2, {"IncludeFencedBrokers": True}, "cluster with fenced")
    line.close()


def coordinators(a):
    line = a.line()
    until_there(a, line)
    for v in a.versions("FindCoordinator"):
        kinds = (0, 1, 2, 3, -1) if v else (0,)
        for kind in kinds:
            if v < 4:
                line.ask("FindCoordinator", v, {"Key": "g", **({"KeyType": kind} if v else {})},
                         f"coordinator of type {kind}")
                continue
            line.ask("FindCoordinator", v, {"KeyType": kind, "CoordinatorKeys": ["g", "h"]},
                     f"coordinators of type {kind}")
        if v < 4:
            line.ask("FindCoordinator", v, {"Key": ""}, "coordinator of nobody")
        else:
            line.ask("FindCoordinator", v, {"CoordinatorKeys": []}, "coordinator of none")
            line.ask("FindCoordinator", v, {"CoordinatorKeys": ["", "g", "g"]},
                     "coordinator of nobody and one twice")
    line.close()


def until_there(a, line):
    """Kafka makes the topics of its coordinators when they are asked for the first time."""
    for kind in (0, 1):
        for _ in range(200):
            said = line.ask("FindCoordinator", 3, {"Key": "g", "KeyType": kind}, "", quiet=True)
            if said.kafka["ErrorCode"] == 0 and said.shardlog["ErrorCode"] == 0:
                break
            time.sleep(0.1)


def metadata(a):
    line = a.line()
    ids = a.make("meta-a", "meta-b")
    a.make("meta-one", partitions=1)
    for v in a.versions("Metadata"):
        quiet = {"AllowAutoTopicCreation": False} if v >= 4 else {}

        def ask(topics, case, **more):
            line.ask("Metadata", v, {"Topics": topics, **quiet, **more}, case)
        ask([] if v == 0 else None, "metadata of all")
        if v > 0:
            ask([], "metadata of none")
        ask([{"Name": "meta-a"}], "metadata of one")
        ask([{"Name": "meta-b"}, {"Name": "meta-one"}, {"Name": "meta-a"}], "metadata of three")
        ask([{"Name": "meta-a"}, {"Name": "meta-a"}], "metadata of one twice")
        for name in ("bad name", "", ".", "..", "x" * 249 if v >= 4 else "x/", "x" * 250, "a:b"):
            ask([{"Name": name}, {"Name": "meta-a"}], f"metadata of '{name[:8]}' {len(name)}")
        if v >= 4:
            ask([{"Name": "meta-none"}, {"Name": "meta-a"}], "metadata of an unknown one")
        if v >= 8:
            ask([{"Name": "meta-a"}, {"Name": "meta-none"}], "metadata with operations",
                IncludeTopicAuthorizedOperations=True)
        if 8 <= v <= 10:
            ask([], "metadata with the cluster's operations",
                IncludeClusterAuthorizedOperations=True)
        if v >= 10:
            ask([{"Name": "meta-a", "TopicId": bytes(15) + b"\7"}], "metadata by name and id")
        if v >= 12:
            ask([{"Name": None, "TopicId": ids["meta-b"]}], "metadata by id")
            ask([{"Name": None, "TopicId": bytes(15) + b"\7"}, {"Name": None,
                                                               "TopicId": ids["meta-b"]}],
                "metadata by an unknown id")
            ask([{"Name": None, "TopicId": bytes(16)}], "metadata by no id")
            ask([{"Name": None, "TopicId": ids["meta-b"]}, {"Name": "meta-a"}],
                "metadata by id and by name")
        elif v >= 10:
            ask([{"Name": None, "TopicId": ids["meta-b"]}], "metadata by id before it is served")
            line.close()
            line = a.line()
    line.close()


def made_by_name(a):
    """The first answers differ (Kafka makes it later); in the end both have it."""
    line = a.line()
    for v in a.versions("Metadata"):
        line.ask("Metadata", v, {"Topics": [{"Name": f"auto-{v}"}]}, "auto: first")
    a.topics_learn(*(f"auto-{v}" for v in a.versions("Metadata")))
    for v in a.versions("Metadata"):
        line.ask("Metadata", v, {"Topics": [{"Name": f"auto-{v}"}]}, "auto: then")
    line.close()


def what_is_no_request(a):
    """Each on a connection of its own: it ends, without a word."""
    for api, (first, last) in sorted(a.served.items()):
        key = a.schemas.request(api).key
        for v in [FAR] + ([first - 1] if first > 0 else []):
            if api == "ApiVersions":
                continue
            broken(a, api, last, struct.pack(">hhihh", key, v, 1, -1, 0), f"{api} {v}")
        for size in (10, 12):
            data = a.schemas.frame(api, last, 1, "c", {})[4:]
            if len(data) > size:
                broken(a, api, last, data[:size], f"{api} {last} cut at {size}")
    for key in (-1, 4, 7, 200, 32767):
        broken(a, "Metadata", 0, struct.pack(">hhihh", key, 0, 1, -1, 0), f"key {key}")
    broken(a, "Metadata", 0, struct.pack(">hhihi", 3, 0, 1, -1, -2), "a count of -2")
    broken(a, "Metadata", 1, struct.pack(">hhihih", 3, 1, 1, -1, 1, -1), "a name that is null")
    broken(a, "Metadata", 1, struct.pack(">hhihi", 3, 1, 1, -1, 0x7fffffff), "a large count")
    broken(a, "Metadata", 1, struct.pack(">hhihih", 3, 1, 1, -1, 1, 100) + b"abc", "a short text")
    broken(a, "Metadata", 1, struct.pack(">hhihih", 3, 1, 1, -1, 1, 2) + b"\xff\xfe", "no UTF-8")


def broken(a, api, version, body, case):
    line = a.line()
    line.send_bytes(api, version, struct.pack(">i", len(body)) + body.ljust(8, b"\0"))
    line.receive("no request: " + case)
    line.close()


def bytes_behind(a):
    """Bytes behind a request are passed over; without a client id, and with a long one."""
    line = a.line()
    data = a.schemas.frame("Metadata", 5, 77, None, {"Topics": []}) + b"more"
    line.send_bytes("Metadata", 5, struct.pack(">i", len(data) - 4) + data[4:])
    line.receive("bytes behind a request")
    data = a.schemas.frame("Metadata", 12, 78, "c", {"Topics": []})[4:-1] + b"\1\x63\2ab"
    line.send_bytes("Metadata", 12, struct.pack(">i", len(data)) + data)
    line.receive("an unknown tag")
    line.send("Metadata", 5, {"Topics": []}, client="c" * 30000)
    line.receive("a long client id")
    line.send("Metadata", 9, {"Topics": []}, client=None)
    line.receive("no client id")
    line.close()


def nothing_set(a):
    """Every API and version, with the defaults of the definitions: empty names and arrays."""
    line = a.line()
    for api in sorted(a.served):
        if api == "Produce":  # acks are 0 then, and there is no answer
            continue
        for v in a.versions(api):
            line.ask(api, v, {}, "nothing set")
    line.close()


def in_order(a):
    """Requests of a connection are answered in their order."""
    line = a.line()
    a.make("order", partitions=1)
    part = {"Partition": 0, "FetchOffset": 0, "PartitionMaxBytes": 1000}
    line.send("Fetch", 11, {"MaxWaitMs": 500, "MinBytes": 1,
                            "Topics": [{"Topic": "order", "Partitions": [part]}]})
    line.send("Metadata", 5, {"Topics": []})
    line.send("FindCoordinator", 2, {"Key": "g"})
    for side in ("kafka", "shardlog"):
        a.check(line.waits(side, 0.2), f"{side}: a request waits for the one before")
    for _ in range(3):
        line.receive("in order")
    line.close()


CASES = [versions, versions_unknown, clusters, coordinators, metadata, made_by_name,
         what_is_no_request, bytes_behind, nothing_set, in_order]
