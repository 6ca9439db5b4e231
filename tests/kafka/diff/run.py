#!/usr/bin/env python3
"""run.py -- the differential test: the same requests to Apache Kafka and to shardlog.

    run.py --program SHARDLOG --jars DIR            all
           [--only NAME...]                         some cases, without a restart and coverage
           [--verbose]                              every answer

Prints each difference that exceptions.txt does not explain, and fails if there is one, or a row of
exceptions.txt that nothing needs, or a served version that was not compared.
"""
import argparse
import fnmatch
import glob
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback

import corpus_data
import corpus_groups
import corpus_hello
import corpus_topics
from asker import Asker, SIDES
from brokers import Kafka, Shardlog
from compare import Exceptions
from schema import Schemas

HERE = os.path.dirname(os.path.abspath(__file__))
API_DEF = os.path.join(HERE, "..", "..", "..", "net", "kafka", "api.def")
# The error codes that the corpus brings out of Kafka; without one of them a case does not do what
# it says.
ERRORS = {1, 2, 3, 7, 10, 12, 17, 21, 22, 23, 24, 25, 26, 27, 32, 35, 36, 37, 38, 39, 40, 42, 45,
          47, 53, 68, 69, 70, 74, 75, 76, 79, 82, 86, 87, 100, 114, 115}
CASES = corpus_hello.CASES + corpus_data.CASES + corpus_topics.CASES + corpus_groups.CASES


def apis_served():
    """name -> (first, last), out of api.def."""
    served = {}
    for line in open(API_DEF, encoding="utf-8"):
        match = re.match(r'API\(\w+,\s*(\d+), "(\w+)",\s*(\d+), (\d+),\s*(\d+)', line)
        if match:
            served[match.group(2)] = int(match.group(4)), int(match.group(5))
    return served


class Trial(Asker):
    """An Asker with what cases need beside questions."""

    def __init__(self, *words, **options):
        super().__init__(*words, **options)
        self.served, self.ids, self.marks = apis_served(), {}, 0

    def make(self, *names, partitions=2, configs=None):
        """Makes topics in both, and waits until they are there; their ids."""
        rows = [{"Name": n, "NumPartitions": partitions, "ReplicationFactor": 1, "Configs": [
            {"Name": k, "Value": v} for k, v in (configs or {}).items()]} for n in names]
        line = self.line()
        line.ask("CreateTopics", 5, {"Topics": rows, "TimeoutMs": 10000}, "made")
        line.close()
        ids = self.topics_learn(*names)
        self.ids.update(ids)
        return ids

    def settle(self):
        """Kafka's node hears of a change a little after it was answered: waits until it has heard
        of a later one."""
        self.marks += 1
        self.make(f"mark-{self.marks}", partitions=1)


def run(asker, cases):
    for case in cases:
        start = time.monotonic()
        before = asker.answers
        try:
            case(asker)
        except Exception:  # a fault of this case; the others go on
            text = traceback.format_exc()
            print(text)
            asker.check(False, f"{case.__name__} broke off: {text.splitlines()[-1]}")
        print(f"{case.__module__}.{case.__name__}: {asker.answers - before} answers, "
              f"{time.monotonic() - start:.1f} s", flush=True)


def report(asker, exceptions, whole):
    bad = 0
    for (field, kafka, ours), cases in sorted(asker.found.items()):
        bad += 1
        print(f"DIFFERENT {field}: kafka {kafka} | shardlog {ours}")
        names = sorted({re.sub(r" v\d+$", "", c) for c in cases})
        print(f"    {len(cases)} x: {'; '.join(names[:12])}")
    if whole:
        for number, cells in exceptions.unused():
            bad += 1
            print(f"UNUSED exceptions.txt:{number}: {cells[0]}")
        for api, (first, last) in sorted(asker.served.items()):
            missing = [v for v in range(first, last + 1) if (api, v) not in asker.compared]
            if missing:
                bad += 1
                print(f"UNTRIED {api}: {missing}")
    errors = sorted({e for of in asker.errors.values() for e in of})
    if whole and not ERRORS <= set(errors):
        bad += 1
        print(f"UNSEEN errors: {sorted(ERRORS - set(errors))}")
    print(f"{asker.answers} answers of {len(asker.compared)} APIs and versions compared; "
          f"{len(errors)} error codes of Kafka seen: {' '.join(map(str, errors))}; "
          f"{len(exceptions.rows)} exceptions; {bad} faults")
    return bad


def main():
    words = argparse.ArgumentParser()
    words.add_argument("--program", required=True)
    words.add_argument("--jars", required=True)
    words.add_argument("--only", nargs="*", default=[])
    words.add_argument("--verbose", action="store_true")
    opts = words.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))
    place = tempfile.mkdtemp(prefix="shardlog-diff-")
    brokers = []
    try:
        clients = glob.glob(os.path.join(opts.jars, "kafka-clients-*.jar"))[0]
        brokers = [Kafka(os.path.join(place, "kafka"), os.path.abspath(opts.jars)),
                   Shardlog(os.path.join(place, "shardlog"), os.path.abspath(opts.program))]
        exceptions = Exceptions(os.path.join(HERE, "exceptions.txt"))
        asker = Trial(Schemas(clients), {b.name: b.port for b in brokers}, exceptions,
                        opts.verbose)

        def start():
            for b in brokers:
                b.start()
            for b in brokers:
                b.wait_ready()
        start()
        chosen = [c for c in CASES if not opts.only or
                  any(fnmatch.fnmatch(f"{c.__module__[7:]}.{c.__name__}", p) for p in opts.only)]
        run(asker, chosen)
        if corpus_groups.before_a_restart in chosen:
            for b in brokers:
                b.stop()
            start()
            run(asker, corpus_groups.AFTER_RESTART)
        return 1 if report(asker, exceptions, not opts.only) else 0
    finally:
        for b in brokers:
            b.stop()
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
