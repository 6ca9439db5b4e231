"""corpus_groups.py -- the group APIs: members, offsets, administration."""
import time

from records import batch

UNKNOWN = "nobody-00000000-0000-0000-0000-000000000000"
RANGE = [{"Name": "range", "Metadata": b"\0\1\2"}]


def join_words(version, group, member="", protocols=None, kind="consumer", timeout=30000,
               rebalance=30000, instance=None):
    out = {"GroupId": group, "SessionTimeoutMs": timeout, "MemberId": member,
           "ProtocolType": kind, "Protocols": RANGE if protocols is None else protocols}
    if version >= 1:
        out["RebalanceTimeoutMs"] = rebalance
    if version >= 5:
        out["GroupInstanceId"] = instance
    return out


def join(line, version, group, case, **words):
    return line.ask("JoinGroup", version, join_words(version, group, **words), case)


def enter(a, line, version, group, name, **words):
    """A member as clients come: from version 4 on it is told its id first."""
    answer = join(line, version, group, f"{name} joins", **words)
    if version >= 4 and not words.get("instance"):
        member = a.member_learn(name, answer)
        answer = join(line, version, group, f"{name} joins with its id", member=member, **words)
    return a.member_learn(name, answer), answer


def sync_words(version, group, member, generation, assignments, instance=None, kind="consumer",
               protocol="range"):
    out = {"GroupId": group, "GenerationId": generation, "MemberId": member,
           "Assignments": [{"MemberId": m, "Assignment": x} for m, x in assignments]}
    if version >= 3:
        out["GroupInstanceId"] = instance
    if version >= 5:
        out["ProtocolType"], out["ProtocolName"] = kind, protocol
    return out


def sync(line, version, group, member, generation, assignments, case, **words):
    return line.ask("SyncGroup", version,
                    sync_words(version, group, member, generation, assignments, **words), case)


def beat(line, version, group, member, generation, case, instance=None):
    ask = {"GroupId": group, "MemberId": member, "GenerationId": generation}
    if version >= 3:
        ask["GroupInstanceId"] = instance
    line.ask("Heartbeat", version, ask, case)


def leave(line, version, group, members, case):
    """members: [(id, instance)]"""
    if version < 3:
        ask = {"MemberId": members[0][0]}
    else:
        ask = {"Members": [{"MemberId": m, "GroupInstanceId": i} for m, i in members]}
    line.ask("LeaveGroup", version, {"GroupId": group, **ask}, case)


def at(a, api, version):
    """The version of another API that is about as old."""
    last = a.served[api][1]
    return max(a.served[api][0], min(last, version))


# ---- one member, at every version ----

def lives(a):
    for v in a.versions("JoinGroup"):
        line, group = a.line(), f"lives-{v}"
        s, h, l = (at(a, api, max(0, v - 4)) for api in ("SyncGroup", "Heartbeat", "LeaveGroup"))
        member, answer = enter(a, line, v, group, "the member")
        beat(line, h, group, member, 1, "a heartbeat before the sync")
        sync(line, s, group, member, 1, [(member, b"mine")], "sync")
        sync(line, s, group, member, 1, [], "sync again")
        beat(line, h, group, member, 1, "a heartbeat")
        beat(line, h, group, member, 2, "a later generation")
        beat(line, h, group, member, 0, "an older generation")
        beat(line, h, group, UNKNOWN, 1, "an unknown member")
        beat(line, h, group, "", 1, "no member")
        beat(line, h, "nobody's", member, 1, "an unknown group")
        beat(line, h, "", member, 1, "an empty group")
        sync(line, s, group, member, 2, [], "sync of a later generation")
        sync(line, s, group, UNKNOWN, 1, [], "sync of an unknown member")
        sync(line, s, "nobody's", member, 1, [], "sync in an unknown group")
        sync(line, s, "", member, 1, [], "sync in an empty group")
        describe(a, line, [group], "a group that is stable")
        join(line, v, group, "the same joins again", member=member)
        sync(line, s, group, member, 2, [(member, b"mine again"), (UNKNOWN, b"his")], "sync of two")
        join(line, v, group, "it joins with another protocol", member=member, protocols=[
            {"Name": "other", "Metadata": b"m"}, {"Name": "range", "Metadata": b"n"}])
        sync(line, s, group, member, 3, [], "sync of nothing")
        leave(line, l, group, [(UNKNOWN, None)], "an unknown one leaves")
        leave(line, l, "nobody's", [(member, None)], "one leaves an unknown group")
        leave(line, l, "", [(member, None)], "one leaves an empty group")
        leave(line, l, group, [(member, None)], "it leaves")
        leave(line, l, group, [(member, None)], "it leaves again")
        beat(line, h, group, member, 3, "a heartbeat of one that left")
        join(line, v, group, "one that left joins", member=member)
        describe(a, line, [group], "a group that is empty")
        enter(a, line, v, group, "a second life")
        line.close()


def versions_of_a_life(a):
    """Every version of sync, heartbeat and leave."""
    for v in range(0, 6):
        line, group = a.line(), f"version-{v}"
        member, _ = enter(a, line, 3, group, "the member")
        sync(line, at(a, "SyncGroup", v), group, member, 1, [(member, b"x")], "sync")
        beat(line, at(a, "Heartbeat", v), group, member, 1, "heartbeat")
        beat(line, at(a, "Heartbeat", v), group, member, 7, "heartbeat, generation")
        if v >= 5:
            for kind, protocol in (("other", "range"), ("consumer", "other"), (None, "range"),
                                   ("consumer", None), (None, None), ("", "")):
                sync(line, v, group, member, 1, [], f"sync as {kind} {protocol}", kind=kind,
                     protocol=protocol)
        if v >= 3:
            leave(line, v, group, [], "nobody leaves")
            leave(line, v, group, [(UNKNOWN, None), (member, None), (member, None)], "three leave")
        else:
            leave(line, v, group, [(member, None)], "it leaves")
        line.close()


def refused(a):
    """What cannot join."""
    for v in a.versions("JoinGroup"):
        line, group = a.line(), f"refused-{v}"
        join(line, v, "", "an empty group id")
        join(line, v, group, "a short timeout", timeout=5999)
        join(line, v, group, "a long timeout", timeout=1800001)
        join(line, v, group, "no timeout", timeout=0)
        join(line, v, group, "an unknown member id", member=UNKNOWN)
        join(line, v, group, "no protocols", protocols=[])
        join(line, v, group, "no protocol type", kind="")
        if v >= 1:
            join(line, v, group + "-r", "a negative rebalance timeout", rebalance=-1)
        member, _ = enter(a, line, v, group + "-x", "the member")
        sync(line, 0, group + "-x", member, 1, [(member, b"x")], "sync")
        other = a.line()
        join(other, v, group + "-x", "another protocol", protocols=[{"Name": "o", "Metadata": b""}])
        join(other, v, group + "-x", "another type", kind="other")
        join(other, v, group + "-x", "no protocols in a group", protocols=[])
        join(other, v, group + "-x", "an unknown member in a group", member=UNKNOWN)
        join(line, v, group + "-x", "the member as another type", member=member, kind="other")
        other.close()
        line.close()


def two_members(a):
    """Two share; the second makes the first join again; the leader gets both."""
    for v in (0, 2, 3, 4, 5, 7, 9):
        one, two, group = a.line(), a.line(), f"two-{v}"
        s, h = at(a, "SyncGroup", max(0, v - 4)), at(a, "Heartbeat", max(0, v - 4))
        first, _ = enter(a, one, v, group, "one")
        sync(one, s, group, first, 1, [(first, b"all")], "one syncs")
        if v >= 4:
            second = a.member_learn("two", join(two, v, group, "two joins"))
        else:
            second = ""
        two.send("JoinGroup", v, join_words(v, group, member=second))
        for side in ("kafka", "shardlog"):
            a.check(two.waits(side), f"{side}: the second member waits for the first")
        beat(one, h, group, first, 1, "a heartbeat in a rebalance")
        sync(one, s, group, first, 1, [], "a sync in a rebalance")
        one.send("JoinGroup", v, join_words(v, group, member=first))
        said = one.receive("one joins again", quiet=True)
        other = two.receive("two has joined", quiet=True)
        second = a.member_learn("two", other)
        a.compare("JoinGroup", v, "one joins again", said)
        a.compare("JoinGroup", v, "two has joined", other)
        two.send("SyncGroup", s, sync_words(s, group, second, 2, []))
        for side in ("kafka", "shardlog"):
            a.check(two.waits(side), f"{side}: a follower's sync waits for the leader's")
        sync(one, s, group, first, 2, [(first, b"left"), (second, b"right")], "the leader syncs")
        two.receive("the follower synced")
        beat(one, h, group, first, 2, "one's heartbeat")
        beat(two, h, group, second, 2, "two's heartbeat")
        describe(a, one, [group], "a group of two")
        one.send("JoinGroup", v, join_words(v, group, member=first))
        leave(two, at(a, "LeaveGroup", max(0, v - 4)), group, [(second, None)], "two leaves")
        one.receive("one is alone")
        sync(one, s, group, first, 3, [(first, b"all again")], "one syncs, alone")
        one.close()
        two.close()


def static_members(a):
    for v in (5, 7, 9):
        line, other, group = a.line(), a.line(), f"static-{v}"
        s, h, l = (at(a, api, v - 2) for api in ("SyncGroup", "Heartbeat", "LeaveGroup"))
        first, _ = enter(a, line, v, group, "static", instance="i")
        sync(line, s, group, first, 1, [(first, b"x")], "sync", instance="i")
        again = join(other, v, group, "it comes back", instance="i")
        second = a.member_learn("static again", again)
        beat(line, h, group, first, 1, "the old one's heartbeat", instance="i")
        beat(line, h, group, first, 1, "the old one's, without instance")
        sync(line, s, group, first, 1, [], "the old one's sync", instance="i")
        join(line, v, group, "the old one joins", member=first, instance="i")
        beat(other, h, group, second, 1, "the new one's heartbeat", instance="i")
        sync(other, s, group, second, 1, [], "the new one's sync", instance="i")
        beat(other, h, group, second, 1, "another instance's heartbeat", instance="j")
        join(other, v, group, "an unknown member of a new instance", member=UNKNOWN, instance="k")
        describe(a, other, [group], "a static group")
        commit(a, other, 7, group, "its commit", member=first, generation=1, instance="i")
        commit(a, other, 7, group, "its commit", member=second, generation=1, instance="i")
        commit(a, other, 7, group, "its commit", member=second, generation=1, instance="j")
        leave(other, l, group, [(first, "i"), (UNKNOWN, "i"), ("", "j")], "old ones leave")
        leave(other, l, group, [("", "i")], "it leaves by its instance")
        describe(a, other, [group], "a static group that is empty")
        line.close()
        other.close()


# ---- offsets ----

def commit(a, line, version, group, case, topic="offsets", rows=((0, 5, "m"),), member="",
           generation=-1, instance=None, **more):
    parts = []
    for p, off, text in rows:
        parts.append({"PartitionIndex": p, "CommittedOffset": off, "CommittedMetadata": text})
    ask = {"GroupId": group, "GenerationIdOrMemberEpoch": generation, "MemberId": member,
           "Topics": [{"Name": topic, "Partitions": parts}], **more}
    if version >= 7:
        ask["GroupInstanceId"] = instance
    line.ask("OffsetCommit", version, ask, case)


def fetch(line, version, group, topics, case, **more):
    """topics: None, or {name: [partitions]}"""
    if version >= 8:
        rows = None if topics is None else [{"Name": t, "PartitionIndexes": p}
                                            for t, p in topics.items()]
        ask = {"Groups": [{"GroupId": group, "Topics": rows, **more}]}
    else:
        rows = None if topics is None else [{"Name": t, "PartitionIndexes": p}
                                            for t, p in topics.items()]
        ask = {"GroupId": group, "Topics": rows, **more}
    line.ask("OffsetFetch", version, ask, case)


def offsets(a):
    line = a.line()
    a.make("offsets", partitions=3)
    for v in a.versions("OffsetCommit"):
        group = f"offsets-{v}"
        commit(a, line, v, group, "a commit without a group", rows=((0, 5, "m"), (1, 6, None),
                                                                   (2, 0, "")))
        commit(a, line, v, group, "a commit of partitions that are not there",
               rows=((3, 5, "m"), (-1, 5, "m"), (0, 7, "n")))
        commit(a, line, v, group, "a commit of a negative offset", rows=((1, -1, "m"),))
        commit(a, line, v, group, "a commit of a very negative offset", rows=((1, -9, "m"),))
        commit(a, line, v, group, "a commit of 4096 bytes", rows=((2, 1, "x" * 4096),))
        commit(a, line, v, group, "a commit of 4097 bytes", rows=((2, 2, "x" * 4097), (1, 3, "s")))
        commit(a, line, v, group, "a commit of an unknown topic", topic="no-offsets")
        commit(a, line, v, group, "a commit of a bad name", topic="no/offsets")
        commit(a, line, v, "", "a commit of an empty group")
        commit(a, line, v, group, "a commit of an unknown member", member=UNKNOWN, generation=1)
        commit(a, line, v, group, "a commit of an unknown member without generation",
               member=UNKNOWN)
        commit(a, line, v, group, "a commit of a generation without member", generation=3)
        commit(a, line, v, group + "-n", "a commit of a generation in no group", generation=3)
        commit(a, line, v, group + "-n", "a commit of a member in no group", generation=3,
               member=UNKNOWN)
        commit(a, line, v, group, "a commit of a partition twice", rows=((0, 8, "a"), (0, 9, "b")))
        line.ask("OffsetCommit", v, {"GroupId": group, "GenerationIdOrMemberEpoch": -1,
                                     "Topics": []}, "a commit of nothing")
        if 2 <= v <= 4:
            commit(a, line, v, group, "a commit with a time to keep", RetentionTimeMs=3600000)
        if v >= 6:
            line.ask("OffsetCommit", v, {"GroupId": group, "GenerationIdOrMemberEpoch": -1,
                     "Topics": [{"Name": "offsets", "Partitions": [
                         {"PartitionIndex": 1, "CommittedOffset": 4, "CommittedLeaderEpoch": 3,
                          "CommittedMetadata": "e"}]}]}, "a commit with an epoch")
        for f in a.versions("OffsetFetch"):
            fetch(line, f, group, {"offsets": [0, 1, 2]}, f"offsets of commit {v}")
    for v in a.versions("OffsetFetch"):
        fetch(line, v, "offsets-7", {"offsets": [0, 7, -1], "no-offsets": [0]}, "offsets, unknown")
        fetch(line, v, "offsets-7", {}, "no offsets")
        fetch(line, v, "offsets-7", {"offsets": []}, "offsets of no partition")
        fetch(line, v, "offsets-7", {"no/offsets": [0]}, "offsets of a bad name")
        fetch(line, v, "nobody's", {"offsets": [0, 1]}, "offsets of an unknown group")
        fetch(line, v, "", {"offsets": [0]}, "offsets of an empty group")
        if v >= 2:
            fetch(line, v, "offsets-7", None, "all offsets")
            fetch(line, v, "nobody's", None, "all offsets of an unknown group")
        if v >= 7:
            line.ask("OffsetFetch", v, {"RequireStable": True, **(
                {"GroupId": "offsets-7"} if v == 7 else {"Groups": [{"GroupId": "offsets-7"}]}),
                                        }, "stable offsets")
        if v >= 8:
            line.ask("OffsetFetch", v, {"Groups": [
                {"GroupId": "offsets-7", "Topics": [{"Name": "offsets", "PartitionIndexes": [0]}]},
                {"GroupId": "nobody's", "Topics": None}, {"GroupId": "offsets-2", "Topics": None}]},
                     "offsets of three groups")
            line.ask("OffsetFetch", v, {"Groups": []}, "offsets of no group")
        if v >= 9:
            fetch(line, v, "offsets-7", {"offsets": [0]}, "offsets for a member", MemberId=UNKNOWN,
                  MemberEpoch=1)
            fetch(line, v, "offsets-7", {"offsets": [0]}, "offsets for no member", MemberId=None,
                  MemberEpoch=-1)
    line.close()


def commits_of_members(a):
    for v in a.versions("OffsetCommit"):
        line, group = a.line(), f"commits-{v}"
        member, _ = enter(a, line, 5, group, "the member")
        commit(a, line, v, group, "a member's, before the sync", member=member, generation=1)
        sync(line, 3, group, member, 1, [(member, b"x")], "sync")
        for who, of, generation in (("the member's", member, 1), ("an older generation's", member, 0),
                                    ("a later generation's", member, 2),
                                    ("a stranger's", UNKNOWN, 1), ("nobody's", "", -1),
                                    ("no generation's", member, -1), ("no member's", "", 1)):
            commit(a, line, v, group, f"a commit in a group, {who}", member=of,
                   generation=generation)
        fetch(line, 7, group, None, "what was committed")
        leave(line, 3, group, [(member, None)], "it leaves")
        commit(a, line, v, group, "a commit of one that left", member=member, generation=1)
        commit(a, line, v, group, "a commit of nobody, afterwards")
        line.close()


# ---- administration ----

def describe(a, line, groups, case, versions=None):
    for v in versions or a.versions("DescribeGroups"):
        line.ask("DescribeGroups", v, {"Groups": groups}, case)


def seen_from_outside(a):
    line, other = a.line(), a.line()
    a.make("seen", partitions=2)
    member, _ = enter(a, line, 5, "seen", "the member", instance="static")
    for v in a.versions("DescribeGroups"):
        line.ask("DescribeGroups", v, {"Groups": ["seen", "nobody's", "seen"]}, "describe three")
        line.ask("DescribeGroups", v, {"Groups": [""]}, "describe an empty name")
        line.ask("DescribeGroups", v, {"Groups": []}, "describe none")
        if v >= 3:
            line.ask("DescribeGroups", v, {"Groups": ["seen", "nobody's"],
                                           "IncludeAuthorizedOperations": True},
                     "describe with operations")
    sync(line, 3, "seen", member, 1, [(member, b"x")], "sync")
    commit(a, line, 5, "seen-simple", "a simple consumer's", topic="seen")
    describe(a, line, ["seen", "seen-simple"], "a stable group and a simple one")
    for v in a.versions("ListGroups"):
        line.ask("ListGroups", v, {}, "list")
        if v >= 4:
            for states in (["Stable"], ["Empty"], ["stable", "Dead"], ["NoSuch"], [""],
                           ["PreparingRebalance", "CompletingRebalance"]):
                line.ask("ListGroups", v, {"StatesFilter": states}, f"list {states}")
        if v >= 5:
            for types in (["classic"], ["Classic"], ["consumer"], ["share"], ["nosuch"], [""]):
                line.ask("ListGroups", v, {"TypesFilter": types}, f"list {types}")
    line.close()
    other.close()


def ended(a):
    """DeleteGroups and OffsetDelete."""
    line = a.line()
    a.make("ended", partitions=2)
    for v in a.versions("DeleteGroups"):
        group = f"ended-{v}"
        member, _ = enter(a, line, 5, group, "the member")
        line.ask("DeleteGroups", v, {"GroupsNames": [group]}, "delete a group with a member")
        leave(line, 3, group, [(member, None)], "it leaves")
        commit(a, line, 5, group, "commit", topic="ended")
        line.ask("DeleteGroups", v, {"GroupsNames": [group, "nobody's", ""]}, "delete groups")
        line.ask("DeleteGroups", v, {"GroupsNames": [group]}, "delete again")
        line.ask("DeleteGroups", v, {"GroupsNames": []}, "delete none")
        commit(a, line, 5, group, "commit", topic="ended")
        line.ask("DeleteGroups", v, {"GroupsNames": [group, group]}, "delete one twice")
        fetch(line, 7, group, None, "offsets of a deleted group")
    subscription = b"\0\1" + b"\0\0\0\1" + b"\0\5ended" + b"\xff\xff\xff\xff" + b"\0\0\0\0"

    def forget(group, topics, case):
        line.ask("OffsetDelete", 0, {"GroupId": group, "Topics": [
            {"Name": t, "Partitions": [{"PartitionIndex": i} for i in p]}
            for t, p in topics.items()]}, case)
    a.make("ended-b", partitions=2)
    for topic in ("ended", "ended-b"):
        commit(a, line, 5, "forget", "commit", topic=topic, rows=((0, 1, ""), (1, 2, "")))
    forget("forget", {"ended": [0, 7, -1], "never": [0]}, "forget one")
    forget("forget", {"ended": [0]}, "forget it again")
    forget("forget", {}, "forget nothing")
    forget("nobody's", {"ended": [0]}, "forget of an unknown group")
    forget("", {"ended": [0]}, "forget of an empty group")
    fetch(line, 7, "forget", None, "what is left")
    member, _ = enter(a, line, 5, "forget", "the member",
                      protocols=[{"Name": "range", "Metadata": subscription}])
    sync(line, 3, "forget", member, 1, [(member, b"x")], "sync")
    commit(a, line, 5, "forget", "commit", topic="ended", rows=((0, 1, ""),), member=member,
           generation=1)
    forget("forget", {"ended": [0, 1], "ended-b": [0, 1]}, "forget what is read")
    fetch(line, 7, "forget", None, "what is left after that")
    leave(line, 3, "forget", [(member, None)], "it leaves")
    member, _ = enter(a, line, 5, "forget-other", "the member", kind="connect")
    commit(a, line, 5, "forget-other", "commit", topic="ended", member=member, generation=1)
    forget("forget-other", {"ended": [0]}, "forget of another type")
    line.close()


def before_a_restart(a):
    """A group, offsets, a producer: what there is after one."""
    from corpus_data import BASE, produce
    line = a.line()
    a.make("restart", partitions=2)
    a.epochs_before = a.epoch()
    produce(line, 8, "restart", {0: batch([b"a", b"b"], time=BASE, pid=5, epoch=0, sequence=0)},
            "before")
    commit(a, line, 5, "restart", "before", topic="restart")
    line.close()


def after_a_restart(a):
    from corpus_data import BASE, fetch as fetch_records, offsets as list_offsets, produce
    line = a.line()
    a.topics_learn("restart")
    until_loaded(line)
    produce(line, 8, "restart", {0: batch([b"a", b"b"], time=BASE, pid=5, epoch=0, sequence=0)},
            "the same again")
    produce(line, 8, "restart", {0: batch([b"c"], time=BASE, pid=5, epoch=0, sequence=9)}, "a gap")
    fetch(line, 7, "restart", None, "offsets")
    describe(a, line, ["restart", "two-9"], "groups")
    for plus, now in (("before", a.epochs_before), ("now", a.epoch()), ("to come", a.epoch(1))):
        epoch = {"CurrentLeaderEpoch": now}
        for v in (9, 12, 13):
            fetch_records(a, line, v, "restart", {0: {"FetchOffset": 0, **epoch}},
                          f"fetch at the epoch {plus}")
        for v in (4, 7):
            list_offsets(line, v, "restart", {0: {"Timestamp": -1, **epoch}},
                         f"offset at the epoch {plus}")
        for v in a.versions("OffsetForLeaderEpoch"):
            for asked, of in (("before", a.epochs_before), ("now", a.epoch())):
                line.ask("OffsetForLeaderEpoch", v, {"Topics": [{
                    "Topic": "restart", "Partitions": [{
                        "Partition": 0, "LeaderEpoch": of, **epoch}]}]},
                         f"end of the epoch {asked}, at the epoch {plus}")
    produce(line, 8, "restart", {0: batch([b"c"], time=BASE, pid=5, epoch=0, sequence=2)}, "next")
    for name, epoch, at_ in (("the last", a.epochs_before, 2),
                             ("the last, too far", a.epochs_before, 3), ("this", a.epoch(), 3)):
        fetch_records(a, line, 12, "restart", {0: {"FetchOffset": at_, "LastFetchedEpoch": epoch}},
                      f"fetch after {name} epoch")
    line.close()


def until_loaded(line):
    until = time.monotonic() + 60
    while True:
        said = line.ask("DescribeGroups", 5, {"Groups": ["restart"]}, "", quiet=True)
        if all(getattr(said, s)["Groups"][0]["ErrorCode"] == 0 for s in ("kafka", "shardlog")):
            return
        assert time.monotonic() < until, "groups are not there after a restart"
        time.sleep(0.1)


CASES = [lives, versions_of_a_life, refused, two_members, static_members, offsets,
         commits_of_members, seen_from_outside, ended, before_a_restart]
AFTER_RESTART = [after_a_restart]
