# SPDX-License-Identifier: Apache-2.0
"""The clients of takeover_test.py, in the Python that has confluent-kafka: `takeover.py STEP BOOTSTRAP STATE`.
What must be the same at every stop is kept as JSON in the file STATE."""
import json
import os
import sys
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
TOPICS = {
    **{f"t-{codec}": {"compression.type": "producer"} for codec in CODECS},
    "t-recompressed": {"compression.type": "zstd"},
    "t-compact": {"cleanup.policy": "compact", "segment.bytes": 1048576, "min.cleanable.dirty.ratio": 0.01,
                  "segment.ms": 1000},
    "t-both": {"cleanup.policy": "compact,delete"},
    "t-append-time": {"message.timestamp.type": "LogAppendTime"},
    "t-cut": {},
    "t-transactions": {},
    "t-open": {},
    "t-raw": {},
    "t-legacy": {},
}
COMPACTED = {"t-compact", "t-both"}


# The timestamps are of 2023: nothing may be too old.
for config in TOPICS.values():
    config["retention.ms"] = -1


def admin(bootstrap):
    return AdminClient({"bootstrap.servers": bootstrap})


def producer(bootstrap, **more):
    return Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 5,
                     "message.timeout.ms": 60000, **{k.replace("_", "."): v for k, v in more.items()}})


def consumer(bootstrap, group="reader", **more):
    return Consumer({"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False,
                     "auto.offset.reset": "earliest",
                     **{k.replace("_", "."): v for k, v in more.items()}})


def write(to, topic, first, count, partitions=2):
    failed = []
    for i in range(first, first + count):
        to.produce(topic, key=f"k{i % 17}", value=f"{topic} {i} " + "x" * (i % 97), partition=i % partitions,
                   timestamp=1700000000000 + i, headers=[("n", str(i).encode())],
                   on_delivery=lambda error, message: failed.append(error) if error else None)
        if i % 500 == 499:
            to.poll(0)
    assert to.flush(60) == 0 and not failed, failed[:3]


def read(bootstrap, topic, isolation="read_committed", partitions=2):
    """Every record of a topic, as lists [partition, offset, timestamp, type, key, value, headers]."""
    client = consumer(bootstrap, isolation_level=isolation, enable_partition_eof=True)
    found = []
    try:
        for partition in range(partitions):
            client.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
            deadline = time.monotonic() + 30
            while True:
                message = client.poll(1)
                assert time.monotonic() < deadline, f"{topic}-{partition} has no end behind {found[-1:]}"
                if message is None:
                    continue
                if message.error():
                    assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                    break
                kind, timestamp = message.timestamp()
                found.append([partition, message.offset(), timestamp, kind, text(message.key()),
                              text(message.value()), [[k, text(v)] for k, v in message.headers() or []]])
    finally:
        client.close()
    return found


def text(data):
    return None if data is None else data.decode()


def create(bootstrap, state):
    wanted = [NewTopic(name, 2, 1, config={k: str(v) for k, v in config.items()}) for name, config in TOPICS.items()]
    client = admin(bootstrap)  # it must outlive its futures
    for done in client.create_topics(wanted, request_timeout=60).values():
        done.result(60)


def commit(bootstrap, group, topic, **more):
    """Joins a group, reads a little, commits, leaves."""
    client = consumer(bootstrap, group, **more)
    client.subscribe([topic])
    got = 0
    deadline = time.monotonic() + 60
    while got < 50:
        message = client.poll(0.5)
        assert time.monotonic() < deadline, f"group {group} got {got} records"
        if message is not None and message.error() is None:
            got += 1
    client.commit(asynchronous=False)
    client.close()


def committed(bootstrap, group):
    client = consumer(bootstrap, group)
    topics = [TopicPartition(topic, p) for topic in ("t-none", "t-gzip", "t-lz4") for p in range(2)]
    found = [[one.topic, one.partition, one.offset] for one in client.committed(topics, timeout=30)]
    client.close()
    return found


def transactions(bootstrap):
    client = producer(bootstrap, transactional_id="committing", compression_type="lz4")
    client.init_transactions(60)
    for round_ in range(3):
        client.begin_transaction()
        write(client, "t-transactions", round_ * 100, 100)
        (client.abort_transaction if round_ == 1 else client.commit_transaction)(60)


def leave_open(bootstrap):
    """A transaction that nobody ends: the process dies within it."""
    write(producer(bootstrap), "t-open", 0, 20)
    client = producer(bootstrap, transactional_id="hanging", transaction_timeout_ms=15 * 60000)
    client.init_transactions(60)
    client.begin_transaction()
    write(client, "t-open", 20, 20)
    os._exit(0)


def fill(bootstrap, state):
    for codec in CODECS:
        write(producer(bootstrap, compression_type=codec), f"t-{codec}", 0, 3000)
    write(producer(bootstrap, compression_type="gzip"), "t-recompressed", 0, 500)
    for round_ in range(3):
        write(producer(bootstrap, compression_type="lz4"), "t-compact", round_ * 1500, 1500)
        time.sleep(1.5)
    for topic in ("t-both", "t-append-time", "t-cut"):
        write(producer(bootstrap), topic, 0, 1000)
    for topic in ("t-compact",):  # tombstones
        client = producer(bootstrap)
        client.produce(topic, key="k3", value=None, partition=1)
        client.flush(30)
    client = admin(bootstrap)
    answer = client.delete_records([TopicPartition("t-cut", p, 123) for p in range(2)])
    for done in answer.values():
        done.result(30)
    commit(bootstrap, "g-classic", "t-none")
    commit(bootstrap, "g-consumer", "t-gzip", group_protocol="consumer")
    transactions(bootstrap)


def remember(bootstrap, state):
    """What the broker serves now is what every later stop must serve."""
    known = {"topics": {topic: read(bootstrap, topic) for topic in TOPICS},
             "uncommitted": read(bootstrap, "t-open", "read_uncommitted"),
             "groups": {group: committed(bootstrap, group) for group in ("g-classic", "g-consumer", "g-later")},
             "by_time": by_time(bootstrap)}
    assert len(known["topics"]["t-legacy"]) >= 15, known["topics"]["t-legacy"]
    assert len(known["topics"]["t-none"]) >= 3000 and len(known["topics"]["t-transactions"]) >= 200, known.keys()
    json.dump(known, open(state, "w"))


def by_time(bootstrap):
    client = consumer(bootstrap)
    asked = [TopicPartition("t-zstd", p, 1700000000000 + 1234) for p in range(2)]
    found = [[one.partition, one.offset] for one in client.offsets_for_times(asked, timeout=30)]
    client.close()
    return found


def check(bootstrap, state):
    known = json.load(open(state))
    for topic, records in known["topics"].items():
        now = read(bootstrap, topic)
        if topic in COMPACTED:
            extra = [record for record in now if record not in records]
            assert not extra, f"{topic}: {extra[:3]} was not there"
            assert latest(now) == latest(records), f"{topic}: other last values"
        else:
            assert now == records, f"{topic}: {differ(now, records)}"
    now = read(bootstrap, "t-open", "read_uncommitted")
    assert now == known["uncommitted"], f"t-open: {differ(now, known['uncommitted'])}"
    for group, offsets in known["groups"].items():
        assert committed(bootstrap, group) == offsets, f"{group}: {committed(bootstrap, group)}, not {offsets}"
    assert by_time(bootstrap) == known["by_time"], f"{by_time(bootstrap)}, not {known['by_time']}"
    print(f"all of {sum(len(r) for r in known['topics'].values())} records and the groups' offsets are there")


def latest(records):
    """The last value of each key; a tombstone and no record are the same."""
    last = {}
    for partition, _, _, _, key, value, _ in records:
        last[partition, key] = value
    return {key: value for key, value in last.items() if value is not None}


def differ(now, then):
    for at, (one, other) in enumerate(zip(now, then)):
        if one != other:
            return f"record {at} is {one}, was {other}"
    return f"{len(now)} records, were {len(then)}"


def work(bootstrap, state):
    """New records, an old and a new classic group: the node is no museum."""
    for codec in CODECS:
        write(producer(bootstrap, compression_type=codec), f"t-{codec}", 5000, 200)
    for topic in ("t-compact", "t-append-time", "t-cut", "t-recompressed", "t-legacy"):
        write(producer(bootstrap), topic, 5000, 100)
    commit(bootstrap, "g-classic", "t-none")
    commit(bootstrap, "g-later", "t-lz4")


def end_open(bootstrap, state):
    """Kafka's coordinator still knows the open transaction: its successor aborts it."""
    client = producer(bootstrap, transactional_id="hanging", transaction_timeout_ms=15 * 60000)
    client.init_transactions(60)
    values = [record[5] for record in read(bootstrap, "t-open")]
    assert len(values) == 20, f"{len(values)} records are committed"


if __name__ == "__main__":
    step, bootstrap, state = sys.argv[1:]
    if step in ("leave_open",):
        leave_open(bootstrap)
    globals()[step](bootstrap, state)
