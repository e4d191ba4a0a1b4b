#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`cairn cluster` and `cairn topic describe` on three nodes of a real Apache Kafka 4.3.1: replicas are spread,
moved by hand and by a file, moves are listed and cancelled, a node is lost and named, leaders are elected."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cairn_process import CAIRN, wait_until  # noqa: E402
from kafka_process import KafkaCluster, need_jars, tool  # noqa: E402


class Cluster(KafkaCluster):
    """Three Kafka, whose leaders stay where they are and whose lost node is noticed soon."""

    def __init__(self, folder):
        super().__init__(folder, broker_session_timeout_ms=6000, auto_leader_rebalance_enable="false")
        for node in self.nodes:
            node.settings["min.insync.replicas"] = 1

    def lose(self, number):
        process = self.nodes[number - 1].process
        process.kill()
        process.wait()

    def cairn(self, *words, code=0, stdin=None):
        done = subprocess.run([str(part) for part in (CAIRN, "-b", self.bootstrap, *words)], text=True,
                              capture_output=True, input=stdin, timeout=120)
        assert done.returncode == code, f"{words} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout if code == 0 else done.stdout + done.stderr

    def json(self, *words, code=0):
        return json.loads(self.cairn(*words, "--json", code=code).splitlines()[0])

    def problems(self):
        """Of its health, which ends with 1 where there are some."""
        done = subprocess.run([CAIRN, "-b", self.bootstrap, "cluster", "health", "--json"], text=True,
                              capture_output=True, timeout=120)
        return json.loads(done.stdout.splitlines()[0])["problems"]

    def partitions(self, topic):
        return self.json("topic", "describe", topic)[0]["partitions"]


def a_whole_cluster_is_healthy(cluster, folder):
    assert cluster.cairn("cluster", "health", "--wait", 60).startswith("healthy")
    quorum = cluster.json("cluster", "quorum")
    assert quorum["leader"] in (1, 2, 3) and [v["node"] for v in quorum["voters"]] == [1, 2, 3], quorum
    assert [b["id"] for b in cluster.json("cluster", "info")["brokers"]] == [1, 2, 3]


def a_topic_is_spread_and_widened(cluster, folder):
    cluster.cairn("topic", "create", "moved", "--assign", "1,2", *("--assign", "1,2") * 5)
    cluster.cairn("produce", "moved", "-K", ":", stdin="".join(f"k{i}:{i}\n" for i in range(1000)))
    shown = cluster.cairn("cluster", "reassign", "--topic", "moved", "--brokers", "1,2,3", "--dry-run")
    assert "FROM" in shown and [p["replicas"] for p in cluster.partitions("moved")] == [[1, 2]] * 6
    cluster.cairn("cluster", "reassign", "--topic", "moved", "--brokers", "1,2,3", "--wait")
    places = [p["replicas"] for p in cluster.partitions("moved")]
    assert sorted(sum(places, [])) == [1] * 4 + [2] * 4 + [3] * 4, places
    assert sorted(place[0] for place in places) == [1, 1, 2, 2, 3, 3], places
    assert "nothing to move" in cluster.cairn("cluster", "reassign", "--topic", "moved", "--brokers", "1,2,3")
    cluster.cairn("cluster", "reassign", "--topic", "moved", "--brokers", "1,2,3", "--replication-factor", 3, "--wait")
    assert all(sorted(p["replicas"]) == [1, 2, 3] for p in cluster.partitions("moved"))
    assert sorted(map(int, cluster.cairn("consume", "moved", "--exit").split())) == list(range(1000))


def moves_come_from_a_file_that_kafka_knows(cluster, folder):
    plan = cluster.cairn("cluster", "reassign", "--topic", "moved", "--brokers", "2,3", "--replication-factor", 2,
                         "--dry-run", "--json")
    (folder / "plan.json").write_text(plan)
    cluster.cairn("cluster", "reassign", "--file", folder / "plan.json", "--wait")
    verified = tool("reassign-partitions", "--bootstrap-server", cluster.bootstrap, "--verify",
                    "--reassignment-json-file", folder / "plan.json")
    assert verified.count("is completed") == 6, verified
    cluster.cairn("cluster", "reassign", "--topic", "moved", "--partition", 0, "--partition", 1, "--replicas", "1,2", "--wait")
    assert [p["replicas"] for p in cluster.partitions("moved")[:2]] == [[1, 2]] * 2


def mistakes_are_refused(cluster, folder):
    assert "9 does not serve" in cluster.cairn("cluster", "reassign", "--topic", "moved", "--brokers", "1,9", code=2)
    assert "names fewer" in cluster.cairn("cluster", "reassign", "--topic", "moved", "--brokers", "1", code=2)
    assert "INVALID_REPLICA_ASSIGNMENT" in cluster.cairn("cluster", "reassign", "--topic", "moved", "--partition", 0,
                                                         "--replicas", "1,9", code=1)
    assert "UNKNOWN_TOPIC" in cluster.cairn("cluster", "reassign", "--topic", "nowhere", "--brokers", "1", code=1)
    assert "UNKNOWN_TOPIC" in cluster.cairn("cluster", "elect", "preferred", "--topic", "moved", "--partition", 77, code=1)


def a_move_under_way_is_listed_and_cancelled(cluster, folder):
    cluster.cairn("topic", "create", "slow", "--assign", "1", "-c", "follower.replication.throttled.replicas=*",
                  "-c", "leader.replication.throttled.replicas=*")
    cluster.cairn("perf", "produce", "slow", "-n", 20000, "-s", 1000)
    for broker in (1, 2):
        cluster.cairn("config", "set", "broker", broker, "leader.replication.throttled.rate=1000",
                      "follower.replication.throttled.rate=1000")
    cluster.cairn("cluster", "reassign", "--topic", "slow", "--partition", 0, "--replicas", "2")
    move, = cluster.json("cluster", "reassign", "--list")
    assert (move["topic"], move["adding"], move["removing"]) == ("slow", [2], [1]), move
    assert "slow" in cluster.cairn("cluster", "reassign", "--list")
    assert cluster.json("cluster", "health")["moves"] == 1
    assert "no such partition" in cluster.cairn("topic", "describe", "--under-replicated")
    assert "nothing to cancel" in cluster.cairn("cluster", "reassign", "--cancel", "--topic", "moved")
    assert "cancelled the move of slow-0" in cluster.cairn("cluster", "reassign", "--cancel", "--topic", "slow")
    assert "no partition is being moved" in cluster.cairn("cluster", "reassign", "--list")
    assert cluster.partitions("slow")[0]["replicas"] == [1]
    for broker in (1, 2):
        cluster.cairn("config", "set", "broker", broker, "--unset", "leader.replication.throttled.rate",
                      "--unset", "follower.replication.throttled.rate")


def a_lost_node_is_named(cluster, folder):
    cluster.cairn("topic", "create", "lonely", "--assign", "3")
    cluster.cairn("topic", "create", "strict", "--assign", "2,3", "-c", "min.insync.replicas=2")
    cluster.lose(3)

    def named():
        problems = cluster.problems()
        kinds = {problem["kind"] for problem in problems}
        return problems if {"fenced_broker", "offline", "under_min_isr", "lagging_voter"} <= kinds else None
    problems = wait_until(named, 40, "the fencing of a killed Kafka")
    where = {(p["kind"], p["topic"], p["partition"]) for p in problems if "topic" in p}
    assert ("offline", "lonely", 0) in where and ("under_min_isr", "strict", 0) in where, where
    assert {("node", 3)} == {("node", p["node"]) for p in problems if "node" in p}, problems
    assert [t["topic"] for t in cluster.json("topic", "describe", "--unavailable")] == ["lonely"]
    assert "strict" in cluster.cairn("topic", "describe", "--under-min-isr")
    assert "moved" in cluster.cairn("topic", "describe", "--under-replicated")
    assert "broker 3 is fenced" in cluster.cairn("cluster", "health", code=1)


def leaders_are_elected(cluster, folder):
    cluster.nodes[2].start()
    cluster.cairn("cluster", "health", "--wait", 60)
    said = cluster.cairn("cluster", "elect", "preferred", "--topic", "moved")
    assert "elected a leader of moved-" in said, said
    assert all(p["leader"] == p["replicas"][0] for p in cluster.partitions("moved"))
    assert "nothing to elect" in cluster.cairn("cluster", "elect", "preferred", "--topic", "moved", "--partition", 0)
    cluster.cairn("cluster", "elect", "preferred", "--all")
    assert "nothing to elect" in cluster.cairn("cluster", "elect", "unclean", "--topic", "moved")


def main():
    need_jars()
    checks = [f for f in globals().values() if getattr(f, "__code__", None) and f.__code__.co_varnames[:2] == ("cluster", "folder")]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="cairn-test-kafka-"))
    cluster = Cluster(folder)
    try:
        cluster.start()
        for check in checks:
            check(cluster, folder)
            print(f"ok {check.__name__}", flush=True)
    finally:
        cluster.kill()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
