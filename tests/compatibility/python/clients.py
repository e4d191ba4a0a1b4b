# SPDX-License-Identifier: Apache-2.0
"""Two Python clients doing a day's work: librdkafka's (confluent-kafka) and a pure one (kafka-python).

    clients.py BOOTSTRAP     prints one line a check; any failure ends it with a traceback
"""
import sys
import time
import uuid

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions,
                                   NewTopic)

BOOTSTRAP = sys.argv[1]
RUN = uuid.uuid4().hex[:8]


def check(name):
    """Runs the decorated function at once and says that it passed."""
    def run(function):
        began = time.monotonic()
        function()
        print(f"ok {name} ({time.monotonic() - began:.1f} s)")
        return function
    return run


MENDED = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
          KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError.REQUEST_TIMED_OUT,
          KafkaError.NOT_CONTROLLER)


def ask(what, *arguments, done=()):
    """An administrative request. librdkafka hands errors that a retry mends to its user, who tries again; one that
    says it `done` was answered by an error the first time."""
    deadline = time.monotonic() + 40
    while True:
        try:
            asked = what(*arguments)
            return {key: future.result(20) for key, future in asked.items()} if isinstance(asked, dict) else asked.result(20)
        except KafkaException as failure:
            if failure.args[0].code() in done:
                return None
            if time.monotonic() > deadline or not failure.args[0].retriable() and failure.args[0].code() not in MENDED:
                raise
            time.sleep(0.2)


admin = AdminClient({"bootstrap.servers": BOOTSTRAP})


def create(name, partitions, **config):
    """With as many replicas as the cluster gives by default."""
    ask(admin.create_topics, [NewTopic(name, num_partitions=partitions, replication_factor=-1, config=config)],
        done=(KafkaError.TOPIC_ALREADY_EXISTS,))


def group_consumer(group, **settings):
    return Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": group, "auto.offset.reset": "earliest",
                     "enable.auto.commit": False, "session.timeout.ms": 6000, "heartbeat.interval.ms": 500, **settings})


def drain(consumers, count, seconds=30):
    """(topic, partition, offset, key, value) of `count` records read by the consumers together."""
    records, deadline = [], time.monotonic() + seconds
    while len(records) < count and time.monotonic() < deadline:
        for consumer in consumers:
            message = consumer.poll(0.05)
            if message is not None:
                assert message.error() is None, message.error()
                records.append((message.topic(), message.partition(), message.offset(), message.key(), message.value()))
    assert len(records) == count, f"{len(records)} of {count} records"
    return records


for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
    @check(f"librdkafka produces with {codec}, idempotent, and reads it back in order")
    def _():
        topic = f"py-{RUN}-{codec}"
        create(topic, 3)
        failures = []
        producer = Producer({"bootstrap.servers": BOOTSTRAP, "compression.type": codec, "enable.idempotence": True,
                             "linger.ms": 5})
        for i in range(3000):
            producer.produce(topic, key=str(i % 17), value=f"{i:06d}" + "x" * 50, headers={"n": str(i)},
                             on_delivery=lambda error, _: error and failures.append(error))
            producer.poll(0)
        assert producer.flush(30) == 0 and not failures, failures[:3]
        consumer = group_consumer(f"g-{topic}")
        consumer.subscribe([topic])
        records = drain([consumer], 3000)
        for key in {record[3] for record in records}:
            values = [record[4] for record in records if record[3] == key]
            assert values == sorted(values), f"key {key} out of order"
        consumer.commit(asynchronous=False)
        committed = consumer.committed([TopicPartition(topic, p) for p in range(3)])
        assert sum(p.offset for p in committed if p.offset > 0) == 3000, committed
        consumer.close()


for strategy in ("range", "cooperative-sticky"):
    @check(f"a group of librdkafka rebalances ({strategy}) and misses nothing")
    def _():
        topic, group = f"py-{RUN}-{strategy}", f"g-{RUN}-{strategy}"
        create(topic, 6)
        producer = Producer({"bootstrap.servers": BOOTSTRAP})
        for i in range(600):
            producer.produce(topic, partition=i % 6, value=str(i))
        assert producer.flush(30) == 0
        first = group_consumer(group, **{"partition.assignment.strategy": strategy})
        first.subscribe([topic])
        head = drain([first], 60)
        first.commit(asynchronous=False)
        second = group_consumer(group, **{"partition.assignment.strategy": strategy})
        second.subscribe([topic])
        deadline = time.monotonic() + 60
        seen = {record[1:3] for record in head}
        while time.monotonic() < deadline:
            for consumer in (first, second):
                message = consumer.poll(0.05)
                if message is not None and message.error() is None:
                    seen.add((message.partition(), message.offset()))
            if len(second.assignment()) == 3 and len(first.assignment()) == 3 and len(seen) == 600:
                break
        assert len(first.assignment()) == 3 and len(second.assignment()) == 3, (first.assignment(), second.assignment())
        assert len(seen) == 600, len(seen)
        second.close()
        deadline = time.monotonic() + 60
        while len(first.assignment()) != 6 and time.monotonic() < deadline:
            first.poll(0.1)
        assert len(first.assignment()) == 6, first.assignment()
        first.close()


def watermarks(topic):
    consumer = group_consumer(f"w-{RUN}")
    marks = {p: consumer.get_watermark_offsets(TopicPartition(topic, p), 10) for p in range(4)}
    consumer.close()
    return marks


def groups():
    """All that are listed, once every broker has answered."""
    deadline = time.monotonic() + 40
    while (listed := ask(admin.list_consumer_groups)).errors:
        assert time.monotonic() < deadline, listed.errors
        time.sleep(0.2)
    return [group.group_id for group in listed.valid]


@check("librdkafka administers: partitions, configs, groups, offsets, deletion")
def _():
    topic, group = f"py-{RUN}-admin", f"g-{RUN}-admin"
    create(topic, 1, **{"retention.ms": "3600000"})
    ask(admin.create_partitions, [NewPartitions(topic, 4)], done=(KafkaError.INVALID_PARTITIONS,))
    resource = ConfigResource("topic", topic)
    assert ask(admin.describe_configs, [resource])[resource]["retention.ms"].value == "3600000"
    resource.add_incremental_config(ConfigEntry("retention.ms", "7200000", incremental_operation=AlterConfigOpType.SET))
    ask(admin.incremental_alter_configs, [resource])
    resource = ConfigResource("topic", topic)
    assert ask(admin.describe_configs, [resource])[resource]["retention.ms"].value == "7200000"
    assert len(admin.list_topics(topic, 10).topics[topic].partitions) == 4
    producer = Producer({"bootstrap.servers": BOOTSTRAP})
    for i in range(40):
        producer.produce(topic, partition=i % 4, value=str(i))
    producer.flush(10)
    consumer = group_consumer(group)
    consumer.subscribe([topic])
    drain([consumer], 40)
    consumer.commit(asynchronous=False)
    described = ask(admin.describe_consumer_groups, [group])[group]
    assert described.state.name == "STABLE" and len(described.members) == 1, described.state
    consumer.close()
    assert group in groups()
    ask(admin.delete_records, [TopicPartition(topic, 0, 5)])
    assert watermarks(topic)[0] == (5, 10), watermarks(topic)
    ask(admin.delete_consumer_groups, [group], done=(KafkaError.GROUP_ID_NOT_FOUND,))
    assert group not in groups()
    ask(admin.delete_topics, [topic], done=(KafkaError.UNKNOWN_TOPIC_OR_PART,))
    deadline = time.monotonic() + 10
    while topic in admin.list_topics(timeout=10).topics:
        assert time.monotonic() < deadline, "the topic is still listed"
        time.sleep(0.1)


@check("librdkafka finds offsets by time and starts in the middle of a batch")
def _():
    topic = f"py-{RUN}-times"
    create(topic, 1)
    producer = Producer({"bootstrap.servers": BOOTSTRAP, "linger.ms": 50})
    base = int(time.time() * 1000) - 100000
    for i in range(100):
        producer.produce(topic, value=str(i), timestamp=base + i * 10)
    producer.flush(10)
    consumer = group_consumer(f"t-{RUN}")
    found = consumer.offsets_for_times([TopicPartition(topic, 0, base + 305)], 10)
    assert found[0].offset == 31, found
    consumer.assign([TopicPartition(topic, 0, 57)])
    assert [int(record[4]) for record in drain([consumer], 43)] == list(range(57, 100))
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    assert len(drain([consumer], 100)) == 100
    consumer.close()


@check("kafka-python produces, consumes in a group and commits")
def _():
    import kafka
    topic = f"py-{RUN}-pure"
    create(topic, 2)
    producer = kafka.KafkaProducer(bootstrap_servers=BOOTSTRAP, acks="all", compression_type="gzip")
    for future in [producer.send(topic, value=str(i).encode(), key=str(i).encode()) for i in range(500)]:
        future.get(timeout=20)
    producer.close()
    consumer = kafka.KafkaConsumer(topic, bootstrap_servers=BOOTSTRAP, group_id=f"k-{RUN}", auto_offset_reset="earliest",
                                   enable_auto_commit=False, consumer_timeout_ms=15000)
    seen = set()
    for message in consumer:
        seen.add(int(message.value))
        if len(seen) == 500:
            break
    assert len(seen) == 500, len(seen)
    consumer.commit()
    assert sum(consumer.committed(kafka.TopicPartition(topic, p)) or 0 for p in range(2)) == 500
    consumer.close()
