#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What /metrics says of a real cluster of three while a follower pauses, a leader is killed, a partition
loses all its replicas, and one comes back that was not in sync: each number that OPERATIONS.md raises an
alarm by must move, and go back.
"""
import pathlib
import re
import shutil
import signal
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cairn_process import CAIRN, CairnCluster, run, wait_until  # noqa: E402
from quorum_test import active_of  # noqa: E402

PATIENCE = 60
REPLICAS = "kafka_server_replicamanager_"
CONTROLLER = "kafka_controller_kafkacontroller_"
ELECTIONS = "kafka_controller_controllerstats_"
QUORUM = "kafka_server_raft_metrics_"
REQUESTS = "kafka_network_requestmetrics_"


def metrics(node):
    """Every line of a node: {name: {labels: value}}, labels as they are printed."""
    with urllib.request.urlopen(f"http://127.0.0.1:{node.http_port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found = {}
    for name, labels, value in re.findall(r"^([a-z_]\w*)(?:\{(.*)\})? (\S+)$", text, re.M):
        found.setdefault(name, {})[labels] = float(value)
    return found


def value(node, name, labels=""):
    return metrics(node).get(name, {}).get(labels, 0)


def total(nodes, name):
    return sum(value(node, name) for node in nodes)


class Cluster(CairnCluster):
    def __init__(self, directory):
        super().__init__(directory, default_replication_factor=1, min_insync_replicas=1, replica_lag_time_max_ms=1500,
                         offsets_topic_num_partitions=1, auto_leader_rebalance_enable="false")

    def id_of(self, node):
        return self.nodes.index(node) + 1

    def create(self, topic, replicas, **configs):
        """One partition, led by the first of these nodes."""
        assigned = ",".join(str(self.id_of(node)) for node in replicas)
        arguments = [part for key, kept in configs.items() for part in ("-c", f"{key.replace('_', '.')}={kept}")]
        run(CAIRN, "-b", replicas[0].bootstrap, "topic", "create", topic, "--assign", assigned, *arguments)

    def active(self, among=None):
        return wait_until(lambda: active_of(among or self.nodes), PATIENCE, "one active controller")


def produce(node, topic, *options):
    run(CAIRN, "-b", node.bootstrap, "produce", topic, *options, stdin="".join(f"record {n}\n" for n in range(100)))


def everybody_agrees_on_the_quorum(cluster):
    active = cluster.active()
    leader = cluster.id_of(active)
    for node in cluster.nodes:
        seen = wait_until(lambda: (m := metrics(node)) and m[QUORUM + "current_leader"][""] == leader and m,
                          PATIENCE, "every node knows the leader")
        state = "leader" if node is active else "follower"
        assert seen[QUORUM + "current_state"] == {f'state="{state}"': 1}, seen[QUORUM + "current_state"]
        assert seen[QUORUM + "current_epoch"][""] == seen[QUORUM + "log_end_epoch"][""] >= 1
        assert 0 < seen[QUORUM + "high_watermark"][""] <= seen[QUORUM + "log_end_offset"][""] + 1
        assert seen[QUORUM + "number_of_voters"][""] == 3
        assert seen["kafka_server_broker_metadata_metrics_last_applied_record_offset"][""] > 0
    assert total(cluster.nodes, CONTROLLER + "activecontrollercount") == 1
    assert value(active, CONTROLLER + "activebrokercount") == 3


def the_time_of_a_request_is_what_it_queued_worked_and_waited(cluster):
    leader = cluster.nodes[0]
    cluster.create("timed", [leader, *cluster.nodes[1:]])
    produce(leader, "timed")
    run(CAIRN, "-b", leader.bootstrap, "consume", "timed", "--exit")
    seen = metrics(leader)
    for api in ("Produce", "Fetch", "Metadata"):
        label = f'request="{api}"'
        parts = {part: seen[f"{REQUESTS}{part}timems_sum"][label] for part in ("requestqueue", "local", "remote", "total")}
        assert seen[f"{REQUESTS}totaltimems_count"][label] > 0
        whole = parts.pop("total")
        assert abs(sum(parts.values()) - whole) < 0.01 + whole / 1000, (api, parts, whole)
        assert parts["local"] > 0 and min(parts.values()) >= 0, (api, parts)
    for waits in ("Produce", "Fetch"):  # for the followers' flush, for records to come
        assert seen[f"{REQUESTS}remotetimems_sum"][f'request="{waits}"'] > 0


def a_follower_that_pauses_leaves_the_isr_and_comes_back(cluster):
    active = cluster.active()
    leader = active
    follower = next(node for node in cluster.nodes if node is not active)
    order = [leader] + [node for node in cluster.nodes if node is not leader]
    cluster.create("paused", order, min_insync_replicas=3)
    produce(leader, "paused")
    before = metrics(leader)
    at_ease = {name: before[REPLICAS + name].get("", 0) for name in
               ("isrshrinks_total", "isrexpands_total", "underreplicatedpartitions", "underminisrpartitioncount")}
    assert at_ease["underreplicatedpartitions"] == at_ease["underminisrpartitioncount"] == 0, at_ease
    follower.process.send_signal(signal.SIGSTOP)
    try:
        produce(leader, "paused", "--acks", "1", "--no-idempotence")  # who has all there is does not lag
        wait_until(lambda: value(leader, REPLICAS + "isrshrinks_total") > at_ease["isrshrinks_total"], PATIENCE,
                   "the ISR shrinks")
        wait_until(lambda: value(leader, REPLICAS + "underreplicatedpartitions") > 0, PATIENCE, "under-replicated")
        wait_until(lambda: value(leader, REPLICAS + "underminisrpartitioncount") == 1, PATIENCE, "under min ISR")
    finally:
        follower.process.send_signal(signal.SIGCONT)
    wait_until(lambda: value(leader, REPLICAS + "isrexpands_total") > at_ease["isrexpands_total"], PATIENCE,
               "the ISR expands")
    wait_until(lambda: total(cluster.nodes, REPLICAS + "underreplicatedpartitions") == 0, PATIENCE, "all in sync again")
    assert value(leader, REPLICAS + "underminisrpartitioncount") == 0
    lags = metrics(follower).get("kafka_server_fetcherlagmetrics_consumerlag", {})
    assert any('topic="paused"' in labels for labels in lags), lags


def a_killed_leader_is_followed_by_an_election(cluster):
    active = cluster.active()
    victim, other = [node for node in cluster.nodes if node is not active]
    cluster.create("elected", [victim, active, other])
    cluster.create("alone", [victim])
    elections = value(active, ELECTIONS + "leaderelectionrateandtimems_count")
    victim.kill()
    wait_until(lambda: value(active, CONTROLLER + "fencedbrokercount") == 1, PATIENCE, "a fenced broker")
    wait_until(lambda: value(active, ELECTIONS + "leaderelectionrateandtimems_count") > elections, PATIENCE, "an election")
    wait_until(lambda: value(active, CONTROLLER + "offlinepartitionscount") == 1, PATIENCE, "a partition without leader")
    assert value(active, CONTROLLER + "activebrokercount") == 2
    assert value(active, CONTROLLER + "preferredreplicaimbalancecount") >= 1
    assert value(active, ELECTIONS + "uncleanleaderelections_total") == 0
    victim.start(seconds=PATIENCE)
    wait_until(lambda: value(active, CONTROLLER + "fencedbrokercount") == 0, PATIENCE, "no fenced broker")
    wait_until(lambda: value(active, CONTROLLER + "offlinepartitionscount") == 0, PATIENCE, "no partition offline")
    wait_until(lambda: total(cluster.nodes, REPLICAS + "underreplicatedpartitions") == 0, PATIENCE, "all in sync again")


def an_unclean_election_is_counted(cluster):
    active = cluster.active()
    leader, follower = [node for node in cluster.nodes if node is not active]
    cluster.create("unclean", [leader, follower], min_insync_replicas=1, unclean_leader_election_enable="true")
    produce(leader, "unclean")
    follower.kill()
    wait_until(lambda: value(active, CONTROLLER + "fencedbrokercount") == 1, PATIENCE, "a fenced broker")
    produce(leader, "unclean", "--acks", "all")
    leader.kill()  # the quorum waits for the other now, and so does the topic
    follower.start(seconds=PATIENCE)
    alive = [active, follower]
    wait_until(lambda: total(alive, ELECTIONS + "uncleanleaderelections_total") == 1, PATIENCE, "an unclean election")
    decided = cluster.active(alive)
    assert re.search(r"unclean election.*unclean-0", decided.log.read_text())
    leader.start(seconds=PATIENCE)


CHECKS = [everybody_agrees_on_the_quorum, the_time_of_a_request_is_what_it_queued_worked_and_waited,
          a_follower_that_pauses_leaves_the_isr_and_comes_back, a_killed_leader_is_followed_by_an_election,
          an_unclean_election_is_counted]


def main():
    directory = pathlib.Path(tempfile.mkdtemp(prefix="cairn-test-"))
    cluster = Cluster(directory)
    try:
        cluster.start()
        for check in CHECKS:
            began = time.monotonic()
            check(cluster)
            print(f"ok {check.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
        for node in cluster.nodes:
            node.stop(PATIENCE)
    except BaseException:
        for node in cluster.nodes:
            sys.stderr.write(f"--- the end of the log of {node.directory.name}\n{node.log_tail()}\n")
        raise
    finally:
        for node in cluster.nodes:
            node.kill()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
