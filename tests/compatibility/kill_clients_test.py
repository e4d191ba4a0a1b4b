#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Producers and consumers that we did not write, on three cairnd at replication factor 3 while nodes are killed -9
and started again: librdkafka, kafka-python, franz-go, kcat and Kafka's console tools, each with a topic and a group
of its own. Every kill takes a leader of each topic, and every other one the active controller with it. In the end
all that was acknowledged is there, where it was acknowledged, once and in order, and each group has read it.

    kill_clients_test.py [KILLS]     4
"""
import contextlib
import os
import pathlib
import shutil
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
sys.path.insert(0, str(HERE.parent / "integration"))
from cairn_process import CACHE, cairn_cluster, skip, wait_until  # noqa: E402
from kafka_process import need_jars  # noqa: E402

for done in (".python-1", ".go-client-3"):
    if not (CACHE / done).exists():
        skip("the Python and Go clients are not there (scripts/test --with-clients fetches them)")
try:
    import confluent_kafka  # noqa: F401
except ImportError:
    os.execv(CACHE / "python/bin/python", [str(CACHE / "python/bin/python"), *sys.argv])

from chaos_clients import NativeMember, NativeProducer, group_is_at, judge_group, judge_producer  # noqa: E402
from chaos_cluster import leaders_of, read_log  # noqa: E402
from cluster_clients_test import in_sync  # noqa: E402
from quorum_test import active_of  # noqa: E402
from stream_clients import (Fed, Program, console_member, console_producer, go_client, kcat_member,  # noqa: E402
                            kcat_producer, pure_client)
from wire import Client  # noqa: E402

KILLS = int(sys.argv[1]) if len(sys.argv) > 1 else 4
PARTITIONS, RATE, PATIENCE = 6, 50, 120
DOWN_SECONDS = 1.5


class Family:
    """The clients of one maker, and the topic that they alone work on."""
    partitions = PARTITIONS

    def __init__(self, name, cluster):
        self.name, self.topic, self.group = name, f"stream-{name}", f"readers-{name}"
        self.nodes, self.bootstrap, self.directory = cluster.nodes, cluster.bootstrap, cluster.directory
        self.producer = self.member = None

    def leaders(self):
        return leaders_of(self.nodes, self.topic)

    def create(self):
        client = Client(self.nodes[0].bootstrap)
        assert client.create_topic(self.topic, PARTITIONS, replicas=3) == 0
        client.close()

    def begin(self, make_producer, make_member):
        self.producer = make_producer(self)
        self.member = make_member(self)
        for client in {self.producer, self.member}:
            client.start()

    def read(self):
        """How much its group has read."""
        return sum(offset + 1 for offset in self.member.newest.values())

    def end_producing(self):
        getattr(self.producer, "end_producing", self.producer.end)()

    def judge(self):
        log = read_log(self)
        judge_producer(self.producer, log)
        ends = {index: len(records) for index, records in log.items()}
        wait_until(lambda: group_is_at([self.member], ends), PATIENCE, f"{self.group} at the end")
        self.member.check_alive()
        self.member.end()
        again = judge_group(self.group, [self.member], log)
        instants = self.producer.instants
        pause = max((after - before for before, after in zip(instants, instants[1:])), default=0)
        print(f"ok {self.name}: {len(self.producer.acknowledged)} records acknowledged, all there, once and in order, and "
              f"read by its group ({again} twice){f'; longest pause {pause:.2f} s' if instants else ''}", flush=True)


def start_clients(cluster, ended_with_it):
    """One after another: a small machine starts three JVMs at once badly."""
    makers = {
        "librdkafka": (lambda f: NativeProducer(1, f, RATE), lambda f: NativeMember(f.group, f)),
        "kafka-python": (lambda f: pure_client(2, f, RATE), lambda f: f.producer),
        "franz-go": (lambda f: go_client(3, f, RATE), lambda f: f.producer),
        "kcat": (lambda f: kcat_producer(4, f, RATE), lambda f: kcat_member(f.group, f)),
        "console": (lambda f: console_producer(5, f, RATE), lambda f: console_member(f.group, f)),
    }
    families = []
    for name, (producer, member) in makers.items():
        family = Family(name, cluster)
        family.create()
        family.begin(producer, member)
        for client in {family.producer, family.member}:
            if isinstance(client, Program):
                ended_with_it.callback(client.kill)
        families.append(family)
    for family in families:
        wait_until(lambda: family.read() > 0, PATIENCE, f"the first records of {family.name}")
    return families


def all_lead(cluster, families):
    """Whether every node is in sync and leads partitions of every topic."""
    return in_sync(cluster) and all({leader for leader, _ in family.leaders().values()} == {1, 2, 3} for family in families)


def victim_of(cluster, number):
    """The active controller every other time, else one that is not."""
    active = wait_until(lambda: active_of(cluster.nodes), PATIENCE, "an active controller")
    others = [node for node in cluster.nodes if node is not active]
    return active if number % 2 else others[number // 2 % 2]


def kill_one(cluster, families, number):
    wait_until(lambda: all_lead(cluster, families), PATIENCE, "all in sync, and each leader of something")
    node = victim_of(cluster, number)
    name = f"node {node.directory.name}{', the active controller' if number % 2 else ''}"
    node.kill()
    killed, before = time.monotonic(), {family: family.read() for family in families}
    time.sleep(DOWN_SECONDS)
    for family in families:
        wait_until(lambda: family.read() > before[family], PATIENCE, f"records for {family.name}'s group after the kill")
        if not isinstance(family.producer, Fed):
            wait_until(lambda: family.producer.since(killed) > 0, PATIENCE, f"acknowledgements for {family.name}")
    node.start(seconds=PATIENCE)
    print(f"killed {name}; {time.monotonic() - killed:.1f} s later it is there again, and all had gone on", flush=True)


def main():
    need_jars()
    if not shutil.which("kcat"):
        skip("kcat is not installed (scripts/test --with-clients installs it)")
    began = time.monotonic()
    with cairn_cluster(offsets_topic_num_partitions=6, leader_imbalance_check_interval_seconds=2) as cluster, \
            contextlib.ExitStack() as ended_with_it:
        families = start_clients(cluster, ended_with_it)
        print(f"all work after {time.monotonic() - began:.1f} s", flush=True)
        for number in range(KILLS):
            kill_one(cluster, families, number)
        wait_until(lambda: in_sync(cluster), PATIENCE, "all in sync")
        for family in families:
            family.end_producing()
        for family in families:
            family.judge()
    print(f"{KILLS} kills in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
