"""asker.py -- asks both brokers the same, and compares what they say.

An outcome is the answer of an API; or that the connection was closed; or silence. What one broker
calls differently from the other (ids of members and topics, leader epochs) is given as Each(), and
nothing else may be.
"""
import select
import socket
import struct
import time

from compare import Names, differences, plain

SILENCE_SECONDS = 20
CLIENT = "differential"
MAY_DIFFER = {"MemberId", "MemberIds", "TopicId", "AssignmentMember", "CurrentLeaderEpoch",
              "LeaderEpoch", "LastFetchedEpoch"}
SIDES = ("kafka", "shardlog")


class Each:
    """A value of its own for each side."""

    def __init__(self, kafka, shardlog):
        self.kafka, self.shardlog = kafka, shardlog

    def of(self, side):
        return getattr(self, side)


def resolve(value, side, field=""):
    if isinstance(value, Each):
        assert field in MAY_DIFFER, f"{field} must be the same for both"
        return value.of(side)
    if isinstance(value, dict):
        return {k: resolve(v, side, k) for k, v in value.items()}
    if isinstance(value, list):
        return [resolve(v, side, field) for v in value]
    return value


class Answer:
    """What both said to one request: a dict for each, or a word."""

    def __init__(self, kafka, shardlog):
        self.kafka, self.shardlog = kafka, shardlog

    def both(self, *path):
        """Something within the answers, as an Each."""
        return Each(*(walk(getattr(self, s), path) for s in SIDES))


def walk(value, path):
    for step in path:
        value = value[step]
    return value


class Line:
    """A connection to each broker."""

    def __init__(self, asker):
        self.asker, self.asked, self.correlation = asker, [], 0
        self._open()

    def _open(self):
        self.sockets = {s: socket.create_connection(("127.0.0.1", self.asker.ports[s]), 10)
                        for s in SIDES}
        for s in self.sockets.values():
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self):
        for s in self.sockets.values():
            s.close()

    def send(self, api, version, values, client=CLIENT):
        """Sends, and does not wait."""
        self.correlation += 1
        for side in SIDES:
            self._write(side, self.asker.schemas.frame(api, version, self.correlation, client,
                                                       resolve(values, side)))
        self.asked.append((api, version, self.correlation))
        self.asker.sent.add((api, version))

    def tell(self, api, version, values):
        """Sends what has no answer."""
        self.send(api, version, values)
        self.asked.pop()

    def send_bytes(self, api, version, data):
        """Bytes as they are, of which an answer of this API and version may come."""
        for side in SIDES:
            self._write(side, data)
        self.asked.append((api, version, struct.unpack_from(">i", data, 8)[0]))

    def _write(self, side, data):
        try:
            self.sockets[side].sendall(data)
        except OSError:
            pass  # it was closed: receiving tells

    def receive(self, case, quiet=False):
        """The next answer of both, compared."""
        api, version, correlation = self.asked.pop(0)
        said = {s: self._receive(s, api, version, correlation) for s in SIDES}
        answer = Answer(said["kafka"], said["shardlog"])
        if not quiet:
            self.asker.compare(api, version, case, answer)
        if not all(isinstance(s, dict) for s in said.values()):
            self.close()
            self._open()
            self.asked = []
        return answer

    def ask(self, api, version, values, case, quiet=False):
        self.send(api, version, values)
        return self.receive(case, quiet)

    def waits(self, side, seconds=0.3):
        """Whether nothing came within this time."""
        return not select.select([self.sockets[side]], [], [], seconds)[0]

    def _receive(self, side, api, version, correlation):
        try:
            self.sockets[side].settimeout(SILENCE_SECONDS)
            size = struct.unpack(">i", self._read(side, 4))[0]
            frame = self._read(side, size)
        except socket.timeout:
            return "silence"
        except OSError:
            return "closed"
        if api == "ApiVersions" and frame[4:6] == b"\0\x23":
            version = 0
        number, value = self.asker.schemas.answer(api, version, frame)
        assert number == correlation, f"{side}: answer {number} to request {correlation}"
        return value

    def _read(self, side, size):
        data = b""
        while len(data) < size:
            piece = self.sockets[side].recv(size - len(data))
            if not piece:
                raise ConnectionError
            data += piece
        return data


class Asker:
    """Both brokers; what was sent, and what differed."""

    def __init__(self, schemas, ports, exceptions, verbose=False):
        self.schemas, self.ports, self.exceptions = schemas, ports, exceptions
        self.verbose, self.answers = verbose, 0
        self.names = {s: Names() for s in SIDES}
        self.sent, self.compared, self.errors = set(), set(), {}
        self.found = {}  # (field, kafka, shardlog) -> cases

    def line(self):
        return Line(self)

    def versions(self, api):
        return range(self.served[api][0], self.served[api][1] + 1)

    def compare(self, api, version, case, answer):
        said = {s: plain(getattr(answer, s), self.names[s]) for s in SIDES}
        self.answers += 1
        where = f"{case} v{version}"
        if self.verbose:
            print(f"{api} {where}: kafka {said['kafka']}\n    shardlog {said['shardlog']}")
        if isinstance(said["kafka"], dict):
            self.compared.add((api, version))
        self._errors(api, said["kafka"])
        for field, kafka, ours in differences(said["kafka"], said["shardlog"], api):
            if not self.exceptions.covers(field, kafka, ours, f"{case} v{version}"):
                self.found.setdefault((field, kafka, ours), []).append(where)

    def check(self, true, what):
        """Something else that has to hold for both."""
        if not true:
            self.found.setdefault((what, "", ""), []).append("")

    def _errors(self, api, value):
        if isinstance(value, list):
            for v in value:
                self._errors(api, v)
        elif isinstance(value, dict):
            for k, v in value.items():
                if k == "ErrorCode":
                    self.errors.setdefault(api, set()).add(v)
                self._errors(api, v)

    def topics_learn(self, *names):
        """Waits until both have these topics with their leaders, and learns their ids."""
        until = time.monotonic() + 30
        line = self.line()
        ask = {"Topics": [{"Name": n} for n in names], "AllowAutoTopicCreation": False}
        while True:
            answer = line.ask("Metadata", 12, ask, "learning", quiet=True)
            if all(topic_ready(t) for s in SIDES for t in getattr(answer, s)["Topics"]):
                break
            assert time.monotonic() < until, answer.kafka
            time.sleep(0.1)
        self._parts_wait(line, answer.kafka["Topics"], until)
        line.close()
        ids = {s: {t["Name"]: t["TopicId"] for t in getattr(answer, s)["Topics"]} for s in SIDES}
        epochs = {s: getattr(answer, s)["Topics"][0]["Partitions"][0]["LeaderEpoch"]
                  for s in SIDES}
        for s in SIDES:
            self.names[s].topics.update({v.bytes: k for k, v in ids[s].items()})
        self.epochs = epochs
        return {n: Each(*(ids[s][n].bytes for s in SIDES)) for n in names}

    def _parts_wait(self, line, topics, until):
        """Kafka's leaders begin a little after they are told of."""
        ask = {"ReplicaId": -1, "Topics": [
            {"Name": t["Name"], "Partitions": [{"PartitionIndex": p["PartitionIndex"],
                                                "Timestamp": -1} for p in t["Partitions"]]}
            for t in topics]}
        while True:
            answer = line.ask("ListOffsets", 1, ask, "learning", quiet=True)
            if not any(p["ErrorCode"] for t in answer.kafka["Topics"] for p in t["Partitions"]):
                return
            assert time.monotonic() < until, answer.kafka
            time.sleep(0.1)

    def epoch(self, plus=0):
        """The leader epoch of the topics learned last."""
        return Each(*(self.epochs[s] + plus for s in SIDES))

    def member_learn(self, name, answer):
        """Gives the member of a JoinGroup answer a name."""
        ids = answer.both("MemberId")
        for s in SIDES:
            self.names[s].members[ids.of(s)] = name
        return ids


def topic_ready(topic):
    return topic["ErrorCode"] == 0 and all(
        p["ErrorCode"] == 0 and p["LeaderId"] >= 0 for p in topic["Partitions"])
