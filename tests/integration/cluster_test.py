#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Three real cairnd with empty directories become a cluster with replicated topics. While an idempotent
producer writes with acks=all and a consumer of a group reads, one node after another is killed, stopped
or paused: the leader, the active controller, one that is both, all three. Every record that was
acknowledged must be read back once and in order, consumers go on, and the longest pause between two
acknowledgements is printed for each fault: of librdkafka, which looks for new leaders once a second, and
of a client by hand that tries all brokers over and over.

    cluster_test.py [FAULT...]
"""
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cairn_process import CACHE, Cairn, skip, start_all, wait_until  # noqa: E402

try:
    import confluent_kafka
    from confluent_kafka.admin import AdminClient, NewTopic
except ImportError:
    python = CACHE / "python/bin/python"
    if not python.exists() or os.environ.get("CAIRN_CLUSTER_TEST"):
        skip("no confluent-kafka (scripts/fetch-clients)")
    os.execve(python, [str(python), *sys.argv], {**os.environ, "CAIRN_CLUSTER_TEST": "1"})

from quorum_test import active_of  # noqa: E402
from wire import NOT_LEADER_OR_FOLLOWER, Client, record_batch  # noqa: E402

SIZE = 3
GROUP_PARTITIONS = 6
PATIENCE = 60  # for what must come about, on a machine with other work


def client_settings(nodes):
    return {"bootstrap.servers": ",".join(node.bootstrap for node in nodes),
            "reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 100, "retry.backoff.ms": 20,
            "topic.metadata.refresh.fast.interval.ms": 20, "log_level": 2}


class Producer(threading.Thread):
    """Numbered records at a steady pace, each sent until it is acknowledged."""

    def __init__(self, nodes, topic):
        super().__init__(daemon=True)
        self.topic = topic
        self.client = confluent_kafka.Producer({**client_settings(nodes), "enable.idempotence": True, "linger.ms": 0,
                                                "retry.backoff.max.ms": 50, "message.timeout.ms": 90000})
        self.acknowledged, self.failed, self.sent = [], [], 0  # (number, offset, time)
        self.ending = False

    def run(self):
        while not self.ending:
            number = self.sent
            self.sent += 1
            self.client.produce(self.topic, b"%d" % number, partition=0, on_delivery=self.note(number))
            self.client.poll(0.005)
        self.client.flush(90)

    def note(self, number):
        def delivered(error, message):
            if error:
                self.failed.append((number, str(error)))
            else:
                self.acknowledged.append((number, message.offset(), time.monotonic()))
        return delivered

    def end(self):
        self.ending = True
        self.join(100)

    def acknowledged_since(self, instant):
        return sum(1 for _, _, at in self.acknowledged if at >= instant)


class Consumer(threading.Thread):
    """A group's only member."""

    def __init__(self, nodes, topic, group):
        super().__init__(daemon=True)
        self.client = confluent_kafka.Consumer({**client_settings(nodes), "group.id": group, "auto.offset.reset": "earliest",
                                                "auto.commit.interval.ms": 500, "session.timeout.ms": 10000,
                                                "heartbeat.interval.ms": 500})
        self.client.subscribe([topic])
        self.read = []  # (number, time)
        self.ending = False

    def run(self):
        while not self.ending:
            message = self.client.poll(0.1)
            if message is not None and message.error() is None:
                self.read.append((int(message.value()), time.monotonic()))
        self.client.close()

    def end(self):
        self.ending = True
        self.join(30)

    def newest(self):
        return self.read[-1][0] if self.read else -1


class Probe(threading.Thread):
    """One record after another with acks=all, to whichever broker takes it."""

    def __init__(self, nodes, topic):
        super().__init__(daemon=True)
        self.nodes, self.topic = nodes, topic
        self.acknowledged = {}  # value -> offset
        self.instants = []
        self.ending = False

    def run(self):
        client, at, number = None, 0, 0
        while not self.ending:
            value = b"%d" % number
            try:
                client = client or Client(self.nodes[at].bootstrap, 0.5)
                code, offset = client.produce(self.topic, 0, record_batch([value]))
            except (OSError, AssertionError):
                code = -1
            if code == 0:
                self.acknowledged[value] = offset
                self.instants.append(time.monotonic())
                number += 1
            else:
                if client:
                    client.close()
                client, at = None, (at + 1) % SIZE
            time.sleep(0.005)

    def end(self):
        self.ending = True
        self.join(30)


def longest_pause(instants, since, until):
    marks = [since] + sorted(at for at in instants if since <= at <= until) + [until]
    return max(after - before for before, after in zip(marks, marks[1:]))


def partition_for(group):
    value = 0
    for character in group:
        value = (31 * value + ord(character)) & 0xFFFFFFFF
    return (value & 0x7FFFFFFF) % GROUP_PARTITIONS


class Cluster:
    def __init__(self, directory):
        self.directory, self.client = directory, None
        self.nodes = [Cairn(directory / str(id_), node_id=id_) for id_ in range(1, SIZE + 1)]
        voters = ",".join(f"{i}@127.0.0.1:{n.controller_port}" for i, n in enumerate(self.nodes, 1))
        for node in self.nodes:
            node.settings.update({
                "controller.quorum.voters": voters, "cairn.http.listener": f"127.0.0.1:{node.http_port}",
                "default.replication.factor": 3, "min.insync.replicas": 2,
                "offsets.topic.replication.factor": 3, "offsets.topic.num.partitions": GROUP_PARTITIONS})

    def id_of(self, node):
        return self.nodes.index(node) + 1

    def admin(self):
        self.client = self.client or AdminClient(client_settings(self.nodes))
        return self.client

    def active(self):
        return wait_until(lambda: active_of(self.nodes), PATIENCE, "one active controller")

    def create(self, topic, leader):
        """One partition, led by `leader` at first."""
        first = self.id_of(leader)
        replicas = [first] + [id_ for id_ in range(1, SIZE + 1) if id_ != first]
        self.admin().create_topics([NewTopic(topic, num_partitions=1, replica_assignment=[replicas])],
                                   request_timeout=PATIENCE)[topic].result()
        wait_until(lambda: self.leader(topic) == first, PATIENCE, f"{topic} led by {first}")

    def partition(self, topic, index=0):
        try:
            found = self.admin().list_topics(topic, timeout=5).topics[topic]
        except confluent_kafka.KafkaException:
            return None
        return found.partitions.get(index)

    def leader(self, topic, index=0):
        partition = self.partition(topic, index)
        return partition.leader if partition else None

    def wait_for_full_isr(self, topic):
        began = time.monotonic()

        def full():
            partition = self.partition(topic)
            return partition and len(partition.isrs) == SIZE
        wait_until(full, PATIENCE, f"a full ISR of {topic}")
        return time.monotonic() - began

    def group_of(self, victim, name):
        """A group that the victim coordinates, if it leads any of its partitions."""
        topic = "__consumer_offsets"
        for number in range(100):
            group = f"{name}-{number}"
            if self.leader(topic, partition_for(group)) == self.id_of(victim):
                return group
        return name


def wait_for_isr_of_groups(cluster):
    def full():
        try:
            found = cluster.admin().list_topics("__consumer_offsets", timeout=5).topics["__consumer_offsets"]
        except confluent_kafka.KafkaException:
            return False
        return len(found.partitions) == GROUP_PARTITIONS and all(
            len(p.isrs) == SIZE and p.leader >= 0 for p in found.partitions.values())
    wait_until(full, PATIENCE, "all replicas of __consumer_offsets in sync")


# ---- faults: each strikes and returns what brings the victims back ----

def kill(*victims):
    for victim in victims:
        victim.kill()
    return lambda: start_all(list(victims))


def terminate(victim):
    victim.stop(PATIENCE)
    return lambda: start_all([victim])


def pause(victim):
    victim.process.send_signal(signal.SIGSTOP)
    time.sleep(10)
    victim.process.send_signal(signal.SIGCONT)
    return lambda: None


def other_than(cluster, *nodes):
    return next(node for node in cluster.nodes if node not in nodes)


# name -> which node leads, which is struck, how, seconds to go on before it comes back
def choose(cluster, name):
    active = cluster.active()
    other = other_than(cluster, active)
    return {
        "kill-leader": (other, lambda: kill(other), other, 3),
        "kill-controller": (other, lambda: kill(active), active, 3),
        "kill-both": (active, lambda: kill(active), active, 3),
        "term-leader": (other, lambda: terminate(other), other, 1),
        "term-both": (active, lambda: terminate(active), active, 1),
        "pause-leader": (other, lambda: pause(other), other, 2),
        "kill-all": (other, lambda: kill(*cluster.nodes), other, 0),
    }[name]


FAULTS = ["kill-leader", "kill-controller", "kill-both", "term-leader", "term-both", "pause-leader", "kill-all"]


def strike(cluster, name):
    leader, fault, victim, rest = choose(cluster, name)
    topic = f"fault-{name}"
    cluster.create(topic, leader)
    wait_for_isr_of_groups(cluster)
    producer = Producer(cluster.nodes, topic)
    consumer = Consumer(cluster.nodes, topic, cluster.group_of(victim, name))
    cluster.create(f"probe-{name}", leader)
    probe = Probe(cluster.nodes, f"probe-{name}")
    for thread in (producer, consumer, probe):
        thread.start()
    wait_until(lambda: consumer.newest() > 100, PATIENCE, "the consumer reads")
    time.sleep(1)
    began = time.monotonic()
    bring_back = fault()
    time.sleep(rest)
    if name != "kill-all":
        wait_until(lambda: producer.acknowledged_since(began + 0.5) > 20, PATIENCE, f"acknowledgements after {name}")
    settled = time.monotonic()
    bring_back()
    if name == "kill-all":
        wait_until(lambda: producer.acknowledged_since(time.monotonic() - 0.5) > 10, PATIENCE,
                   f"acknowledgements after {name}")
        settled = time.monotonic()
    back = cluster.wait_for_full_isr(topic)
    after = producer.sent
    wait_until(lambda: consumer.newest() >= after, PATIENCE, f"the consumer goes on after {name}")
    probe.end()
    producer.end()
    wait_until(lambda: consumer.newest() >= producer.sent - 1, PATIENCE, "the consumer comes to the end")
    consumer.end()
    acks = longest_pause([at for _, _, at in producer.acknowledged], began, settled)
    reads = longest_pause([at for _, at in consumer.read], began, settled)
    quick = longest_pause(probe.instants, began, settled)
    print(f"{name}: longest pause of acknowledgements {quick * 1000:.0f} ms by hand, {acks * 1000:.0f} ms with librdkafka, "
          f"of a group's consumer {reads * 1000:.0f} ms; all in sync {back:.1f} s after the start; "
          f"{len(producer.acknowledged) + len(probe.acknowledged)} records", flush=True)
    return producer, consumer, probe


def read_all(cluster, topic):
    consumer = confluent_kafka.Consumer({**client_settings(cluster.nodes), "group.id": f"reads-{topic}",
                                         "enable.auto.commit": False, "enable.partition.eof": True})
    consumer.assign([confluent_kafka.TopicPartition(topic, 0, 0)])
    records = []
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error() is None:
            records.append((message.offset(), int(message.value())))
        elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
            consumer.close()
            return records
    raise AssertionError(f"{topic} was not read to its end")


def compare_replicas(cluster, topic):
    """As Kafka's replica-verification asks: any replica answers it, where a consumer is sent to the leader."""
    answers = []
    for node in cluster.nodes:
        client = Client(node.bootstrap)
        answers.append(client.fetch(topic, 0, 0, replica=-2))
        code = client.fetch(topic, 0, 0)[0]
        assert code == (0 if cluster.leader(topic) == cluster.id_of(node) else NOT_LEADER_OR_FOLLOWER), (topic, code)
        client.close()
    assert {code for code, _, _ in answers} == {0} and len({records for _, _, records in answers}) == 1, \
        f"{topic}: {[(code, end, len(records)) for code, end, records in answers]}"


def judge(cluster, producer, consumer, probe):
    topic = producer.topic
    kept = dict(read_all(cluster, probe.topic))
    lost = [(value, offset) for value, offset in probe.acknowledged.items() if kept.get(offset, -1) != int(value)]
    assert not lost, f"{probe.topic}: acknowledged, and lost or elsewhere: {lost[:5]}"
    assert not producer.failed, f"{topic}: never acknowledged: {producer.failed[:3]}"
    records = read_all(cluster, topic)
    by_offset = dict(records)
    lost = [(number, offset) for number, offset, _ in producer.acknowledged if by_offset.get(offset, -1) != number]
    assert not lost, f"{topic}: acknowledged, and lost or elsewhere: {lost[:5]}"
    numbers = [number for _, number in records]
    assert numbers == sorted(set(numbers)), f"{topic}: a record stands twice or out of order"
    assert len(numbers) == producer.sent, f"{topic}: {len(numbers)} records, {producer.sent} were sent"
    first_seen = list(dict.fromkeys(number for number, _ in consumer.read))
    assert first_seen == list(range(producer.sent)), f"{topic}: the group's consumer skipped records or went astray"
    compare_replicas(cluster, topic)


def main():
    names = sys.argv[1:] or FAULTS
    directory = pathlib.Path(tempfile.mkdtemp(prefix="cairn-test-"))
    cluster = Cluster(directory)
    try:
        began = time.monotonic()
        start_all(cluster.nodes)
        print(f"three nodes formed a cluster in {time.monotonic() - began:.2f} s", flush=True)
        cluster.create("warm", cluster.nodes[0])
        warm = Consumer(cluster.nodes, "warm", "warm")
        warm.start()  # creates __consumer_offsets
        wait_for_isr_of_groups(cluster)
        warm.end()
        runs = [strike(cluster, name) for name in names]
        for run in runs:
            judge(cluster, *run)
        total = sum(len(producer.acknowledged) + len(probe.acknowledged) for producer, _, probe in runs)
        print(f"{total} acknowledged records, all there, once and in order")
        for node in cluster.nodes:
            node.stop(PATIENCE)
    except BaseException:
        for node in cluster.nodes:
            sys.stderr.write(f"--- the end of the log of {node.directory.name}\n{node.log_tail(60)}\n")
        raise
    finally:
        for node in cluster.nodes:
            if node.process and node.process.poll() is None:
                node.process.send_signal(signal.SIGCONT)
            node.kill()
        if not os.environ.get("CAIRN_KEEP"):
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
