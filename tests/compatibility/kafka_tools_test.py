#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kafka 4.3.1's own command-line tools against cairnd and against a real Kafka: every step is run
against both, and what it prints, normalised, must be the same. A step that only measures is judged by
its own exit code."""
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
    # Cairn does not finalize eligible.leader.replicas.version, with which Kafka turns the cluster's
    # min.insync.replicas into a dynamic configuration.
    (re.compile(r"DYNAMIC_DEFAULT_BROKER_CONFIG:min\.insync\.replicas=1, "), ""),
    (re.compile(r"min\.insync\.replicas=1,"), ""),
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


def normalise(text, extra=()):
    for pattern, replacement in [*NORMAL, *extra]:
        text = pattern.sub(replacement, text)
    return text.strip()


class Comparison:
    def __init__(self, ours, theirs):
        self.ours, self.theirs = ours, theirs
        self.differences, self.steps = [], 0
        self.pool = concurrent.futures.ThreadPoolExecutor(2)

    def both(self, name, *arguments, stdin=None, extra=(), order=False, flag="--bootstrap-server", compare=True):
        """Runs a tool against both brokers; {x} in an argument is that broker's attribute x."""
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
        texts = [normalise(output, extra) for _, output in (ours, theirs)]
        if order:
            texts = ["\n".join(sorted(text.splitlines())) for text in texts]
        label = f"{name} {' '.join(map(str, arguments))}"
        if ours[0] != theirs[0] or (compare and texts[0] != texts[1]):
            diff = "\n".join(difflib.unified_diff(texts[1].splitlines(), texts[0].splitlines(), "kafka", "cairn", "", "", 1))
            self.differences.append(f"{label}\nexit {ours[0]} instead of {theirs[0]}\n{diff}\n"
                                    + ("" if compare else ours[1][-2000:]))
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
    # Cairn flushes before it acknowledges (flush.messages is 1): the one default that differs on purpose.
    durability = [(re.compile(r"(?m)^.*flush\.(messages|interval).*$\n?"), "")]
    c.both("configs", "--describe", "--all", *of_t1, extra=durability)


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
    c.both("get-offsets", "--topic-partitions", "t2:0,t2:1", "--time", "max-timestamp",
           compare=False)  # which record has it depends on how the producer batched


def groups(c):
    c.both("consumer-groups", "--list")
    c.both("consumer-groups", "--describe", "--group", "g1")
    c.both("consumer-groups", "--describe", "--group", "g1", "--state")
    c.both("consumer-groups", "--describe", "--group", "nobody")
    c.both("consumer-groups", "--reset-offsets", "--group", "g1", "--topic", "t1", "--to-offset", 2, "--execute")
    c.both("consumer-groups", "--reset-offsets", "--group", "g1", "--topic", "t1:0", "--shift-by", 3, "--execute")
    c.both("consumer-groups", "--describe", "--group", "g1")
    c.both("consumer-groups", "--delete-offsets", "--group", "g1", "--topic", "t1")
    c.both("consumer-groups", "--delete", "--group", "g1")
    c.both("consumer-groups", "--list")


def records_and_directories(c):
    request = pathlib.Path(c.ours.directory) / "delete.json"
    request.write_text('{"partitions":[{"topic":"t1","partition":0,"offset":3}],"version":1}')
    c.both("delete-records", "--offset-json-file", request)
    c.both("get-offsets", "--topic", "t1", "--time", "earliest")
    size = [(re.compile(r'"size":\d+'), '"size":N')]
    c.both("log-dirs", "--describe", "--topic-list", "t1", extra=size)


def performance(c):
    to = ("--producer-props", "bootstrap.servers={bootstrap}")
    c.both("producer-perf-test", "--topic", "t1", "--num-records", 20000, "--record-size", 200, "--throughput", -1,
           *to, flag=None, compare=False)
    c.both("consumer-perf-test", "--topic", "t1", "--messages", 20000, compare=False)
    c.both("e2e-latency", "--topic", "t1", "--num-records", 200, "--producer-acks", "1", "--record-size", 100,
           compare=False)
    c.both("topics", "--create", "--topic", "compat", "--partitions", 1)
    # ACLs are an API that Kafka answers with "no authorizer"; Cairn does not advertise it yet.
    for broker, has_acls in ((c.ours, "false"), (c.theirs, "true")):
        print(tool("client-compatibility", "--bootstrap-server", broker.bootstrap, "--num-cluster-nodes", 1, "--topic",
                   "compat", "--offsets-for-times-supported", "true", "--cluster-id-supported", "true",
                   "--expect-record-too-large-exception", "false", "--create-topics-supported", "true",
                   "--describe-acls-supported", has_acls, "--describe-configs-supported", "true",
                   "--idempotent-producer-supported", "true").splitlines()[-1])


def quorum(c):
    offsets = [(re.compile(r"(?m)^(LeaderEpoch|HighWatermark|MaxFollowerLag\w*):.*$"), r"\1"),
               (re.compile(r"(?m)^(\d+) (\S+ )?\d+ \d+ "), r"\1 \2"), (re.compile(r"\bADDRESS:\d+\b"), "ADDRESS")]
    c.both("metadata-quorum", "describe", "--status", extra=offsets, compare=False)
    c.both("metadata-quorum", "describe", "--replication", compare=False)
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
    with cairn() as ours, kafka() as theirs:
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
