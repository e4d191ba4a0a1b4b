# SPDX-License-Identifier: Apache-2.0
"""What works on the cluster while chaos_test.py breaks it: idempotent producers and members of consumer groups,
of librdkafka in this process and of the JVM in their own. Every value is `<producer>.<number>`, the numbers of
a producer count up, and each keeps what it was told: where a record was acknowledged, what was read where."""
import json
import random
import subprocess
import threading
import time

import confluent_kafka

import kafka_process

NATIVE = {"reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200, "retry.backoff.ms": 50,
          "socket.timeout.ms": 6000, "topic.metadata.refresh.interval.ms": 3000,
          "topic.metadata.refresh.fast.interval.ms": 50, "log_level": 2}
JAVA = {"reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200, "retry.backoff.ms": 50,
        "retry.backoff.max.ms": 200, "request.timeout.ms": 6000, "metadata.max.age.ms": 3000}
DELIVERY_MS = 900000  # longer than any series of faults, on a slow machine too


class Producer:
    """What a producer was told. `identity` is the number before the dot of its values."""

    def __init__(self, identity):
        self.identity = identity
        self.acknowledged = {}  # number -> (partition, offset)
        self.instants = []  # of each acknowledgement
        self.failed = []

    def note(self, number, partition, offset):
        self.acknowledged[number] = (partition, offset)
        self.instants.append(time.monotonic())

    def since(self, instant):
        return sum(1 for at in reversed(self.instants[-1000:]) if at >= instant)


class NativeProducer(Producer, threading.Thread):
    def __init__(self, identity, cluster, rate):
        Producer.__init__(self, identity)
        threading.Thread.__init__(self, daemon=True)
        self.topic, self.partitions, self.rate, self.sent = cluster.topic, cluster.partitions, rate, 0
        self.client = confluent_kafka.Producer({
            **NATIVE, "bootstrap.servers": cluster.bootstrap, "enable.idempotence": True, "linger.ms": 2,
            "retry.backoff.max.ms": 200, "request.timeout.ms": 6000, "message.timeout.ms": DELIVERY_MS})
        self.ending = False
        self.padding = random.Random(identity)

    def run(self):
        began = time.monotonic()
        while not self.ending:
            self.send()
            ahead = self.sent / self.rate - (time.monotonic() - began)
            self.client.poll(max(ahead, 0))
            if ahead < -1:  # it does not make up for a long standstill
                began = time.monotonic() - self.sent / self.rate
        self.client.flush(DELIVERY_MS / 1000)

    def send(self):
        number = self.sent
        value = b"%d.%d %s" % (self.identity, number, b"x" * self.padding.randrange(200))
        try:
            self.client.produce(self.topic, value, partition=number % self.partitions, on_delivery=self.delivered(number))
        except BufferError:
            self.client.poll(0.1)
            return
        self.sent += 1

    def delivered(self, number):
        def note(error, message):
            if error:
                self.failed.append((number, str(error)))
            else:
                self.note(number, message.partition(), message.offset())
        return note

    def end(self):
        self.ending = True
        self.join(DELIVERY_MS / 1000 + 10)
        assert not self.is_alive(), f"producer {self.identity} does not end"


class Jvm(threading.Thread):
    """One of Kafka's verifiable clients: it prints what happens, a line of JSON each."""

    def __init__(self, cluster, name, main_class, settings, *arguments):
        super().__init__(daemon=True)
        self.name, self.events = name, 0
        properties = cluster.directory / f"{name}.properties"
        properties.write_text("".join(f"{key}={value}\n" for key, value in {**JAVA, **settings}.items()))
        self.log = cluster.directory / f"{name}.log"
        command = kafka_process.java(f"org.apache.kafka.tools.{main_class}", "--bootstrap-server", cluster.bootstrap,
                                     "--topic", cluster.topic, "--command-config", properties, *arguments)
        command = ["nice", "-n", "5", *command]  # its start must not starve the nodes on a small machine
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)

    def run(self):
        for line in self.process.stdout:
            if line.startswith(b"{"):
                self.events += 1
                self.on_event(json.loads(line))

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(DELIVERY_MS / 1000 + 10)
        finally:
            self.process.kill()
        self.join(10)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def check_alive(self):
        assert self.process.poll() is None, f"{self.name} ended with {self.process.poll()}, see {self.log}"


class JavaProducer(Producer, Jvm):
    # With more, a batch whose answer hangs at a leader of old may be sent again when more than five newer ones, as
    # many as a broker remembers of a producer, have gone to the next leader. It is then out of order until it expires.
    ONE_AT_A_TIME = {"max.in.flight.requests.per.connection": 1}

    def __init__(self, identity, cluster, rate):
        Producer.__init__(self, identity)
        Jvm.__init__(self, cluster, f"java-producer-{identity}", "VerifiableProducer",
                     {"enable.idempotence": "true", "retries": 2147483647, "linger.ms": 2, "max.block.ms": DELIVERY_MS,
                      "delivery.timeout.ms": DELIVERY_MS, **self.ONE_AT_A_TIME},
                     "--acks", -1, "--throughput", rate, "--value-prefix", identity, "--repeating-keys", 24)

    def on_event(self, event):
        if event["name"] == "producer_send_success":
            self.note(int(event["value"].split(".")[1]), event["partition"], event["offset"])
        elif event["name"] == "producer_send_error":
            self.failed.append((event["value"], event["message"]))


class Member:
    """What a member of a group read: (partition, offset, value) by the assignments it was read under."""

    def __init__(self, group):
        self.group = group
        self.assignments = [[]]
        self.newest = {}  # partition -> offset

    def note(self, partition, offset, value):
        self.assignments[-1].append((partition, offset, value))
        self.newest[partition] = max(self.newest.get(partition, -1), offset)

    def begin_assignment(self):
        self.assignments.append([])


class NativeMember(Member, threading.Thread):
    def __init__(self, group, cluster):
        Member.__init__(self, group)
        threading.Thread.__init__(self, daemon=True)
        self.client = confluent_kafka.Consumer({
            **NATIVE, "bootstrap.servers": cluster.bootstrap, "group.id": group, "auto.offset.reset": "earliest",
            "auto.commit.interval.ms": 500, "session.timeout.ms": 8000, "heartbeat.interval.ms": 500})
        self.client.subscribe([cluster.topic], on_assign=self.changed, on_revoke=self.changed, on_lost=self.changed)
        self.ending = False

    def changed(self, _, partitions):
        self.begin_assignment()

    def run(self):
        while not self.ending:
            message = self.client.poll(0.2)
            if message is not None and message.error() is None:
                self.note(message.partition(), message.offset(), message.value())
        self.client.close()

    def check_alive(self):
        assert self.is_alive(), f"a member of {self.group} ended"

    def end(self):
        self.ending = True
        self.join(60)


class JavaMember(Member, Jvm):
    def __init__(self, group, cluster, number):
        Member.__init__(self, group)
        Jvm.__init__(self, cluster, f"java-member-{number}", "VerifiableConsumer",
                     {"heartbeat.interval.ms": 500, "default.api.timeout.ms": DELIVERY_MS, "fetch.max.wait.ms": 200},
                     "--group-id", group, "--session-timeout", 8000, "--reset-policy", "earliest", "--verbose")

    def on_event(self, event):
        if event["name"] == "record_data":
            self.note(event["partition"], event["offset"], event["value"].encode())
        elif event["name"] in ("partitions_assigned", "partitions_revoked"):
            self.begin_assignment()


def group_is_at(members, ends):
    """Whether members of one group have read up to the ends of all partitions."""
    return all(max(member.newest.get(partition, -1) for member in members) >= end - 1 for partition, end in ends.items())


# ---- the verdict: `log` is what a reader from the beginning finds, {partition: [(offset, value)]} ----

def identity_of(value):
    identity, number = value.split(b" ", 1)[0].split(b".")
    return int(identity), int(number)


def judge_producer(producer, log):
    seen = set()
    for partition, records in log.items():
        assert [offset for offset, _ in records] == list(range(len(records))), f"partition {partition} has a gap"
        newest = -1
        for offset, value in records:
            identity, number = identity_of(value)
            if identity != producer.identity:
                continue
            assert number not in seen, f"{identity}.{number} stands twice, again at {partition}/{offset}"
            assert number > newest, f"{identity}.{number} stands behind {newest} in partition {partition}"
            newest = number
            seen.add(number)
    for number, (partition, offset) in producer.acknowledged.items():
        if offset is None or offset < 0:  # the answer was lost, and a retry too late for more than "it is there"
            assert number in seen, f"{producer.identity}.{number}: acknowledged, and not there"
            continue
        records = log[partition]
        assert offset < len(records) and identity_of(records[offset][1]) == (producer.identity, number), \
            f"{producer.identity}.{number}: acknowledged at {partition}/{offset}, where there is " \
            f"{records[offset][1][:30] if offset < len(records) else 'nothing'}"
    assert not producer.failed, f"producer {producer.identity} never got an answer for {producer.failed[:3]}"
    strays = seen - producer.acknowledged.keys()
    assert not strays, f"producer {producer.identity}: in the log and never acknowledged: {sorted(strays)[:5]}"


def judge_group(group, members, log):
    """At least once: what is read again was read under another assignment. Returns how much was."""
    covered, total = set(), 0
    for member in members:
        for assignment in member.assignments:
            newest = {}
            for partition, offset, value in assignment:
                assert offset > newest.get(partition, -1), f"{group} went back to {partition}/{offset} in one assignment"
                newest[partition] = offset
                records = log[partition]
                assert offset < len(records) and records[offset][1] == value, \
                    f"{group} read {value[:30]} at {partition}/{offset}, where the log has something else"
                covered.add((partition, offset))
                total += 1
    missed = [(p, offset) for p, records in log.items() for offset, _ in records if (p, offset) not in covered]
    assert not missed, f"{group} missed {len(missed)} records, the first at {missed[0]}"
    return total - len(covered)
