#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A log directory goes from Kafka 4.3.1 to cairnd, back to Kafka, and to cairnd again. At each stop clients find
every record, offset, timestamp, committed offset and producer as they were, and write more; between the stops
Kafka's dump-log and `cairn log verify` look at every file. With a static quorum (kraft.version 0) and a dynamic
one (1), both at once; what Kafka finalizes by default and Cairn does not serve stays finalized, and ACLs, SCRAM
credentials, delegation tokens and quotas stay as they were."""
import contextlib
import gzip
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import wire  # noqa: E402
from cairn_process import CACHE, CAIRN, Cairn, free_port, run, skip  # noqa: E402
from kafka_process import Kafka, Toolbox, java, need_jars, TOOLS  # noqa: E402

UNSERVED = {"group.version": "1", "transaction.version": "2", "share.version": "1", "streams.version": "1"}
ELR = "eligible.leader.replicas.version"
PYTHON = CACHE / "python/bin/python"


def message(offset, magic, key, value, codec=0, base=0):
    nullable = lambda data: struct.pack(">i", -1) if data is None else struct.pack(">i", len(data)) + data  # noqa: E731
    body = struct.pack(">bb", magic, codec) + (struct.pack(">q", 1600000000000 + base + offset) if magic else b"")
    body += nullable(key) + nullable(value)
    return struct.pack(">qiI", offset, len(body) + 4, zlib.crc32(body)) + body


class Journey:
    def __init__(self, directory, kraft_version):
        self.directory = pathlib.Path(directory)
        self.kraft_version = kraft_version
        self.tool = Toolbox(self.directory / "tools.log")
        self.kafka = Kafka(directory, kraft_version, self.tool, log_cleaner_backoff_ms=500,
                           log_flush_offset_checkpoint_interval_ms=1000)
        self.cairn = Cairn(directory)
        self.cairn.port, self.cairn.controller_port = self.kafka.port, self.kafka.controller_port
        self.cairn.settings = {**self.kafka.settings,
                               "cairn.http.listener": f"127.0.0.1:{self.cairn.http_port}",
                               "metadata.log.max.record.bytes.between.snapshots": 2000}
        self.sasl_port = free_port()
        self.kafka.settings.update(self.security())
        self.secured = None  # what Kafka says of ACLs, credentials, tokens and quotas
        self.data = self.directory / "data"
        self.producer = None  # id and epoch of the raw idempotent producer
        self.sent = 0
        self.began = int(time.time() * 1000)  # older producers would be forgotten

    def say(self, text):
        self.lap, seconds = time.monotonic(), time.monotonic() - self.lap
        print(f"{self.kraft_version}: {seconds:5.1f} s {text}\n", end="", flush=True)

    def client(self, step, seconds=240):
        said = run(PYTHON, HERE / "python/takeover.py", step, self.kafka.bootstrap, self.directory / "state.json",
                   seconds=seconds).strip()
        self.say(f"{step}: {said or 'done'}")

    # ---- what Cairn keeps for Kafka ----

    def security(self):
        """Kafka's settings, which Cairn would refuse to pretend to serve."""
        return {
            "listeners": f"{self.kafka.settings['listeners']},SASL://127.0.0.1:{self.sasl_port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT",
            "sasl.enabled.mechanisms": "SCRAM-SHA-256",
            "listener.name.sasl.scram-sha-256.sasl.jaas.config":
                "org.apache.kafka.common.security.scram.ScramLoginModule required;",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS;User:alice",
            "delegation.token.secret.key": "takeover",
        }

    def as_alice(self):
        path = self.directory / "alice.properties"
        path.write_text("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-256\nsasl.jaas.config=org.apache."
                        "kafka.common.security.scram.ScramLoginModule required username=alice password=secret;\n")
        return ("--bootstrap-server", f"127.0.0.1:{self.sasl_port}", "--command-config", path)

    def secure(self):
        server = ("--bootstrap-server", self.kafka.bootstrap)
        self.tool("configs", *server, "--alter", "--entity-type", "clients", "--entity-name", "c1", "--add-config",
                  "producer_byte_rate=1000000")
        self.tool("acls", *server, "--add", "--allow-principal", "User:bob", "--operation", "Read", "--topic", "t-none")
        self.tool("delegation-tokens", *self.as_alice(), "--create", "--max-life-time-period", "-1",
                  "--renewer-principal", "User:bob")

    def check_secured(self):
        """SCRAM by who may log in; the rest by what Kafka lists."""
        server = ("--bootstrap-server", self.kafka.bootstrap)
        now = [self.tool("acls", *server, "--list"),
               self.tool("delegation-tokens", *self.as_alice(), "--describe", "--owner-principal", "User:alice"),
               *(self.tool("configs", *server, "--describe", "--entity-type", kind) for kind in ("users", "clients"))]
        for part, word in zip(now, ("User:bob", "User:alice", "SCRAM-SHA-256", "producer_byte_rate=1000000")):
            assert word in part, part
        self.secured = self.secured or now
        assert self.secured == now, (self.secured, now)
        self.say("ACLs, tokens, SCRAM credentials and quotas are as they were")

    # ---- producers, by hand: what a client library would hide ----

    def raw_produce(self, sequence):
        """A batch of three of our producer: (error, base offset)."""
        client = wire.Client(self.kafka.bootstrap)
        batch = wire.record_batch([b"raw %d" % (sequence + i) for i in range(3)], self.began + sequence,
                                  (*self.producer, sequence))
        try:
            return client.produce("t-raw", 0, batch)
        finally:
            client.close()

    def begin_producer(self):
        client = wire.Client(self.kafka.bootstrap)
        answer = client.call(wire.INIT_PRODUCER_ID, 0, wire.string(None) + struct.pack(">i", 60000))
        answer.take(4)
        assert answer.number("h") == 0
        self.producer = (answer.number("q"), answer.number("h"))
        client.close()
        for self.sent in (3, 6, 9):
            assert self.raw_produce(self.sent - 3) == (0, self.sent - 3)

    def go_on_producing(self):
        """A retry is known as one, a gap is refused, the next batch follows."""
        assert self.raw_produce(self.sent - 3) == (0, self.sent - 3), "a retry of the last batch was not recognised"
        assert self.raw_produce(self.sent + 3)[0] == 45, "a gap was not refused"
        assert self.raw_produce(self.sent) == (0, self.sent)
        self.sent += 3
        self.say(f"producer {self.producer[0]}: a retry, a gap and the next batch are told apart")

    # ---- between the stops ----

    def look_at_files(self):
        logs = sorted(self.data.glob("*/*.log"))
        others = [*sorted(self.data.glob("*/*.index")), *sorted(self.data.glob("*/*.timeindex")),
                  *sorted(self.data.glob("*/*.txnindex")), *sorted(self.data.glob("*/*.snapshot"))]
        snapshots = sorted(self.data.glob("__cluster_metadata-0/*.checkpoint"))
        for files, options in ((logs, ["--deep-iteration"]), (others, ["--verify-index-only"]),
                               (snapshots, ["--cluster-metadata-decoder"])):
            if not files:
                continue
            output = self.tool("dump-log", *options, "--files", ",".join(map(str, files)), seconds=300)
            for bad in ("Found", "Invalid", "mismatch", "Exception", "isValid: false", "not sane"):
                assert bad not in output, output[max(0, output.index(bad) - 1000):][:3000]
        output = run(CAIRN, "log", "verify", "--quiet", self.data, seconds=300)
        self.say(f"{len(logs)} logs and {len(others) + len(snapshots)} other files are sound; verify says: "
                 f"{output.strip() or 'nothing'}")

    def features(self):
        output = self.tool("features", "--bootstrap-server", self.kafka.bootstrap, "describe")
        return dict(re.findall(r"Feature: (\S+)\s.*FinalizedVersionLevel: (\S+)", output))

    def plant_old_formats(self):
        """A segment of messages of magic 0 and 1, as a cluster older than 0.11 left it."""
        plain = [message(i, 0, b"k%d" % i, b"old %d" % i) for i in range(5)]
        plain += [message(i, 1, b"k%d" % i, b"newer %d" % i) for i in range(5, 10)]
        inner = b"".join(message(i, 1, None, b"packed %d" % i, base=10) for i in range(5))  # offsets count from 0
        plain.append(message(14, 1, None, gzip.compress(inner), codec=1))
        folder = self.data / "t-legacy-0"
        for old in [*folder.glob("*.index"), *folder.glob("*.timeindex")]:
            old.unlink()
        (folder / "00000000000000000000.log").write_bytes(b"".join(plain))

    # ---- the stops ----

    def begin_on_kafka(self):
        self.kafka.format("--add-scram", "SCRAM-SHA-256=[name=alice,password=secret]")
        self.kafka.start()
        self.say("Kafka is formatted and started")
        self.client("create")
        share = subprocess.Popen([*java(TOOLS["console-share-consumer"]), "--bootstrap-server", self.kafka.bootstrap,
                                  "--topic", "t-none", "--group", "g-share", "--timeout-ms", "8000"],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.client("fill")
        self.begin_producer()
        self.secure()
        self.client("leave_open")
        share.wait(60)
        self.kafka.stop()
        self.plant_old_formats()
        self.kafka.start()
        self.client("remember")
        self.check_secured()
        assert UNSERVED.items() <= self.features().items(), self.features()
        self.kafka.stop()

    def stop_on_cairn(self):
        before = self.cairn.log.stat().st_size if self.cairn.log.exists() else 0
        self.cairn.start()
        said = self.cairn.log.read_text()[before:]
        lines = [line for line in said.splitlines() if "not served by this version" in line]
        assert len(lines) == 1 and all(f"{n}={l}" in lines[0] for n, l in UNSERVED.items()), said
        held = [line for line in said.splitlines() if "without effect here" in line]
        kept = "1 ACL, 1 SCRAM credential, 1 delegation token, 1 client quota"
        assert len(held) == 1 and held[0].endswith(kept), said
        self.say(f"{lines[0]}\n{held[0]}")
        finalized = self.features()
        assert finalized["metadata.version"] == "4.3-IV0" and not UNSERVED.keys() & finalized.keys(), finalized
        assert finalized["kraft.version"] == str(self.kraft_version) and finalized[ELR] == "1", finalized
        self.client("check")
        self.go_on_producing()
        self.client("work")
        self.client("remember")
        self.cairn.stop()

    def stop_on_kafka(self, last=False):
        self.kafka.start()
        finalized = self.features()
        assert UNSERVED.items() <= finalized.items(), finalized
        self.check_secured()
        self.client("check")
        self.go_on_producing()
        if last:
            self.client("end_open")
        self.client("work")
        self.client("remember")
        self.kafka.stop()
        kafka_log = (self.directory / "kafka.log").read_text(errors="replace")
        for bad in ("-stray", "Error while loading", "Found invalid messages", "marked as failed"):
            assert bad not in kafka_log, kafka_log[max(0, kafka_log.index(bad) - 500):][:2000]

    def crash_cairn(self):
        """kill -9 in the middle of it all: with ELR finalized the only replica must come back as leader."""
        self.cairn.start()
        self.client("work")
        self.client("remember")
        self.cairn.kill()
        self.cairn.start()
        self.client("check")
        self.cairn.stop()

    def travel(self):
        self.lap = time.monotonic()
        steps = ((self.begin_on_kafka, {}), (self.stop_on_cairn, {}), (self.stop_on_kafka, {}),
                 (self.stop_on_cairn, {}), (self.crash_cairn, {}), (self.stop_on_kafka, {"last": True}))
        if self.kraft_version == 0:  # there and back once: what differs is the quorum's files
            steps = (*steps[:2], steps[-1])
        for step, options in steps:
            self.say(f"---- {step.__name__} (kraft.version {self.kraft_version})")
            step(**options)
            self.look_at_files()


def travel(kraft_version, failed):
    directory = pathlib.Path(tempfile.mkdtemp(prefix="cairn-test-takeover-"))
    journey = Journey(directory, kraft_version)
    try:
        journey.travel()
    except BaseException:
        failed.append(kraft_version)
        text = [f"kraft.version {kraft_version}:\n{traceback.format_exc()}"]
        for name in ("cairnd.log", "kafka.log", "tools.log"):
            with contextlib.suppress(OSError):
                text.append(f"--- {name} ends\n{(directory / name).read_text(errors='replace')[-3000:]}\n")
        sys.stderr.write("".join(text))
    finally:
        journey.tool.close()
        journey.kafka.stop()
        journey.cairn.kill()
        if not os.environ.get("CAIRN_KEEP"):
            shutil.rmtree(directory, ignore_errors=True)


def main():
    need_jars()
    if not (CACHE / ".python-1").exists():
        skip("the Python clients are not there (scripts/test --with-clients fetches them)")
    failed = []
    travellers = [threading.Thread(target=travel, args=(kraft_version, failed))
                  for kraft_version in map(int, sys.argv[1:] or (0, 1))]
    for one in travellers:
        one.start()
    for one in travellers:
        one.join()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
