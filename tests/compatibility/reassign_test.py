#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Replicas move between three real nodes by Kafka 4.3.1's own reassign-partitions and leader-election,
while an idempotent producer writes: execute, verify, list, throttle, cancel, preferred and unclean
elections; a group's consumer reads on, also when its coordinator moves. What the tools print is what they print against Kafka 4.3.1; every acknowledged record is there
at the end, once and in order.

    reassign_test.py [--kafka]     with --kafka: the tools' part against three nodes of Kafka itself
"""
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time
import urllib.request

for folder in ("support", "integration"):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / folder))
from cluster_test import (PATIENCE, SIZE, Cluster, Consumer, Producer, client_settings, confluent_kafka,  # noqa: E402
                          partition_for, read_all)
from cairn_process import wait_until  # noqa: E402
from kafka_process import Kafka, need_jars, tool  # noqa: E402
from quorum_test import start_all  # noqa: E402

TOPIC = "moves"
PLACES = [[1, 2], [2, 3]]  # of its two partitions, at first
BULK, RECORD = 8 << 20, 4096  # bytes in partition 1
OFFSETS, GROUP = "__consumer_offsets", "group-0"
MOVING = "Reassignment of partition {} is still in progress."
MOVED = "Reassignment of partition {} is completed."
THROTTLE_NOTE = ("Warning: You must run --verify periodically, until the reassignment completes, to ensure the "
                 "throttle is removed.")
CLEARED = ["Clearing broker-level throttles on brokers 1,2,3", f"Clearing topic-level throttles on topic {TOPIC}"]
# The tool ends its line too late.
CANCEL_CLEARED = ["None of the specified partition moves are active." + CLEARED[0], CLEARED[1]]


class KafkaCluster(Cluster):
    """Three nodes of Kafka in place of ours."""

    def __init__(self, directory):
        self.directory, self.client = directory, None
        self.nodes = [Kafka(directory / str(id_)) for id_ in range(1, SIZE + 1)]
        voters = ",".join(f"{i}@127.0.0.1:{n.controller_port}" for i, n in enumerate(self.nodes, 1))
        for id_, node in enumerate(self.nodes, 1):
            node.directory.mkdir()
            node.settings.update({"node.id": id_, "controller.quorum.voters": voters, "min.insync.replicas": 1,
                                  "offsets.topic.replication.factor": 3, "offsets.topic.num.partitions": 6})
            node.format("--feature", "eligible.leader.replicas.version=0")


def lines(text):
    return [line for line in text.splitlines() if line.strip()]


def assignment(places, topic=TOPIC):
    return {"version": 1, "partitions": [{"topic": topic, "partition": index, "replicas": replicas,
                                          "log_dirs": ["any"] * len(replicas)} for index, replicas in places.items()]}


def placed(text):
    """What such a file says of replicas, without the names of directories."""
    return {p["partition"]: p["replicas"] for p in json.loads(text)["partitions"] if p["topic"] == TOPIC}


class Tools:
    def __init__(self, cluster):
        self.servers = ",".join(node.bootstrap for node in cluster.nodes)
        self.file = cluster.directory / "reassignment.json"

    def reassign(self, *arguments, places=None, check=True):
        given = []
        if places is not None:
            self.file.write_text(json.dumps(assignment(places)))
            given = ["--reassignment-json-file", self.file]
        return lines(tool("reassign-partitions", "--bootstrap-server", self.servers, *given, *arguments, check=check))

    def execute(self, before, places, *arguments):
        """Moves `places`, whose replicas are `before` now. What the tool must print."""
        printed = self.reassign("--execute", *arguments, places=places)
        names = ",".join(f"{TOPIC}-{index}" for index in places)
        limits = [line for line in printed if "throttle limit" in line]
        assert placed(printed.pop(1)) == {index: before[index] for index in places}, printed
        expected = ["Current partition replica assignment", "Save this to use as the --reassignment-json-file option during rollback",
                    *([THROTTLE_NOTE] if limits else []), *limits,
                    f"Successfully started partition reassignment{'s' if len(places) > 1 else ''} for {names}"]
        assert printed == expected, f"{printed}\nis not\n{expected}"
        return limits

    def verify(self, places, *arguments):
        return self.reassign("--verify", *arguments, places=places)

    def wait_for_end(self, places):
        def done():
            printed = self.verify(places)
            if any("in progress" in line for line in printed):
                return None
            return printed
        printed = wait_until(done, PATIENCE, f"the end of the reassignment to {places}")
        expected = ["Status of partition reassignment:",
                    *(MOVED.format(f"{TOPIC}-{index}") for index in places), *CLEARED]
        assert printed == expected, printed

    def elect(self, kind, *partition):
        which = ("--topic", partition[0], "--partition", partition[1]) if partition else ("--all-topic-partitions",)
        return lines(tool("leader-election", "--bootstrap-server", self.servers, "--election-type", kind, *which))


def replicas_of(cluster, index):
    partition = cluster.partition(TOPIC, index)
    return list(partition.replicas) if partition else None


def fill_bulk(cluster):
    producer = confluent_kafka.Producer({**client_settings(cluster.nodes), "acks": "all", "linger.ms": 5,
                                         "queue.buffering.max.messages": 1_000_000})
    for _ in range(BULK // RECORD):
        producer.produce(TOPIC, b"0" * RECORD, partition=1)
    assert producer.flush(60) == 0


def create(cluster, name, places, **config):
    new = confluent_kafka.admin.NewTopic(name, num_partitions=len(places), replica_assignment=places, config=config)
    cluster.admin().create_topics([new], request_timeout=PATIENCE)[name].result()
    wait_until(lambda: cluster.leader(name) == places[0][0], PATIENCE, f"{name} led by its first replica")


def copied(cluster, id_, index):
    """Bytes of the partition's log on a node; nothing if it has none."""
    return sum(f.stat().st_size for f in (cluster.nodes[id_ - 1].directory / "data").glob(f"{TOPIC}-{index}/*.log"))


def metric(node, name):
    with urllib.request.urlopen(f"http://127.0.0.1:{node.http_port}/metrics", timeout=5) as answer:
        found = re.search(rf"^{name} (\S+)", answer.read().decode(), re.M)
    return float(found[1]) if found else 0.0


# ---- what is tried, in this order ----

def proposals(cluster, tools):
    cluster.directory.joinpath("topics.json").write_text(json.dumps({"version": 1, "topics": [{"topic": TOPIC}]}))
    printed = tools.reassign("--generate", "--topics-to-move-json-file", cluster.directory / "topics.json",
                             "--broker-list", "1,2,3")
    assert printed[0] == "Current partition replica assignment" and \
        printed[2] == "Proposed partition reassignment configuration", printed
    assert placed(printed[1]) == dict(enumerate(PLACES)), printed
    proposed = placed(printed[3])
    assert sorted(proposed) == [0, 1] and all(len(set(replicas)) == 2 for replicas in proposed.values()), printed


def leader_moves_off(cluster, tools):
    """Both replicas are replaced by others, the leader's too."""
    goal = {0: [3, 2]}
    tools.execute(dict(enumerate(PLACES)), goal)
    tools.wait_for_end(goal)
    wait_until(lambda: replicas_of(cluster, 0) == [3, 2] and cluster.leader(TOPIC) == 3, PATIENCE, "leader 3 of 3, 2")
    left = cluster.nodes[0].directory / "data" / f"{TOPIC}-0"
    wait_until(lambda: not left.exists(), PATIENCE, f"{left} is gone")
    assert tools.reassign("--list") == ["No partition reassignments found."]


def throttled(cluster, tools):
    """A copy under way at a rate that hardly moves it; a second one is refused; then a higher rate."""
    before, goal, rate = {1: PLACES[1]}, {1: [1, 2]}, 100_000
    limits = tools.execute(before, goal, "--throttle", rate)
    assert limits == [f"The inter-broker throttle limit was set to {rate} B/s"], limits
    began = time.monotonic()
    assert tools.reassign("--list") == ["Current partition reassignments:",
                                        f"{TOPIC}-1: replicas: 1,2,3. adding: 1. removing: 3."]
    assert tools.verify(goal) == ["Status of partition reassignment:", MOVING.format(f"{TOPIC}-1")]
    refused = tools.reassign("--execute", places={0: [1, 2]}, check=False)
    assert "Cannot execute because there is an existing partition assignment." in refused[0], refused
    elapsed = time.monotonic() - began
    got = copied(cluster, 1, 1)
    assert 0 < got < BULK, f"{got} bytes after {elapsed:.1f} s"
    assert got <= rate * elapsed + (2 << 20), f"{got} bytes in {elapsed:.1f} s at {rate} B/s"
    tools.execute({1: [1, 2, 3]}, goal, "--additional", "--throttle", 50_000_000)
    tools.wait_for_end(goal)
    assert copied(cluster, 1, 1) >= BULK
    return f"{got * 1e-6:.1f} MB in {elapsed:.1f} s at {rate / 1e6} MB/s"


def coordinator_moves(cluster, tools, consumer):
    """The broker that coordinates the group leaves its partition's replicas: there is one less."""
    index = partition_for(GROUP)
    before = cluster.partition(OFFSETS, index)
    goal = [id_ for id_ in before.replicas if id_ != before.leader]
    tools.file.write_text(json.dumps(assignment({index: goal}, OFFSETS)))
    printed = tools.reassign("--execute", "--reassignment-json-file", tools.file)
    assert printed[-1] == f"Successfully started partition reassignment for {OFFSETS}-{index}", printed
    wait_until(lambda: list(cluster.partition(OFFSETS, index).replicas) == goal and
               cluster.leader(OFFSETS, index) == goal[0], PATIENCE, f"{OFFSETS}-{index} on {goal}")
    read = consumer.newest()
    wait_until(lambda: consumer.newest() > read + 500, PATIENCE, "the consumer goes on")


def cancelled(cluster, tools):
    before, goal = {1: [1, 2]}, {1: [3, 2]}
    tools.execute(before, goal, "--throttle", 10_000)
    assert tools.reassign("--cancel", places=goal) == \
        [f"Successfully cancelled partition reassignment for: {TOPIC}-1", *CANCEL_CLEARED]
    # The order that they had before is not kept anywhere.
    wait_until(lambda: replicas_of(cluster, 1) == [2, 1], PATIENCE, "the old replicas")
    printed = tools.verify(goal)
    assert printed == ["Status of partition reassignment:",
                       f"There is no active reassignment of partition {TOPIC}-1, but replica set is 2,1 rather than 3,2.",
                       *CLEARED], printed
    assert tools.reassign("--cancel", places=goal) == \
        ["None of the specified partition reassignments are active.", *CANCEL_CLEARED]


def preferred(cluster, tools):
    assert tools.elect("preferred", TOPIC, 0) == [f"Valid replica already elected for partitions {TOPIC}-0"]
    cluster.nodes[2].stop(PATIENCE)
    wait_until(lambda: cluster.leader(TOPIC) == 2, PATIENCE, "another leader")
    start_all([cluster.nodes[2]])
    wait_until(lambda: len(cluster.partition(TOPIC).isrs) == 2, PATIENCE, "node 3 in sync again")
    assert tools.elect("preferred", TOPIC, 0) == \
        [f"Successfully completed leader election (PREFERRED) for partitions {TOPIC}-0"]
    wait_until(lambda: cluster.leader(TOPIC) == 3, PATIENCE, "leader 3")
    printed = tools.elect("preferred")
    assert len(printed) <= 1 and all("Successfully completed" in line for line in printed), printed


def unclean(cluster, tools):
    """Only node 1 was in sync, and it is gone: node 2 leads when it is told to."""
    create(cluster, "risky", [[1, 2]])
    one, two, _ = cluster.nodes
    two.kill()
    wait_until(lambda: list(cluster.partition("risky").isrs) == [1], PATIENCE, "an ISR of one")
    one.kill()
    start_all([two])
    wait_until(lambda: cluster.leader("risky") == -1, PATIENCE, "no leader")
    assert tools.elect("unclean", "risky", 0) == \
        ["Successfully completed leader election (UNCLEAN) for partitions risky-0"]
    wait_until(lambda: cluster.leader("risky") == 2, PATIENCE, "an unclean leader")
    counted = sum(metric(node, "kafka_controller_controllerstats_uncleanleaderelections_total") for node in cluster.nodes[1:])
    assert counted == 1, counted
    logged = [node for node in cluster.nodes[1:] if "unclean election" in node.log.read_text(errors="replace")]
    assert len(logged) == 1
    start_all([one])
    wait_until(lambda: len(cluster.partition("risky").isrs) == 2, PATIENCE, "all in sync again")


def judge(cluster, producer, consumer):
    assert not producer.failed, f"never acknowledged: {producer.failed[:3]}"
    records = read_all(cluster, TOPIC)
    kept = dict(records)
    lost = [(number, offset) for number, offset, _ in producer.acknowledged if kept.get(offset, -1) != number]
    assert not lost, f"acknowledged, and lost or elsewhere: {lost[:5]}"
    assert [number for _, number in records] == list(range(producer.sent)), "a record twice, out of order, or not there"
    first_seen = list(dict.fromkeys(number for number, _ in consumer.read))
    assert first_seen == list(range(producer.sent)), "the group's consumer skipped records or went astray"


def main():
    need_jars()
    against_kafka = "--kafka" in sys.argv
    directory = pathlib.Path(tempfile.mkdtemp(prefix="cairn-test-"))
    cluster = (KafkaCluster if against_kafka else Cluster)(directory)
    for node in cluster.nodes:
        node.settings["min.insync.replicas"] = 1
    tools = Tools(cluster)
    began = time.monotonic()

    def told(what):
        print(f"{time.monotonic() - began:5.1f} s: {what}", flush=True)
    try:
        start_all(cluster.nodes)
        create(cluster, TOPIC, PLACES)
        fill_bulk(cluster)
        producer = Producer(cluster.nodes, TOPIC)
        producer.start()
        wait_until(lambda: len(producer.acknowledged) > 50, PATIENCE, "records")
        consumer = Consumer(cluster.nodes, TOPIC, GROUP)
        consumer.start()
        proposals(cluster, tools)
        leader_moves_off(cluster, tools)
        told("a partition and its leader moved")
        coordinator_moves(cluster, tools, consumer)
        told("a group's coordinator moved")
        told(f"throttled: {throttled(cluster, tools)}, then to the end")
        cancelled(cluster, tools)
        told("a move was cancelled")
        preferred(cluster, tools)
        told("the preferred replica was elected")
        producer.end()
        if not against_kafka:
            unclean(cluster, tools)
            told("an unclean election was made, counted and logged")
        wait_until(lambda: consumer.newest() >= producer.sent - 1, PATIENCE, "the consumer comes to the end")
        consumer.end()
        judge(cluster, producer, consumer)
        told(f"{len(producer.acknowledged)} acknowledged records, all there, once and in order")
        for node in cluster.nodes:
            node.stop(PATIENCE)
    except BaseException:
        for node in cluster.nodes:
            sys.stderr.write(f"--- the end of the log of {node.directory.name}\n{node.log_tail()}\n")
        raise
    finally:
        for node in cluster.nodes:
            if node.process and node.process.poll() is None:
                node.process.kill()
                node.process.wait()
        if not os.environ.get("CAIRN_KEEP"):
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
