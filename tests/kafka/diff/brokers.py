"""brokers.py -- the two that are compared, each as a process in a directory of its own.

Both get the same settings where both have one. They end with this process, whatever happens to it.
"""
import ctypes
import os
import re
import signal
import socket
import subprocess
import time

PARTITIONS = 4  # of topics made without a number, by name or by a client that needs one
START_SECONDS = 180


def dies_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Broker:
    """What both have: a process, a log, a port."""

    def __init__(self, place, port):
        self.place, self.port, self.process = place, port, None
        os.makedirs(place, exist_ok=True)
        self.log = os.path.join(place, "log")

    def run(self, words, **options):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log, cwd=self.place,
                                            stdin=subprocess.DEVNULL, preexec_fn=dies_with_parent,
                                            **options)

    def wait_ready(self):
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            if self.ready():
                return
            time.sleep(0.1)
        with open(self.log, "rb") as log:
            print(log.read()[-4000:].decode(errors="replace"))
        raise SystemExit(f"{self.name} is not ready after {START_SECONDS} s")

    def stop(self):
        """As an operator does; what it has is kept."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None


class Kafka(Broker):
    name = "kafka"

    def __init__(self, place, jars):
        super().__init__(place, free_port())
        self.jars, self.controller = jars, free_port()
        self.starts = 0
        self.properties = os.path.join(place, "server.properties")
        with open(self.properties, "w", encoding="utf-8") as f:
            f.write(f"""process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{self.controller}
listeners=PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{self.port}
controller.listener.names=CONTROLLER
log.dirs={place}/data
num.partitions={PARTITIONS}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=4194304
num.network.threads=2
num.io.threads=2
""")
        with open(os.path.join(place, "log4j2.properties"), "w", encoding="utf-8") as f:
            f.write("""rootLogger.level=INFO
rootLogger.appenderRef.c.ref=C
appender.c.type=Console
appender.c.name=C
appender.c.layout.type=PatternLayout
appender.c.layout.pattern=%d %p %m (%c)%n%xThrowable
""")
        self.java("kafka.tools.StorageTool", "format", "-t", "4L6g3nShT-eMCtK--X86sw", "-c",
                  self.properties)
        if self.process.wait(120) != 0:
            raise SystemExit("kafka: its directory cannot be formatted: see " + self.log)

    def java(self, *words):
        # Little memory, and a compiler that costs little: it runs for a minute.
        self.run(["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                  f"-Dlog4j2.configurationFile={self.place}/log4j2.properties",
                  "-cp", os.path.join(self.jars, "*"), *words])

    def start(self):
        self.starts += 1
        self.java("kafka.Kafka", self.properties)

    def ready(self):
        with open(self.log, "rb") as log:
            return len(re.findall(rb"Kafka Server started", log.read())) >= self.starts


class Shardlog(Broker):
    name = "shardlog"

    def __init__(self, place, program):
        super().__init__(place, free_port())
        self.program, self.starts = program, 0

    def start(self):
        self.starts += 1
        self.run([self.program, "serve", "--data-dirs", f"{self.place}/data", "--shards", "2",
                  "--listen-native", "none", "--listen-http", "none",
                  "--listen-kafka", f"127.0.0.1:{self.port}", "--memory-tail", "128MiB",
                  "--journal-bytes", "64MiB", "--topic-partitions", str(PARTITIONS),
                  "--topic-auto-partitions", str(PARTITIONS), "--groups-delay", "0"])

    def ready(self):
        with open(self.log, "rb") as log:
            return log.read().count(b'msg="ready in') >= self.starts
