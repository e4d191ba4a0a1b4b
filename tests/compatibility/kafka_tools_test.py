#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kafka 4.3.1's own command-line tools against cairnd and against a real Kafka: every step is run
against both, and what it prints must be the same, but for what differs by nature (times, ids, ports,
measurements: NORMAL and the `extra` of a step) and the defaults that differ on purpose (ON_PURPOSE)."""
import concurrent.futures
import difflib
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cairn_process import cairn  # noqa: E402
from kafka_process import TOOLS, java, kafka, need_jars, tool  # noqa: E402

NORMAL = [
    (re.compile(r"console-consumer-\d+"), "console-consumer-N"),
    (re.compile(r"127\.0\.0\.1:\d+"), "ADDRESS"),
    (re.compile(r"localhost/127\.0\.0\.1:\d+|localhost:\d+|/127\.0\.0\.1"), "ADDRESS"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "UUID"),
    (re.compile(r"(?<![\w-])[A-Za-z0-9_-]{22}(?![\w-])"), "ID"),
    (re.compile(r"/tmp/[\w./-]+"), "PATH"),
    (re.compile(r"\b1[6-9]\d{11}\b"), "TIME"),
    (re.compile(r"(LastFetchTimestamp|LastCaughtUpTimestamp)\s*:?\s*\S+"), r"\1"),
    (re.compile(r"[ \t]+"), " "),
    (re.compile(r"(?m)^\[\d{4}-\d\d-\d\d.*$\n?"), ""),
    (re.compile(r"(?m) $"), ""),
]

# What Cairn prints, and what Kafka does in its place: Cairn flushes before it acknowledges.
NEVER = 9223372036854775807
ON_PURPOSE = [
    ("flush.messages=1 sensitive=false synonyms={DEFAULT_CONFIG:log.flush.interval.messages=1}",
     f"flush.messages={NEVER} sensitive=false synonyms={{DEFAULT_CONFIG:log.flush.interval.messages={NEVER}}}"),
    ("log.flush.interval.messages=1 sensitive=false synonyms={DEFAULT_CONFIG:log.flush.interval.messages=1}",
     f"log.flush.interval.messages={NEVER} sensitive=false synonyms={{DEFAULT_CONFIG:log.flush.interval.messages={NEVER}}}"),
]
NUMBER = r"\d+(?:\.\d+)?"


def normalise(text, extra=()):
    for pattern, replacement in [*NORMAL, *extra]:
        text = pattern.sub(replacement, text)
    return text.strip()


class Comparison:
    def __init__(self, ours, theirs):
        self.ours, self.theirs = ours, theirs
        self.differences, self.steps = [], 0
        self.pool = concurrent.futures.ThreadPoolExecutor(2)

    def both(self, name, *arguments, stdin=None, extra=(), order=False, flag="--bootstrap-server", on_purpose=()):
        """Runs a tool against both brokers; {x} in an argument is that broker's attribute x. Each of the
        differences named `on_purpose` must be there."""
        self.steps += 1
        began = time.monotonic()

        def against(broker):
            filled = [str(a).format(bootstrap=broker.bootstrap, directory=broker.directory) for a in arguments]
            if flag:
                filled = [flag, broker.bootstrap, *filled]
            done = subprocess.run(java(TOOLS[name], *filled), input=stdin, text=True, timeout=120,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            return done.returncode, done.stdout

        ours, theirs = self.pool.map(against, (self.ours, self.theirs))
        our_text = ours[1]
        for here, there in on_purpose:
            assert here in our_text, f"{here!r} is no longer printed"
            our_text = our_text.replace(here, there)
        texts = [normalise(output, extra) for output in (our_text, theirs[1])]
        if order:
            texts = ["\n".join(sorted(text.splitlines())) for text in texts]
        label = f"{name} {' '.join(map(str, arguments))}"
        if ours[0] != theirs[0] or texts[0] != texts[1]:
            diff = "\n".join(difflib.unified_diff(texts[1].splitlines(), texts[0].splitlines(), "kafka", "cairn", "", "", 1))
            self.differences.append(f"{label}\nexit {ours[0]} instead of {theirs[0]}\n{diff}\n")
            print(f"DIFFERS {label}", flush=True)
        else:
            print(f"same    {label[:110]} ({time.monotonic() - began:.1f} s)", flush=True)
        return ours[1]


def topics(c):
    c.both("topics", "--create", "--topic", "t1", "--partitions", 3, "--config", "retention.ms=3600000")
    c.both("topics", "--create", "--topic", "t2", "--partitions", 2, "--config", "cleanup.policy=compact")
    c.both("topics", "--create", "--topic", "t1")
    c.both("topics", "--create", "--topic", "no/good")
    c.both("topics", "--create", "--topic", "t3", "--replication-factor", 2)
    c.both("topics", "--create", "--topic", "t3", "--partitions", 0)
    c.both("topics", "--create", "--topic", "t3", "--config", "no.such.config=1")
    c.both("topics", "--create", "--topic", "t3", "--config", "retention.ms=soon")
    c.both("topics", "--list")
    c.both("topics", "--describe")
    c.both("topics", "--describe", "--topic", "missing")
    c.both("topics", "--alter", "--topic", "t2", "--partitions", 4)
    c.both("topics", "--alter", "--topic", "t2", "--partitions", 2)
    c.both("topics", "--describe", "--topic", "t2")


def configs(c):
    of_t1 = ("--entity-type", "topics", "--entity-name", "t1")
    c.both("configs", "--describe", *of_t1)
    c.both("configs", "--alter", *of_t1, "--add-config", "segment.bytes=1048576,max.message.bytes=2000000")
    c.both("configs", "--alter", *of_t1, "--delete-config", "retention.ms")
    c.both("configs", "--describe", *of_t1)
    c.both("configs", "--alter", *of_t1, "--add-config", "segment.bytes=none")
    c.both("configs", "--describe", "--all", *of_t1, on_purpose=ON_PURPOSE[:1])
    # How the quorum's voters are found is configured differently in the two.
    quorum = [(re.compile(r"(?m)^ *controller\.quorum\.(voters|bootstrap\.servers)=.*$\n?"), "")]
    c.both("configs", "--describe", "--all", "--entity-type", "brokers", "--entity-name", 1, extra=quorum,
           on_purpose=ON_PURPOSE[1:])
    of_broker, of_all = ("--entity-type", "brokers", "--entity-name", 1), ("--entity-type", "brokers", "--entity-default")
    c.both("configs", "--alter", *of_broker, "--add-config", "max.connections=5000,log.retention.ms=86400000")
    c.both("configs", "--alter", *of_all, "--add-config", "log.retention.ms=172800000,message.max.bytes=2000000")
    for entity in (of_broker, of_all, of_t1):
        c.both("configs", "--describe", *entity)
    c.both("configs", "--describe", "--all", *of_t1, on_purpose=ON_PURPOSE[:1])
    c.both("configs", "--alter", *of_broker, "--add-config", "num.partitions=7")
    c.both("configs", "--alter", *of_broker, "--add-config", "log.retention.ms=soon")
    c.both("configs", "--alter", *of_broker, "--delete-config", "max.connections,log.retention.ms")
    c.both("configs", "--alter", *of_all, "--delete-config", "log.retention.ms,message.max.bytes")
    for entity in (of_broker, of_all):
        c.both("configs", "--describe", *entity)


def produce_and_consume(c):
    lines = "".join(f"k{i % 5}:value {i}\n" for i in range(100))
    c.both("console-producer", "--topic", "t1", "--property", "parse.key=true", "--property", "key.separator=:",
           stdin=lines)
    for codec in ("gzip", "snappy", "lz4", "zstd"):
        c.both("console-producer", "--topic", "t2", "--compression-codec", codec, "--property", "parse.key=true",
               "--property", "key.separator=:", stdin=lines)
    c.both("console-consumer", "--topic", "t1", "--from-beginning", "--max-messages", 100, "--property",
           "print.key=true", "--property", "print.partition=true", "--group", "g1", order=True)
    c.both("console-consumer", "--topic", "t1", "--partition", 1, "--offset", 5, "--max-messages", 3, "--property",
           "print.offset=true")
    c.both("console-consumer", "--topic", "t2", "--from-beginning", "--max-messages", 400, order=True)
    c.both("get-offsets", "--topic", "t1")
    c.both("get-offsets", "--topic", "t1", "--time", "earliest")
    c.both("topics", "--create", "--topic", "times", "--partitions", 1)
    for value in ("one", "two", "three"):  # each in a batch of its own, at a time of its own
        c.both("console-producer", "--topic", "times", stdin=f"{value}\n")
    for time_ in ("max-timestamp", "latest", "earliest", "earliest-local", "latest-tiered", 0, 4102444800000):
        c.both("get-offsets", "--topic", "times", "--time", time_)


def groups(c):
    c.both("consumer-groups", "--list", order=True)  # by ids that are drawn
    c.both("consumer-groups", "--describe", "--group", "g1")
    c.both("consumer-groups", "--describe", "--group", "g1", "--state")
    c.both("consumer-groups", "--describe", "--group", "nobody")
    c.both("consumer-groups", "--reset-offsets", "--group", "g1", "--topic", "t1", "--to-offset", 2, "--execute")
    c.both("consumer-groups", "--reset-offsets", "--group", "g1", "--topic", "t1:0", "--shift-by", 3, "--execute")
    c.both("consumer-groups", "--describe", "--group", "g1")
    c.both("consumer-groups", "--delete-offsets", "--group", "g1", "--topic", "t1")
    c.both("consumer-groups", "--delete", "--group", "g1")
    c.both("consumer-groups", "--list", order=True)  # by ids that are drawn


def records_and_directories(c):
    request = pathlib.Path(c.ours.directory) / "delete.json"
    request.write_text('{"partitions":[{"topic":"t1","partition":0,"offset":3}],"version":1}')
    c.both("delete-records", "--offset-json-file", request)
    c.both("get-offsets", "--topic", "t1", "--time", "earliest")
    size = [(re.compile(r'"size":\d+'), '"size":N')]
    c.both("log-dirs", "--describe", "--topic-list", "t1", extra=size)


def performance(c):
    to = ("--producer-props", "bootstrap.servers={bootstrap}")
    c.both("topics", "--create", "--topic", "perf", "--partitions", 3)
    c.both("producer-perf-test", "--topic", "perf", "--num-records", 20000, "--record-size", 200, "--throughput", -1,
           *to, flag=None, extra=[(re.compile(f"{NUMBER} (records/sec|MB/sec|ms)"), r"N \1")])
    # Times and rates; how much was read is compared.
    rates = [(re.compile(rf"(?m)^\S+ \S+, \S+ \S+, ({NUMBER}), {NUMBER}, (\d+), .*$"), r"\1 MB, \2 records")]
    c.both("consumer-perf-test", "--topic", "perf", "--messages", 20000, extra=rates)
    c.both("e2e-latency", "--topic", "perf", "--num-records", 200, "--producer-acks", "1", "--record-size", 100,
           extra=[(re.compile(rf"(\t| |= ){NUMBER}"), r"\1N")])
    c.both("topics", "--create", "--topic", "compat", "--partitions", 1)
    # ACLs are an API that Kafka answers with "no authorizer"; Cairn does not advertise it yet.
    for broker, has_acls in ((c.ours, "false"), (c.theirs, "true")):
        print(tool("client-compatibility", "--bootstrap-server", broker.bootstrap, "--num-cluster-nodes", 1, "--topic",
                   "compat", "--offsets-for-times-supported", "true", "--cluster-id-supported", "true",
                   "--expect-record-too-large-exception", "false", "--create-topics-supported", "true",
                   "--describe-acls-supported", has_acls, "--describe-configs-supported", "true",
                   "--idempotent-producer-supported", "true").splitlines()[-1])


def quorum(c):
    # How many records the log has; epoch, lag, voters, observers, roles and their layout are compared.
    c.both("metadata-quorum", "describe", "--status", extra=[(re.compile(r"HighWatermark: \d+"), "HighWatermark: N")])
    c.both("metadata-quorum", "describe", "--replication", extra=[(re.compile(r"(?m)^(1 \S+) \d+ "), r"\1 N ")])
    c.both("topics", "--delete", "--topic", "t2")
    c.both("topics", "--list")


def dump(directory):
    """dump-log reads every file we wrote and finds nothing wrong."""
    data = pathlib.Path(directory) / "data"
    files = [f for pattern in ("*.log", "*.index", "*.timeindex", "*.snapshot") for f in sorted(data.glob(f"t1-*/{pattern}"))]
    files += sorted(data.glob("__consumer_offsets-*/*.log"))[:3]
    logs = [f for f in files if f.suffix == ".log"]
    assert len(files) >= 12, files
    text = tool("dump-log", "--deep-iteration", "--files", ",".join(map(str, files)))
    for bad in ("Found", "Invalid", "invalid", "mismatch", "Exception", "isValid: false"):
        assert bad not in text, text[max(0, text.index(bad) - 1000):][:3000]
    assert "value 99" not in text and "offset: 0" in text
    text = tool("dump-log", "--cluster-metadata-decoder", "--files",
                ",".join(map(str, sorted(data.glob("__cluster_metadata-0/*.log")))))
    for needed in ("FEATURE_LEVEL_RECORD", "REGISTER_BROKER_RECORD", "TOPIC_RECORD", "PARTITION_RECORD"):
        assert needed in text, text[:3000]
    print(f"same    dump-log: {len(files)} files, {len(logs)} logs, and the metadata log")


def main():
    need_jars()
    alike = {f"{topic}.{key}": 1 for topic in ("transaction.state.log", "share.coordinator.state.topic")
             for key in ("replication.factor", "min.isr")}
    with cairn(**alike) as ours, kafka() as theirs:
        comparison = Comparison(ours, theirs)
        for part in (topics, configs, produce_and_consume, groups, records_and_directories, performance, quorum):
            if len(sys.argv) < 2 or part.__name__ in sys.argv[1:] or part in (topics, produce_and_consume):
                part(comparison)
        ours.stop()
        dump(ours.directory)
        ours.start()
    for difference in comparison.differences:
        print(f"\n=== {difference}")
    print(f"{comparison.steps} steps, {len(comparison.differences)} differ")
    sys.exit(1 if comparison.differences else 0)


if __name__ == "__main__":
    main()
