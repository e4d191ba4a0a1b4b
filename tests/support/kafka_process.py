# SPDX-License-Identifier: Apache-2.0
"""Apache Kafka 4.3.1 from its jars (scripts/fetch-clients brings them): its tools, and a broker."""
import contextlib
import os
import pathlib
import select
import shutil
import socket
import subprocess
import tempfile
import time

from cairn_process import CACHE, ROOT, free_port, run, skip, start_all, wait_until

JARS = CACHE / "kafka-4.3.1"
CONFIGURATION = ROOT / "tests/compatibility/kafka/log4j2.properties"
TOOLS = {
    "topics": "org.apache.kafka.tools.TopicCommand", "configs": "kafka.admin.ConfigCommand",
    "console-producer": "org.apache.kafka.tools.ConsoleProducer",
    "console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "get-offsets": "org.apache.kafka.tools.GetOffsetShell",
    "delete-records": "org.apache.kafka.tools.DeleteRecordsCommand",
    "log-dirs": "org.apache.kafka.tools.LogDirsCommand",
    "reassign-partitions": "org.apache.kafka.tools.reassign.ReassignPartitionsCommand",
    "leader-election": "org.apache.kafka.tools.LeaderElectionCommand",
    "producer-perf-test": "org.apache.kafka.tools.ProducerPerformance",
    "consumer-perf-test": "org.apache.kafka.tools.ConsumerPerformance",
    "e2e-latency": "org.apache.kafka.tools.EndToEndLatency",
    "client-compatibility": "org.apache.kafka.tools.ClientCompatibilityTest",
    "dump-log": "org.apache.kafka.tools.DumpLogSegments",
    "metadata-quorum": "org.apache.kafka.tools.MetadataQuorumCommand",
    "metadata-shell": "org.apache.kafka.shell.MetadataShell",
    "features": "org.apache.kafka.tools.FeatureCommand",
    "cluster": "org.apache.kafka.tools.ClusterTool",
    "broker-api-versions": "org.apache.kafka.tools.BrokerApiVersionsCommand",
    "storage": "kafka.tools.StorageTool",
    "replica-verification": "org.apache.kafka.tools.ReplicaVerificationTool",
    "console-share-consumer": "org.apache.kafka.tools.consumer.ConsoleShareConsumer",
    "transactions": "org.apache.kafka.tools.TransactionsCommand",
    "acls": "org.apache.kafka.tools.AclCommand",
    "delegation-tokens": "org.apache.kafka.tools.DelegationTokenCommand",
}


def need_jars():
    if not shutil.which("java"):
        skip("java is not installed (scripts/test --with-clients installs it)")
    if not any(JARS.glob("kafka-tools-*.jar")):
        skip("Kafka's jars are not there (scripts/test --with-clients fetches them)")


def java(main_class, *arguments, heap="256m"):
    return ["java", f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
            f"-Dlog4j2.configurationFile={CONFIGURATION}", "-cp", f"{JARS}/*", main_class, *map(str, arguments)]


def tool(name, *arguments, **options):
    """What one of Kafka's command-line tools prints."""
    return run(*java(TOOLS[name], *arguments), **options)


class Toolbox:
    """The same tools, all in one process that starts with the first; call it as `tool`."""

    def __init__(self, log):
        self.log, self.process = log, None

    def __call__(self, name, *arguments, seconds=120):
        if self.process is None:
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(java(ROOT / "tests/compatibility/kafka/Tools.java", heap="512m"),
                                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        self.process.stdin.write("\t".join([TOOLS[name], *map(str, arguments)]).encode() + b"\n")
        self.process.stdin.flush()
        answer, deadline = bytearray(), time.monotonic() + seconds
        while not (answer.endswith(b"\n") and b"\0" in answer[-8:]):
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self.process.stdout], [], [], max(left, 0))
            part = os.read(self.process.stdout.fileno(), 1 << 20) if ready else b""
            if not part:
                self.close()
                raise AssertionError(f"{name} {arguments} did not end within {seconds} s:\n{answer[-2000:]!r}")
            answer += part
        text, status = answer.decode(errors="replace").rsplit("\0", 1)
        assert int(status) == 0, f"{name} {arguments} ended with {status}{text}"
        return text

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


class Kafka:
    """One Kafka on a directory: `data` below it holds the log directory. `settings` and the port stay over restarts."""

    def __init__(self, directory, kraft_version=0, tools=None, **overrides):
        self.directory = pathlib.Path(directory)
        self.tools = tools  # a Toolbox, or each in a process of its own
        self.port, self.controller_port = free_port(), free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.dynamic = kraft_version > 0
        quorum = "bootstrap.servers" if self.dynamic else "voters"
        voter = "" if self.dynamic else "1@"
        self.settings = {
            "process.roles": "broker,controller", "node.id": 1,
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.controller_port}",
            "controller.listener.names": "CONTROLLER",
            f"controller.quorum.{quorum}": f"{voter}127.0.0.1:{self.controller_port}",
            "log.dirs": self.directory / "data", "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1, "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1, "share.coordinator.state.topic.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            **{key.replace("_", "."): value for key, value in overrides.items()},
        }
        self.process = self.log = None

    def properties(self):
        path = self.directory / "server.properties"
        path.write_text("".join(f"{key}={value}\n" for key, value in self.settings.items()))
        return path

    def format(self, *arguments):
        standalone = ["--standalone"] if self.dynamic and "--initial-controllers" not in arguments else []
        (self.tools or tool)("storage", "format", "-t", "Y2Fpcm4tdGVzdC1rYWZrYQ", *standalone, *arguments,
                             "-c", self.properties())

    def start(self, seconds=240):
        self.log = open(self.directory / "kafka.log", "ab")
        self.process = subprocess.Popen(java("kafka.Kafka", self.properties(), heap="1g"), stdout=self.log,
                                        stderr=self.log)

        def answers():
            assert self.process.poll() is None, self.log_tail()
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return True
            return False
        wait_until(answers, seconds, "the start of Kafka")
        time.sleep(1)

    def log_tail(self):
        return (self.directory / "kafka.log").read_text(errors="replace")[-4000:]

    def stop(self, seconds=60):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
        self.log.close()


@contextlib.contextmanager
def kafka(**overrides):
    """A running Kafka of one node in a fresh directory; yields an object with .bootstrap and .directory.
    Formatted as Cairn formats itself: a quorum that keeps its voters, and no eligible leader replicas,
    which would turn min.insync.replicas into a dynamic configuration of the cluster."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="cairn-test-kafka-"))
    node = Kafka(directory, kraft_version=1, **overrides)
    try:
        node.format("--feature", "eligible.leader.replicas.version=0")
        node.start()
        yield node
    finally:
        node.stop()
        if not os.environ.get("CAIRN_KEEP"):
            shutil.rmtree(directory, ignore_errors=True)


class KafkaCluster:
    """Three of them as one cluster whose quorum keeps its voters; heavy, for when expected output is recorded."""

    def __init__(self, directory, size=3, **overrides):
        self.nodes = []
        for id_ in range(1, size + 1):
            (pathlib.Path(directory) / str(id_)).mkdir()
            self.nodes.append(Kafka(pathlib.Path(directory) / str(id_), kraft_version=1, node_id=id_, **overrides))
        for node in self.nodes:
            node.settings.update({"controller.quorum.bootstrap.servers": self.bootstrap_controller,
                                  "default.replication.factor": 3, "min.insync.replicas": 2,
                                  "offsets.topic.replication.factor": 3})

    @property
    def bootstrap(self):
        return ",".join(node.bootstrap for node in self.nodes)

    @property
    def bootstrap_controller(self):
        return ",".join(f"127.0.0.1:{node.controller_port}" for node in self.nodes)

    def start(self):
        voters = ",".join(f"{id_}@127.0.0.1:{node.controller_port}:Y2Fpcm4tdGVzdC1kaXItM{'AQg'[id_ - 1]}"
                          for id_, node in enumerate(self.nodes, 1))
        for node in self.nodes:
            node.format("--initial-controllers", voters, "--feature", "eligible.leader.replicas.version=0")
        start_all(self.nodes, 150)  # none answers before a majority is there

    def kill(self):
        for node in self.nodes:
            node.stop()
