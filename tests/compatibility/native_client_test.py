#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The native client, as the `cairn` command, against a real Apache Kafka 4.3.1: topics, a file produced
with keys and read back through a group, codecs, members that share and hand over partitions; and the same
data seen and written by Kafka's own tools."""
import collections
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cairn_process import CAIRN, run, wait_until  # noqa: E402
from kafka_process import kafka, need_jars, tool  # noqa: E402

RECORDS, PARTITIONS = 20000, 4
LINES = [f"key-{i % 97}:line {i} of the file" for i in range(RECORDS)]
FORMAT = "%k:%s\n"


def cairn(node, *arguments, stdin=None, seconds=60):
    return run(CAIRN, "--bootstrap", node.bootstrap, *arguments, stdin=stdin, seconds=seconds)


def cairn_json(node, *arguments):
    return json.loads(cairn(node, *arguments, "--json"))


def consumed(node, *arguments):
    return cairn(node, "consume", *arguments, "--exit", "-f", FORMAT).splitlines()


def same_lines(got, expected, what):
    missing, extra = collections.Counter(expected) - collections.Counter(got), collections.Counter(got) - collections.Counter(expected)
    assert not missing and not extra, f"{what}: {missing.total()} missing, {extra.total()} too many: {list(extra)[:3]}"


def topics_are_made_and_described(node, folder):
    assert cairn_json(node, "cluster", "info")
    cairn(node, "topic", "create", "events", "--partitions", PARTITIONS, "-c", "retention.ms=3600000")
    assert '"retention.ms": "3600000"' in json.dumps(cairn_json(node, "topic", "describe", "events"))


def a_file_goes_in_and_comes_out_through_a_group(node, folder):
    (folder / "in").write_text("".join(line + "\n" for line in LINES))
    cairn(node, "produce", "events", folder / "in", "--key-separator", ":")
    got = consumed(node, "events", "--group", "readers")
    same_lines(got, LINES, "the file")
    for key in ("key-0:", "key-42:", "key-96:"):
        assert [line for line in got if line.startswith(key)] == [line for line in LINES if line.startswith(key)], key
    partitions = group_partitions(node, "readers")
    assert len(partitions) == PARTITIONS and all(p["lag"] == 0 for p in partitions), partitions
    assert consumed(node, "events", "--group", "readers") == [], "something was read twice"


def every_codec_goes_both_ways(node, folder):
    for codec in ("gzip", "snappy", "lz4", "zstd"):
        cairn(node, "topic", "create", f"codec-{codec}", "-p", 2)
        cairn(node, "produce", f"codec-{codec}", folder / "in", "-K", ":", "-z", codec)
        same_lines(consumed(node, f"codec-{codec}"), LINES, codec)


def group_partitions(node, group):
    """Of the group's description; none while there is no such group."""
    done = subprocess.run([CAIRN, "--bootstrap", node.bootstrap, "group", "describe", group, "--json"], text=True,
                          capture_output=True, timeout=60)
    described = json.loads(done.stdout)
    assert described or "GROUP_ID_NOT_FOUND" in done.stderr, done.stderr
    return described[0]["partitions"] if described else []


def members_of(node, group):
    """Partitions of `events` by member; those that nobody has by None."""
    shares = collections.defaultdict(list)
    for partition in group_partitions(node, group):
        shares[partition.get("member") or None].append(partition["partition"])
    return shares


@contextlib.contextmanager
def member(node, folder, group, name, assignor):
    """A consumer that follows the topic in the group, with all it printed in a file."""
    out = open(folder / f"{group}-{name}", "w")
    process = subprocess.Popen([CAIRN, "--bootstrap", node.bootstrap, "consume", "events", "-g", group, "--assignor",
                                assignor, "-f", FORMAT], stdout=out, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        out.close()


def shared_by(node, group, count):
    """Whether exactly so many members have all partitions among them, no one two more than another."""
    shares = members_of(node, group)
    sizes = sorted(len(p) for m, p in shares.items() if m)
    return None not in shares and len(sizes) == count and sum(sizes) == PARTITIONS and sizes[-1] - sizes[0] <= 1


def members_share_and_hand_over(node, folder, assignor):
    group = f"shared-{assignor}"
    began = time.monotonic()
    with member(node, folder, group, "one", assignor) as one:
        wait_until(lambda: shared_by(node, group, 1), 30, "all partitions with the first member")
        with member(node, folder, group, "two", assignor):
            wait_until(lambda: shared_by(node, group, 2), 30, "two members with two partitions each")
            print(f"   {assignor}: two members share after {time.monotonic() - began:.1f} s", flush=True)
            one.send_signal(signal.SIGINT)
            assert one.wait(20) == 0, one.stderr.read()
            wait_until(lambda: shared_by(node, group, 1), 30, "all partitions with the second member")
            read = lambda: set((folder / f"{group}-one").read_text().splitlines() +  # noqa: E731
                               (folder / f"{group}-two").read_text().splitlines())
            wait_until(lambda: read() >= set(LINES), 30, "reading everything")
            assert read() == set(LINES), "something was invented"


def members_share_with_range(node, folder):
    members_share_and_hand_over(node, folder, "range")


def members_share_with_roundrobin(node, folder):
    members_share_and_hand_over(node, folder, "roundrobin")


def members_share_with_cooperative_sticky(node, folder):
    members_share_and_hand_over(node, folder, "cooperative-sticky")


def kafkas_consumer_reads_what_our_producer_wrote(node, folder):
    out = tool("console-consumer", "--bootstrap-server", node.bootstrap, "--topic", "events", "--from-beginning",
               "--max-messages", RECORDS, "--timeout-ms", 30000, "--formatter-property", "print.key=true",
               "--formatter-property", "key.separator=:")
    same_lines([line for line in out.splitlines() if line.startswith("key-")], LINES, "Kafka's consumer")


def ours_and_kafkas_consumer_share_a_group(node, folder):
    """The assignment travels between two implementations; which of them leads does not matter."""
    from kafka_process import TOOLS, java
    for first in ("ours", "theirs"):
        group = f"mixed-{first}"
        theirs = java(TOOLS["console-consumer"], "--bootstrap-server", node.bootstrap, "--topic", "events", "--group",
                      group, "--consumer-property", "partition.assignment.strategy=" +
                      "org.apache.kafka.clients.consumer.RangeAssignor")
        with contextlib.ExitStack() as stack:
            if first == "ours":
                stack.enter_context(member(node, folder, group, "ours", "range"))
                wait_until(lambda: shared_by(node, group, 1), 30, "the first member's share")
            process = subprocess.Popen(theirs, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            if first == "theirs":
                wait_until(lambda: shared_by(node, group, 1), 30, "the first member's share")
                stack.enter_context(member(node, folder, group, "ours", "range"))
            wait_until(lambda: shared_by(node, group, 2), 30, f"a shared group that {first} began")


def keys_land_where_kafkas_producer_puts_them(node, folder):
    some = "".join(line + "\n" for line in LINES[:2000])
    places = {}
    for topic in ("from-java", "from-cairn"):
        cairn(node, "topic", "create", topic, "-p", 4)
        if topic == "from-java":
            tool("console-producer", "--bootstrap-server", node.bootstrap, "--topic", topic, "--reader-property",
                 "parse.key=true", "--reader-property", "key.separator=:", stdin=some)
        else:
            cairn(node, "produce", topic, "-K", ":", stdin=some)
        places[topic] = set(cairn(node, "consume", topic, "--exit", "-f", "%p %k\n").splitlines())
    assert len(places["from-java"]) == 97 and places["from-java"] == places["from-cairn"]


def groups_and_topics_are_administered(node, folder):
    cairn(node, "group", "reset", "readers", "--topic", "events", "--to", "beginning")
    same_lines(consumed(node, "events", "--group", "readers"), LINES, "after a reset")
    cairn(node, "config", "set", "topic", "events", "retention.ms=7200000")
    assert "7200000" in cairn(node, "config", "get", "topic", "events", "retention.ms")
    cairn(node, "topic", "alter", "events", "--partitions", 6)
    cairn(node, "group", "delete", "readers")
    cairn(node, "topic", "delete", "events")
    assert "events" not in [topic["topic"] for topic in cairn_json(node, "topic", "list")]


def main():
    need_jars()
    assert CAIRN.exists(), f"{CAIRN} is not built"
    os.environ.pop("CAIRN_BOOTSTRAP", None)
    checks = [f for f in globals().values()
              if getattr(f, "__code__", None) and f.__code__.co_varnames[:2] == ("node", "folder") and f.__code__.co_argcount == 2]
    failed = 0
    with kafka() as node, tempfile.TemporaryDirectory(prefix="cairn-test-") as folder:
        for check in checks:
            began = time.monotonic()
            try:
                check(node, pathlib.Path(folder))
                print(f"ok {check.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
            except (AssertionError, KeyError, ValueError, subprocess.TimeoutExpired) as error:
                failed += 1
                print(f"FAILED {check.__name__}: {type(error).__name__} {error}", flush=True)
    print(f"{len(checks)} checks, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
