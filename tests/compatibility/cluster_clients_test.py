#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs that we did not write, on three cairnd at replication factor 3. First they do their day's work while
one node after another is killed and started again: kcat, Kafka's tools, the Python and the Go clients. Then, with
all well and with one node away, what Kafka's tools say of the cluster is compared with what they said of three
real Kafka 4.3.1 (kafka/cluster_tools.expected; --record writes it anew, from a real cluster).

    cluster_clients_test.py [--record | work | compare]
"""
import concurrent.futures
import difflib
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
sys.path.insert(0, str(HERE.parent / "integration"))
from cairn_process import CACHE, cairn_cluster, run, skip, wait_until  # noqa: E402
from kafka_process import TOOLS, KafkaCluster, java, need_jars, tool  # noqa: E402
from kafka_tools_test import NUMBER, normalise  # noqa: E402
from quorum_test import active_of, metric  # noqa: E402

EXPECTED = HERE / "kafka/cluster_tools.expected"
PYTHON = CACHE / "python/bin/python"
PLACES = "1:2:3,2:3:1,3:1:2"
LINES = "".join(f"k{i % 7}:line {i}\n" for i in range(500))


# ---- the day's work, while nodes are killed ----

class Killer(threading.Thread):
    """kill -9 of a node that is not the active controller, then of the one that is, and so on; each is back and in
    sync before the next goes. With preferred leaders back soon, each kill takes leaders of all topics."""

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self.cluster, self.kills, self.failure = cluster, 0, None
        self.ending = threading.Event()

    def victim(self):
        active = wait_until(lambda: active_of(self.cluster.nodes), 60, "an active controller")
        others = [node for node in self.cluster.nodes if node is not active]
        return active if self.kills % 2 else others[self.kills // 2 % 2]

    def run(self):
        try:
            while not self.ending.wait(1.5):
                node = self.victim()
                node.kill()
                self.kills += 1
                time.sleep(2)
                node.start(seconds=60)
                wait_until(lambda: in_sync(self.cluster), 90, f"all in sync after kill {self.kills}")
        except AssertionError as failure:
            self.failure = failure
            self.ending.set()

    def end(self):
        self.ending.set()
        self.join(200)
        if self.failure:
            raise self.failure
        assert self.kills > 0


def in_sync(cluster):
    return all(metric(node, "kafka_server_replicamanager_underreplicatedpartitions") == 0 and
               metric(node, "kafka_controller_kafkacontroller_activebrokercount") == 3 for node in cluster.nodes)


def kcat_works(bootstrap, tag):
    kcat = ("kcat", "-b", bootstrap)
    for codec in ("none", "zstd"):
        topic = f"kcat-{codec}-{tag}"
        run(*kcat, "-P", "-t", topic, "-K", ":", "-z", codec, "-X", "enable.idempotence=true", stdin=LINES)
        back = run(*kcat, "-C", "-t", topic, "-e", "-q", "-f", "%k:%s\\n")
        assert sorted(back.splitlines()) == sorted(LINES.splitlines()), f"{codec}: {len(back.splitlines())} lines"
    read = run(*kcat, "-G", f"group-of-kcat-{tag}", topic, "-e", "-q", "-X", "auto.offset.reset=earliest", stdin="")
    assert len(set(read.splitlines())) == 500, len(read.splitlines())


def python_works(bootstrap, tag):
    print(run(PYTHON, HERE / "python/clients.py", bootstrap, seconds=300))


def go_works(bootstrap, tag):
    print(run(CACHE / "go-client-3", bootstrap, seconds=300))


def tools_work(bootstrap, tag):
    to, topic, group = ("--bootstrap-server", bootstrap), f"work-{tag}", f"readers-{tag}"
    tool("topics", *to, "--create", "--topic", topic, "--partitions", 3)
    tool("configs", *to, "--alter", "--entity-type", "topics", "--entity-name", topic, "--add-config", "retention.ms=7200000")
    assert "retention.ms=7200000" in tool("configs", *to, "--describe", "--entity-type", "topics", "--entity-name", topic)
    keys = ("--reader-property", "parse.key=true", "--reader-property", "key.separator=:")
    tool("console-producer", *to, "--topic", topic, *keys, "--command-property", "acks=all", stdin=LINES)
    read = tool("console-consumer", *to, "--topic", topic, "--from-beginning", "--max-messages", 500, "--timeout-ms", 60000,
                "--group", group, "--formatter-property", "print.key=true", "--formatter-property", "key.separator=:")
    assert sorted(read.splitlines()) == sorted(LINES.splitlines()), f"{len(read.splitlines())} lines"
    offsets = [int(line.rsplit(":", 1)[1]) for line in tool("get-offsets", *to, "--topic", topic).splitlines()]
    assert sum(offsets) == 500, offsets
    described = tool("consumer-groups", *to, "--describe", "--group", group)
    rows = [line.split() for line in described.splitlines() if line.startswith(group)]
    assert sum(int(row[3]) for row in rows) == 500 and all(row[5] == "0" for row in rows), described
    described = tool("topics", *to, "--describe", "--topic", topic)
    assert "ReplicationFactor: 3" in described and "none" not in described, described


def measures_work(bootstrap, tag):
    to, topic = ("--bootstrap-server", bootstrap), f"perf-{tag}"
    tool("topics", *to, "--create", "--topic", topic, "--partitions", 3)
    told = tool("producer-perf-test", *to, "--topic", topic, "--num-records", 20000, "--record-size", 200,
                "--throughput", 4000, "--command-property", "acks=all")
    assert re.search(r"(?m)^20000 records sent", told), told
    told = tool("consumer-perf-test", *to, "--topic", topic, "--num-records", 20000, "--timeout", 60000)
    read = int(re.search(rf"(?m)^\S+ \S+, \S+ \S+, {NUMBER}, {NUMBER}, (\d+),", told)[1])
    assert read >= 20000, told
    told = tool("e2e-latency", *to, "--topic", topic, "--num-records", 300, "--producer-acks", "all", "--record-size", 100)
    assert "Percentiles" in told, told


def work(cluster):
    """Two at a time: what waits for one node does not wait with the others. What ends before it has lived through
    two kills does its work again."""
    killer = Killer(cluster)
    killer.start()

    def job(of):
        began, kills, rounds = time.monotonic(), killer.kills, 0
        while rounds == 0 or killer.kills < kills + 2 and not killer.ending.is_set():
            of(cluster.bootstrap, rounds)
            rounds += 1
        print(f"ok {of.__name__} ({time.monotonic() - began:.1f} s, {rounds} times, "
              f"{killer.kills - kills} kills)", flush=True)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(job, of) for of in (tools_work, python_works, measures_work, kcat_works, go_works)]
        for one in jobs:
            one.result()
    killer.end()
    print(f"{killer.kills} kills meanwhile", flush=True)


# ---- what the tools say of the cluster ----

EXTRA = [
    (re.compile(r"HighWatermark: \d+"), "HighWatermark: N"),
    (re.compile(r"LeaderEpoch: +\d+"), "LeaderEpoch: N"),
    (re.compile(r"LeaderId: +\d"), "LeaderId: L"),
    (re.compile(r"MaxFollowerLag(TimeMs)?: +-?\d+"), r"MaxFollowerLag\1: N"),
    (re.compile(r"Epoch: \d+\b"), "Epoch: N"),
    (re.compile(r'"size":\d+'), '"size":N'),
    (re.compile(r"(?m)^WARN org\.apache\.kafka\.clients\.NetworkClient.*$\n?"), ""),
    # Not served yet, and so not shown (COMPATIBILITY.md).
    (re.compile(r"(?m)^Feature: (eligible|group|share|streams|transaction)\S* .*$\n?"), ""),
    # Who leads the quorum differs; that one does, and the others follow or observe, does not.
    (re.compile(r"(?m)^\d (\S+) -?\d+ +\d+ .*(Leader|Follower|Observer) *$"), r"N \1 \2"),
]


class Words:
    """Runs tools; what each says goes into one text."""

    def __init__(self, cluster):
        self.cluster, self.parts = cluster, []

    def step(self, name, *arguments, flag="--bootstrap-server", order=False):
        filled = [flag, self.cluster.bootstrap_controller if "controller" in flag else self.cluster.bootstrap]
        command = java(TOOLS[name], *filled, *arguments)
        done = subprocess.run(command, text=True, timeout=120, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output = normalise(done.stdout, EXTRA)
        if order:
            output = "\n".join(sorted(output.splitlines()))
        self.parts.append(f"$ {name} {' '.join(map(str, arguments))}".rstrip() +
                          f"{' (controllers)' if 'controller' in flag else ''}\nexit {done.returncode}\n{output}\n")

    def text(self):
        return "\n".join(self.parts)


def fill(words):
    to = ("--bootstrap-server", words.cluster.bootstrap)
    words.step("topics", "--create", "--topic", "words", "--replica-assignment", PLACES)
    tool("console-producer", *to, "--topic", "words", "--reader-property", "parse.key=true", "--reader-property",
         "key.separator=:", stdin=LINES)
    tool("console-consumer", *to, "--topic", "words", "--from-beginning", "--max-messages", 500, "--group", "readers")


def words_of_all(words):
    words.step("topics", "--describe", "--topic", "words")
    words.step("topics", "--describe", "--under-replicated-partitions")
    words.step("topics", "--create", "--topic", "more", "--replication-factor", 4)
    words.step("get-offsets", "--topic", "words")
    words.step("consumer-groups", "--describe", "--group", "readers", "--offsets")
    for flag in ("--bootstrap-server", "--bootstrap-controller"):
        words.step("metadata-quorum", "describe", "--status", flag=flag)
        words.step("metadata-quorum", "describe", "--replication", flag=flag, order=True)
        words.step("features", "describe", flag=flag)
    words.step("features", "upgrade", "--feature", "metadata.version=29")
    words.step("features", "downgrade", "--feature", "metadata.version=29", "--dry-run")
    words.step("features", "version-mapping", "--release-version", "4.3-IV0")
    words.step("log-dirs", "--describe", "--topic-list", "words")
    words.step("log-dirs", "--describe", "--topic-list", "words", "--broker-list", "2,3")
    words.step("log-dirs", "--describe", "--topic-list", "words", "--broker-list", "2,7")


def words_without_one(words):
    """Node 3 was stopped in order."""
    wait_until(lambda: "Isr: 1,2" in tool("topics", "--bootstrap-server", words.cluster.nodes[0].bootstrap, "--describe",
                                          "--topic", "words", "--under-replicated-partitions"), 60, "a smaller ISR")
    words.step("topics", "--describe", "--topic", "words")
    words.step("topics", "--describe", "--topic", "words", "--under-replicated-partitions")
    words.step("topics", "--describe", "--topic", "words", "--at-min-isr-partitions")
    words.step("topics", "--describe", "--topic", "words", "--under-min-isr-partitions")
    words.step("topics", "--describe", "--topic", "words", "--unavailable-partitions")
    words.step("features", "describe")
    words.step("metadata-quorum", "describe", "--replication", order=True)
    words.step("log-dirs", "--describe", "--topic-list", "words")


def words_of(cluster):
    words = Words(cluster)
    fill(words)
    words_of_all(words)
    cluster.nodes[2].stop()
    words_without_one(words)
    return words.text()


def asks_the_cluster(cluster):
    """The cluster tool, whose words are ids and addresses."""
    to = ("--bootstrap-server", cluster.bootstrap)
    assert re.fullmatch(r"Cluster ID: [\w-]{22}\s*", tool("cluster", "cluster-id", *to))
    listed = tool("cluster", "list-endpoints", *to, "--include-fenced-brokers")
    for node in cluster.nodes:
        assert re.search(rf"127\.0\.0\.1\s+{node.port}\s", listed), listed


def compare(cluster):
    asks_the_cluster(cluster)
    told = words_of(cluster)
    cluster.nodes[2].start(seconds=60)
    expected = EXPECTED.read_text()
    if told != expected:
        print("\n".join(difflib.unified_diff(expected.splitlines(), told.splitlines(), "kafka", "cairn", "", "", 3)))
        sys.exit("what Kafka's tools say differs")
    print(f"{told.count('$ ')} commands of Kafka's tools say of three cairnd what they say of three Kafka")


def record():
    with tempfile.TemporaryDirectory(prefix="cairn-test-kafka-") as directory:
        cluster = KafkaCluster(directory)
        try:
            cluster.start()
            EXPECTED.write_text(words_of(cluster))
        finally:
            cluster.kill()


def main():
    need_jars()
    if "--record" in sys.argv:
        return record()
    for done in (".python-1", ".go-client-3"):
        if not (CACHE / done).exists():
            skip("the Python and Go clients are not there (scripts/test --with-clients fetches them)")
    if not shutil.which("kcat"):
        skip("kcat is not installed (scripts/test --with-clients installs it)")
    with cairn_cluster(offsets_topic_num_partitions=6, leader_imbalance_check_interval_seconds=2) as cluster:
        for part in (work, compare):
            if len(sys.argv) < 2 or part.__name__ in sys.argv:
                part(cluster)


if __name__ == "__main__":
    main()
