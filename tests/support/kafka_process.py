# SPDX-License-Identifier: Apache-2.0
"""Apache Kafka 4.3.1 from its jars (scripts/fetch-clients brings them): its tools, and a broker."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from cairn_process import CACHE, ROOT, free_port, run, skip, wait_until

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


@contextlib.contextmanager
def kafka(**overrides):
    """A running Kafka of one node in a fresh directory; yields an object with .bootstrap and .directory.
    Formatted as Cairn formats itself: a quorum that keeps its voters, and no eligible leader replicas,
    which would turn min.insync.replicas into a dynamic configuration of the cluster."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="cairn-test-kafka-"))
    port, controller_port = free_port(), free_port()
    settings = {
        "process.roles": "broker,controller", "node.id": 1,
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller_port}",
        "log.dirs": directory / "data", "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1, "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.replication.factor": 1, "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        **{key.replace("_", "."): value for key, value in overrides.items()},
    }
    properties = directory / "server.properties"
    properties.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    run(*java(TOOLS["storage"], "format", "-t", "Y2Fpcm4tdGVzdC1rYWZrYQ", "--standalone",
              "--feature", "eligible.leader.replicas.version=0", "-c", properties))
    log = open(directory / "kafka.log", "wb")
    process = subprocess.Popen(java("kafka.Kafka", properties, heap="1g"), stdout=log, stderr=log)

    class Node:
        bootstrap = f"127.0.0.1:{port}"

    Node.directory, Node.process = directory, process
    try:
        def answers():
            assert process.poll() is None, (directory / "kafka.log").read_text()[-4000:]
            with contextlib.suppress(OSError):
                import socket
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            return False
        wait_until(answers, 90, "the start of Kafka")
        time.sleep(1)
        yield Node
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()
        if not os.environ.get("CAIRN_KEEP"):
            shutil.rmtree(directory, ignore_errors=True)
