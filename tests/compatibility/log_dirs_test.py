#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Several log.dirs under Kafka 4.3.1's own tools: where partitions are placed, moves between directories
while a producer goes on, and a directory that fails."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cairn_process import ROOT, Cairn, skip, wait_until  # noqa: E402
from kafka_process import CONFIGURATION, JARS, TOOLS, java, need_jars, tool  # noqa: E402

SOURCE = ROOT / "tests/compatibility/kafka/MoveReplica.java"
RECORDS, SIZE = 60_000, 500


def move(node, topic, path, *partitions):
    """What Kafka's Admin client says of each partition."""
    command = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
               f"-Dlog4j2.configurationFile={CONFIGURATION}", "-cp", f"{JARS}/*", str(SOURCE), node.bootstrap, topic,
               str(path), *map(str, partitions)]
    done = subprocess.run(command, text=True, capture_output=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    return sorted(line for line in done.stdout.splitlines() if topic in line)


def described(node, topic):
    """{directory: {partition: (size, is a copy)}} by kafka-log-dirs."""
    text = tool("log-dirs", "--bootstrap-server", node.bootstrap, "--describe", "--topic-list", topic)
    answer = json.loads(next(line for line in text.splitlines() if line.startswith("{")))
    places = {}
    for directory in answer["brokers"][0]["logDirs"]:
        if directory["error"] is not None:
            places[directory["logDir"]] = directory["error"]
            continue
        places[directory["logDir"]] = {int(p["partition"].rsplit("-", 1)[1]): (p["size"], p["isFuture"])
                                      for p in directory["partitions"]}
    return places


def newest_offsets(node, topic):
    text = tool("get-offsets", "--bootstrap-server", node.bootstrap, "--topic", topic)
    return {line.split(":")[1]: int(line.split(":")[2]) for line in text.splitlines() if line.count(":") == 2}


def assigned_directories(node, topic):
    """The last directory that the metadata log names for each partition."""
    log = sorted((node.directory / "a/__cluster_metadata-0").glob("*.log"))
    text = tool("dump-log", "--cluster-metadata-decoder", "--files", ",".join(map(str, log)))
    last, topic_id = {}, None
    for line in text.splitlines():
        if "payload: " not in line:
            continue
        record = json.loads(line[line.index("payload: ") + len("payload: "):])
        data = record["data"]
        if record["type"] == "TOPIC_RECORD" and data["name"] == topic:
            topic_id = data["topicId"]
        if record["type"] in ("PARTITION_RECORD", "PARTITION_CHANGE_RECORD") and data["topicId"] == topic_id:
            if data.get("directories"):
                last[data["partitionId"]] = data["directories"][0]
    return last


def directory_id(path):
    return next(line.split("=")[1] for line in (path / "meta.properties").read_text().splitlines()
                if line.startswith("directory.id="))


def moves_while_a_producer_goes_on(node, a, b):
    tool("topics", "--bootstrap-server", node.bootstrap, "--create", "--topic", "moves", "--partitions", 4, "--config",
         "segment.bytes=1048576")
    producer = subprocess.Popen(
        java(TOOLS["producer-perf-test"], "--topic", "moves", "--num-records", RECORDS, "--record-size", SIZE,
             "--throughput", 10_000, "--producer-props", f"bootstrap.servers={node.bootstrap}", "acks=all",
             "enable.idempotence=true"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wait_until(lambda: sum(newest_offsets(node, "moves").values()) > 5_000, 60, "records")
    places = described(node, "moves")
    assert sorted(len(p) for p in places.values()) == [2, 2], f"not placed by number of partitions: {places}"
    in_a = sorted(places[str(a)])
    assert move(node, "moves", b, *in_a) == [f"moves-{index} moved" for index in in_a]
    assert move(node, "moves", a, 0) == ["moves-0 moved"]
    output, _ = producer.communicate(timeout=120)
    assert producer.returncode == 0 and "Exception" not in output, output[-2000:]
    assert sum(newest_offsets(node, "moves").values()) == RECORDS, newest_offsets(node, "moves")
    places = described(node, "moves")
    assert sorted(places[str(a)]) == [0] and sorted(places[str(b)]) == [1, 2, 3], places
    text = tool("console-consumer", "--bootstrap-server", node.bootstrap, "--topic", "moves", "--from-beginning",
                "--max-messages", RECORDS, "--timeout-ms", 60_000)
    assert len(text.splitlines()) >= RECORDS
    wait_until(lambda: assigned_directories(node, "moves") ==
               {0: directory_id(a), 1: directory_id(b), 2: directory_id(b), 3: directory_id(b)}, 30,
               "the report of the directories to the controller")
    print("three moves under an idempotent producer; the controller's records name their directories")


def a_move_holds_to_its_rate(node, a, b):
    """As kafka-reassign-partitions --replica-alter-log-dirs-throttle sets it."""
    rate = ("--alter", "--entity-type", "brokers", "--entity-name", 1, "--bootstrap-server", node.bootstrap)
    key, allowed = "replica.alter.log.dirs.io.max.bytes.per.second", 1_500_000
    tool("configs", *rate, "--add-config", f"{key}={allowed}")
    size, _ = described(node, "moves")[str(b)][1]
    began = time.monotonic()
    assert move(node, "moves", a, 1) == ["moves-1 moved"]
    elapsed = time.monotonic() - began
    tool("configs", *rate, "--delete-config", key)
    assert elapsed > (size - (2 << 20)) / allowed, f"{size} bytes in {elapsed:.1f} s"
    assert move(node, "moves", b, 1) == ["moves-1 moved"]
    print(f"{size * 1e-6:.1f} MB moved in {elapsed:.1f} s at {allowed * 1e-6} MB/s")


def refusals(node, a):
    assert move(node, "moves", "/nowhere", 0) == ["moves-0 refused: LogDirNotFoundException"]
    assert "refused" in move(node, "missing", a, 0)[0]


def places_survive_a_restart(node, a, b):
    node.stop()
    files = [f for d in (a, b) for pattern in ("*.log", "*.index", "*.timeindex") for f in sorted(d.glob(f"moves-*/{pattern}"))]
    assert len(files) >= 12 and not list(a.glob("*-future")) and not list(b.glob("*-future")), files
    text = tool("dump-log", "--deep-iteration", "--verify-index-only", "--files", ",".join(map(str, files)))
    for bad in ("Found", "Invalid", "invalid", "mismatch", "Exception", "isValid: false"):
        assert bad not in text, text[max(0, text.index(bad) - 1000):][:3000]
    node.start()
    places = described(node, "moves")
    assert sorted(places[str(a)]) == [0] and sorted(places[str(b)]) == [1, 2, 3], places
    assert sum(newest_offsets(node, "moves").values()) == RECORDS
    print(f"dump-log finds nothing wrong in {len(files)} files")


def main():
    need_jars()
    if not shutil.which("javac"):
        skip("a JDK is needed to run a Java source file, and only a runtime is installed")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="cairn-test-"))
    a, b = directory / "a", directory / "b"
    node = Cairn(directory, **{"log.dirs": f"{a},{b}", "metadata.log.dir": a})
    try:
        node.start()
        moves_while_a_producer_goes_on(node, a, b)
        a_move_holds_to_its_rate(node, a, b)
        refusals(node, a)
        places_survive_a_restart(node, a, b)
    except BaseException:
        sys.stderr.write(f"--- the end of cairnd's log\n{node.log_tail()}\n")
        raise
    finally:
        node.kill()
        if not os.environ.get("CAIRN_KEEP"):
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
