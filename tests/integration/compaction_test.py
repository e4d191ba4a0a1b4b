#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The cleaner in a real process. kill -9 in a loop while it works: the latest value of every key stays, a
record keeps its offset for ever, tombstones go after delete.retention.ms and not with them what they
deleted, the log's end and the last sequence of a producer stay. Then Kafka's dump-log reads every file, and
the same records in a real Kafka leave the same survivors; these two are skipped by name without a JVM.

    compaction_test.py [ROUNDS]
"""
import gzip
import pathlib
import random
import shutil
import struct
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import kafka_process  # noqa: E402
from cairn_process import cairn, wait_until  # noqa: E402
from wire import INIT_PRODUCER_ID, NOT_LEADER_OR_FOLLOWER, Client, Cursor, record_batch, string  # noqa: E402

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 8
KEYS = 60
ALWAYS_DUE = {"cleanup_policy": "compact", "min_cleanable_dirty_ratio": "0.0001", "segment_ms": 100}
GZIP = 1


def records(data):
    """(offset, key, value) of batches without a codec or with gzip; markers and what is cut short left out."""
    at = 0
    while at + 61 <= len(data):
        base, length = struct.unpack_from(">qi", data, at)
        if at + 12 + length > len(data):
            break
        attributes, count = struct.unpack_from(">h", data, at + 21)[0], struct.unpack_from(">i", data, at + 57)[0]
        payload = data[at + 61:at + 12 + length]
        cursor = Cursor(gzip.decompress(payload) if attributes & 7 == GZIP else payload)
        for _ in range(count):
            cursor.varint(), cursor.take(1), cursor.varint()
            delta, parts = cursor.varint(), []
            for _ in range(2):
                size = cursor.varint()
                parts.append(cursor.take(size) if size >= 0 else None)
            assert cursor.varint() == 0, "no headers were sent"
            yield base + delta, *parts
        at += 12 + length


def next_offset(data):
    """Behind the last whole batch, also where that is empty."""
    at, end = 0, None
    while at + 61 <= len(data):
        base, length = struct.unpack_from(">qi", data, at)
        if at + 12 + length > len(data):
            break
        end = base + struct.unpack_from(">i", data, at + 23)[0] + 1
        at += 12 + length
    return end


def read_all(client, topic, partition=0):
    """{offset: (key, value)} of the whole log, and where it ends."""
    found, offset = {}, 0
    deadline = time.monotonic() + 30
    while True:
        code, high_watermark, data = client.fetch(topic, partition, offset)
        if code == NOT_LEADER_OR_FOLLOWER and time.monotonic() < deadline:  # its log still recovers
            time.sleep(0.01)
            continue
        assert code == 0, code
        if offset >= high_watermark:
            return found, high_watermark
        for at, key, value in records(data):
            if at >= offset:
                found[at] = (key, value)
        offset = next_offset(data)


def keyed_batch(pairs, producer=(-1, -1, -1), codec=0):
    plain = record_batch([value for _, value in pairs], keys=[key for key, _ in pairs], producer=producer)
    if codec == 0:
        return plain
    return record_batch([value for _, value in pairs], producer=producer, attributes=codec,
                        payload=gzip.compress(plain[61:]))


def new_producer_id(client):
    def given():
        answer = client.call(INIT_PRODUCER_ID, 1, string(None) + struct.pack(">i", 60000))
        answer.take(4)
        code, producer = answer.number("h"), (answer.number("q"), answer.number("h"))
        return producer if code == 0 else None
    return wait_until(given, 20, "a producer id")


class Load(threading.Thread):
    """Overwrites and deletes keys until the connection breaks; keeps what was acknowledged, by offset."""

    def __init__(self, bootstrap, partition, acknowledged, sent):
        super().__init__(daemon=True)
        self.bootstrap, self.partition = bootstrap, partition
        self.acknowledged, self.sent = acknowledged, sent

    def run(self):
        try:
            client = Client(self.bootstrap)
            while True:
                pairs = []
                for _ in range(random.randrange(1, 6)):
                    value = b"%d-%s" % (random.getrandbits(60), b"x" * random.randrange(400))
                    pairs.append((b"key-%d" % random.randrange(KEYS), None if random.random() < 0.1 else value))
                self.sent.update(pairs)
                code, base = client.produce("load", self.partition, keyed_batch(pairs, codec=random.choice((0, GZIP))))
                if code == 0:
                    self.acknowledged.update({base + i: pair for i, pair in enumerate(pairs)})
        except (OSError, AssertionError):
            pass


def check(partition, found, seen, acknowledged, sent):
    """What is read now against all that was ever read, acknowledged and sent."""
    for offset, pair in found.items():
        known = acknowledged.get(offset, seen.get(offset))
        assert known is None or known == pair, f"partition {partition}: offset {offset} changed"
        assert known is not None or pair in sent, f"partition {partition}: {pair} was never sent"
    seen.update(found)
    latest, now = {}, {}
    for offset, (key, _) in sorted({**seen, **acknowledged}.items()):
        latest[key] = offset
    for offset, (key, _) in sorted(found.items()):
        now[key] = offset
    for key, offset in latest.items():
        value = seen[offset][1] if offset in seen else acknowledged[offset][1]
        if value is not None:
            assert now.get(key) == offset, f"partition {partition}: {key} is at {now.get(key)}, not {offset}"
        else:
            assert now.get(key, offset) == offset, f"partition {partition}: {key} came back at {now[key]}"


def cleanings(node):
    return node.log.read_text(errors="replace").count("cleaned: partition=load")


def killed_while_it_cleans():
    seed = random.randrange(1 << 32)
    random.seed(seed)
    print(f"seed {seed}")
    partitions = 2
    acknowledged, seen = [{} for _ in range(partitions)], [{} for _ in range(partitions)]
    sent = [set() for _ in range(partitions)]
    # Slow enough to be met in the middle of its work.
    with cairn(log_cleaner_backoff_ms=5, log_cleaner_io_max_bytes_per_second=1 << 20) as node:
        client = Client(node.bootstrap)
        assert client.create_topic("load", partitions, delete_retention_ms=1500, **ALWAYS_DUE) == 0
        producer, epoch = new_producer_id(client)
        lone = keyed_batch([(b"lone", b"1")], (producer, epoch, 0))
        assert client.produce("load", 0, lone) == (0, 0)
        acknowledged[0][0] = (b"lone", b"1")
        for round_ in range(ROUNDS):
            load = [Load(node.bootstrap, p, acknowledged[p], sent[p]) for p in range(partitions)]
            for thread in load:
                thread.start()
            if round_ % 2:  # else a loaded machine may never get to the end of one
                wait_until(lambda before=cleanings(node): cleanings(node) > before, 60, "a log to be cleaned")
            time.sleep(random.uniform(0.1, 1.2))
            node.kill()
            for thread in load:
                thread.join(10)
            node.start()
            client = Client(node.bootstrap)
            for p in range(partitions):
                found, end = read_all(client, "load", p)
                assert end > max(acknowledged[p]), f"round {round_}: the log ends at {end}"
                check(p, found, seen[p], acknowledged[p], sent[p])
        assert cleanings(node) >= ROUNDS // 2, "hardly anything was cleaned"
        assert client.produce("load", 0, lone) == (0, 0), "the producer's last sequence is forgotten"
        tombstones_go(client, seen, acknowledged, sent)
        count = cleanings(node)
        node.stop()
        dump(node)
        node.start()
        print(f"{ROUNDS} kills, {count} cleanings, {sum(map(len, acknowledged))} acknowledged records, "
              f"{sum(map(len, seen))} seen, nothing lost")


def tombstones_go(client, seen, acknowledged, sent):
    """Those of before the last record of this moment; new records keep the cleaner busy."""
    bound = [max(each) for each in acknowledged]
    deadline = time.monotonic() + 60
    while True:
        old = 0
        for p, end in enumerate(bound):
            pair = (b"key-%d" % random.randrange(KEYS), b"late")
            sent[p].add(pair)
            code, base = client.produce("load", p, keyed_batch([pair]))
            assert code == 0
            acknowledged[p][base] = pair
            found, _ = read_all(client, "load", p)
            check(p, found, seen[p], acknowledged[p], sent[p])
            old += sum(value is None for offset, (_, value) in found.items() if offset <= end)
        if old == 0:
            return
        assert time.monotonic() < deadline, f"{old} tombstones are still there"
        time.sleep(0.3)


def jvm():
    return shutil.which("java") and any(kafka_process.JARS.glob("kafka-tools-*.jar"))


def dump(node):
    """Kafka's own reader goes over every file that is left."""
    if not jvm():
        print("SKIPPED kafka dump-log: no java, or no jars of Kafka")
        return
    files = [str(p) for folder in ("load-0", "load-1") for p in sorted((node.directory / "data" / folder).iterdir())
             if p.suffix in (".log", ".index", ".timeindex", ".snapshot")]
    printed = kafka_process.tool("dump-log", "--deep-iteration", "--files", ",".join(files))
    for word in ("Found", "mismatch", "corrupt", "Exception", "isvalid: false"):
        assert word not in printed, printed[printed.index(word) - 200:][:600]
    assert printed.count("Dumping") == len(files), printed[-500:]
    print(f"dump-log: {len(files)} files are sound")


def survivors(bootstrap, topic, count):
    """As Kafka's own consumer reads them."""
    printed = kafka_process.tool(
        "console-consumer", "--bootstrap-server", bootstrap, "--topic", topic, "--partition", 0, "--offset", "earliest",
        "--max-messages", count, "--timeout-ms", 30000, "--property", "print.key=true", "--property",
        "print.offset=true")
    return sorted(line for line in printed.splitlines() if line.startswith("Offset:"))


def same_survivors_as_kafka():
    """The same records into both. The last one is alone in the active segment, so all before it is compacted."""
    if not jvm():
        print("SKIPPED side by side with Kafka: no java, or no jars of Kafka")
        return
    settings = {"log_cleaner_backoff_ms": 100, "log_initial_task_delay_ms": 100}
    rounds = [[(b"key-%d" % (i * 7 % 23), None if i % 11 == 0 else b"%d-%d" % (r, i)) for i in range(200)] for r in range(4)]
    with cairn(**settings) as ours, kafka_process.kafka(**settings) as theirs:
        def write(bootstrap, topic, codec):
            client = Client(bootstrap)
            assert client.create_topic(topic, delete_retention_ms=600000, **ALWAYS_DUE) == 0
            producer, sequence = (*new_producer_id(client),), 0
            wait_until(lambda: client.produce(topic, 0, keyed_batch([(b"first", b"")]))[0] == 0, 20, "a leader")
            for pairs in rounds:
                for i in range(0, len(pairs), 10):
                    part = pairs[i:i + 10]
                    code, _ = client.produce(topic, 0, keyed_batch(part, (*producer, sequence), codec))
                    assert code == 0, code
                    sequence += len(part)
                time.sleep(0.3)
            assert client.produce(topic, 0, keyed_batch([(b"roll", b"")]))[0] == 0

        def stable(bootstrap, topic):
            client, last = Client(bootstrap), [None, 0]

            def settled():
                found, end = read_all(client, topic)
                last[:] = [found, last[1] + 1 if found == last[0] else 0]
                time.sleep(0.5)
                return len({key for key, _ in found.values()}) == len(found) and last[1] >= 2
            wait_until(settled, 90, f"the compaction of {topic} at {bootstrap}")

        for topic, codec in (("plain", 0), ("gzip", GZIP)):
            for node in (ours, theirs):
                write(node.bootstrap, topic, codec)
            results = []
            for node in (ours, theirs):
                stable(node.bootstrap, topic)
                results.append(read_all(Client(node.bootstrap), topic))
            assert results[0] == results[1], f"{topic}: {results}"
            found, end = results[0]
            printed = [survivors(node.bootstrap, topic, len(found)) for node in (ours, theirs)]
            assert len(printed[0]) == len(found) and printed[0] == printed[1], f"{topic}: {printed}"
            print(f"{topic}: {len(found)} of {end} records survive in both, "
                  f"{sum(value is None for _, value in found.values())} of them tombstones")


if __name__ == "__main__":
    killed_while_it_cleans()
    same_survivors_as_kafka()
