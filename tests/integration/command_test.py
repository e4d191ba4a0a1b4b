#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The `cairn` command as somebody new to it uses it: every command, on a running node, by the examples
that its help gives."""
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cairn_process import CAIRN, cairn, run, wait_until  # noqa: E402

COMMANDS = ["topic create", "topic list", "topic describe", "topic alter", "topic delete", "produce", "consume",
            "group list", "group describe", "group reset", "group delete", "config get", "config set", "cluster info",
            "cluster health", "cluster quorum", "cluster reassign", "cluster elect", "local start", "local stop",
            "local status", "log dump", "perf produce", "perf consume", "perf latency", "completion"]


class Command:
    def __init__(self, node, folder):
        self.node, self.folder = node, folder

    def __call__(self, *arguments, stdin=None, seconds=60):
        return run(CAIRN, "-b", self.node.bootstrap, *arguments, stdin=stdin, seconds=seconds)

    def json(self, *arguments):
        return json.loads(self(*arguments, "--json"))

    def refused(self, *arguments, stdin=None):
        """What it says when it fails, which it must."""
        done = subprocess.run([CAIRN, "-b", self.node.bootstrap, *map(str, arguments)], input=stdin, text=True,
                              capture_output=True, timeout=60)
        assert done.returncode not in (0, -6, -11), f"{arguments} ended with {done.returncode}"
        return done.stderr

    def start(self, *arguments):
        return subprocess.Popen([CAIRN, "-b", self.node.bootstrap, *map(str, arguments)], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)


def help_of_every_command_has_an_example(cairn):
    for command in COMMANDS:
        text = run(CAIRN, *command.split(), "--help")
        example = re.search(r"Example:\n  (.+)", text)
        assert example and f"cairn {command}" in example[1], f"{command}: {text[-300:]}"
    assert "Start with:" in run(CAIRN, "--help") and run(CAIRN, "--version").strip()


def it_starts_within_10_ms(cairn):
    best = min(timed(lambda: run(CAIRN, "--version")) for _ in range(20))
    print(f"   a command starts and ends in {best * 1000:.1f} ms")
    assert best < (0.01 if "release" in str(CAIRN) else 0.5)


def timed(call):
    began = time.monotonic()
    call()
    return time.monotonic() - began


def a_mistyped_command_or_option_is_told(cairn):
    assert "topik" in cairn.refused("topik", "list")
    assert "--partition-count" in cairn.refused("topic", "create", "x", "--partition-count", 3)
    assert "offset" in cairn.refused("consume", "x", "--offset", "soon")
    assert "INVALID_PARTITIONS" in cairn.refused("topic", "create", "x", "-p", 0)
    message = subprocess.run([CAIRN, "-b", "127.0.0.1:1", "--timeout", "0.5", "topic", "list"], text=True,
                             capture_output=True)
    assert message.returncode != 0 and "127.0.0.1:1" in message.stderr, message.stderr


def topics(cairn):
    cairn("topic", "create", "orders", "--partitions", 3, "-c", "retention.ms=3600000")
    assert "TOPIC_ALREADY_EXISTS" in cairn.refused("topic", "create", "orders")
    cairn("topic", "create", "orders", "--if-not-exists")
    cairn("topic", "create", "not-really", "--validate-only")
    assert [t["topic"] for t in cairn.json("topic", "list")] == ["orders"]
    described = cairn.json("topic", "describe", "orders")[0]
    assert len(described["partitions"]) == 3 and "3600000" in json.dumps(described)
    assert "orders" in cairn("topic", "describe", "orders") and "orders" in cairn("topic", "list")
    cairn("topic", "alter", "orders", "-p", 4, "-c", "retention.ms=7200000")
    assert len(cairn.json("topic", "describe", "orders")[0]["partitions"]) == 4
    cairn("topic", "alter", "orders", "--unset", "retention.ms")
    assert "UNKNOWN_TOPIC" in cairn.refused("topic", "describe", "nowhere")
    cairn("topic", "create", "gone")
    cairn("topic", "delete", "gone")
    cairn("topic", "delete", "gone", "--if-exists")
    assert "UNKNOWN_TOPIC" in cairn.refused("topic", "delete", "gone")


def lines_go_in_and_come_out(cairn):
    lines = "".join(f"k{i % 10}:line {i}\n" for i in range(1000))
    (cairn.folder / "lines").write_text(lines)
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        topic = f"lines-{codec}"
        cairn("topic", "create", topic, "-p", 3)
        cairn("produce", topic, cairn.folder / "lines", "-K", ":", "-z", codec)
        assert sorted(cairn("consume", topic, "--exit", "-f", "%k:%s\n").splitlines()) == sorted(lines.splitlines()), codec
    for acks in ("0", "1", "all"):
        cairn("topic", "create", f"acks-{acks}")
        extra = () if acks == "all" else ("--no-idempotence",)
        cairn("produce", f"acks-{acks}", "-a", acks, *extra, stdin="one\ntwo\n")
        assert cairn("consume", f"acks-{acks}", "-c", 2) == "one\ntwo\n", acks


def how_records_are_made(cairn):
    cairn("topic", "create", "made", "-p", 4)
    cairn("produce", "made", "-k", "key", "-p", 2, "-H", "a=1", "-H", "b=", "--timestamp", 1700000000000,
          stdin="value\n\n")
    one, two = (json.loads(line) for line in cairn("consume", "made", "-p", 2, "--exit", "--json").splitlines())
    assert (one["key"], one["value"], one["partition"], one["timestamp"]) == ("key", "value", 2, 1700000000000), one
    assert "a" in json.dumps(one["headers"]) and two["value"] == "", (one, two)
    cairn("produce", "made", "-Z", "-k", "tombstone", "-p", 3, stdin="\n")
    assert json.loads(cairn("consume", "made", "-p", 3, "--exit", "--json"))["value"] is None
    for partitioner in ("hash", "sticky", "round-robin"):
        cairn("topic", "create", f"by-{partitioner}", "-p", 4)
        cairn("produce", f"by-{partitioner}", "-K", ":", "--partitioner", partitioner,
              stdin="".join(f"k{i % 3}:{i}\n" for i in range(40)))
    places = cairn("consume", "by-round-robin", "--exit", "-f", "%p\n").split()
    assert {places.count(str(p)) for p in range(4)} == {10}, places
    hashed = {tuple(line.split()) for line in cairn("consume", "by-hash", "--exit", "-f", "%k %p\n").splitlines()}
    assert len(hashed) == 3, hashed
    began = time.monotonic()
    cairn("produce", "made", "--rate", 50, stdin="x\n" * 50)
    assert 0.8 < time.monotonic() - began < 10
    cairn("produce", "made", "-p", 1, "-D", ";", stdin="a;b;c")
    assert cairn("consume", "made", "-p", 1, "-o", "-3", "--exit", "-f", "%s,") == "a,b,c,"
    assert "MESSAGE_TOO_LARGE" in cairn.refused("produce", "made", stdin="x" * 2_000_000 + "\n")


def reading_begins_where_it_is_told(cairn):
    cairn("topic", "create", "places")
    for i in range(5):
        cairn("produce", "places", "--timestamp", 1700000000000 + i * 1000, stdin=f"{i}\n")
    read = lambda *where: cairn("consume", "places", "--exit", "-f", "%s", *where)  # noqa: E731
    assert read() == read("-o", "beginning") == "01234" and read("-o", "end") == ""
    assert read("-o", 3) == "34" and read("-o", "-2") == "34" and read("-c", 2) == "01"
    assert read("-o", "@1700000002500") == "34" and read("-o", "@2023-11-14T22:13:22Z") == "234"
    assert read("-o", "@2100-01-01T00:00:00Z") == ""
    assert cairn("consume", "places", "--exit", "-c", 1, "-f", "%t/%p@%o %K %S %T\\x21\n").startswith("places/0@0 ")


def following_ends_with_an_interrupt(cairn):
    cairn("topic", "create", "followed")
    process = cairn.start("consume", "followed", "-f", "%s\n")
    cairn("produce", "followed", stdin="one\n")
    assert process.stdout.readline() == "one\n"
    cairn("produce", "followed", stdin="two\n")
    assert process.stdout.readline() == "two\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0, process.stderr.read()


def groups(cairn):
    cairn("topic", "create", "grouped", "-p", 2)
    cairn("produce", "grouped", "-K", ":", stdin="".join(f"{i}:{i}\n" for i in range(100)))
    read = lambda *more: cairn("consume", "grouped", "-g", "billing", "--exit", "-f", "%s\n", *more).split()  # noqa: E731
    assert sorted(map(int, read())) == list(range(100)) and read() == []
    assert "billing" in [g["group"] for g in cairn.json("group", "list")]
    described = cairn.json("group", "describe", "billing")[0]
    assert sum(p["lag"] for p in described["partitions"]) == 0 and described["state"] == "Empty"
    cairn("produce", "grouped", stdin="more\n" * 7)
    described = cairn.json("group", "describe", "billing")[0]
    assert sum(p["lag"] for p in described["partitions"]) == 7 and "LAG" in cairn("group", "describe", "billing")
    committed = lambda: sorted(p["committed"] for p in cairn.json("group", "describe", "billing")[0]["partitions"])  # noqa: E731
    ends = sorted(p["end"] for p in described["partitions"])
    before = committed()
    cairn("group", "reset", "billing", "--topic", "grouped", "--to", "beginning", "--dry-run")
    assert committed() == before
    for to, expected in (("beginning", [0, 0]), ("end", ends), ("5", [5, 5]), ("-3", [e - 3 for e in ends]),
                         ("@2000-01-01T00:00:00Z", [0, 0]), ("@2100-01-01T00:00:00Z", ends)):
        cairn("group", "reset", "billing", "--topic", "grouped", "--to", to)
        assert committed() == expected, (to, committed(), expected)
    cairn("group", "reset", "billing", "--by", "-10")
    assert committed() == [e - 10 for e in ends]
    cairn("group", "reset", "billing", "--topic", "grouped:0", "--to", "1", "--json")
    assert 1 in committed()
    member = cairn.start("consume", "grouped", "-g", "billing", "-f", "%s\n")
    member.stdout.readline()
    assert "NON_EMPTY_GROUP" in cairn.refused("group", "delete", "billing")
    assert "members" in cairn.refused("group", "reset", "billing", "--topic", "grouped", "--to", "end")
    member.send_signal(signal.SIGINT)
    assert member.wait(10) == 0
    cairn("group", "delete", "billing")
    assert "GROUP_ID_NOT_FOUND" in cairn.refused("group", "describe", "billing")


def committing_before_after_or_never(cairn):
    cairn("topic", "create", "committed")
    cairn("produce", "committed", stdin="a\nb\nc\n")
    read = lambda group, *more: cairn("consume", "committed", "-g", group, "--exit", "-f", "%s", *more)  # noqa: E731
    assert read("never", "--commit", "never") == read("never", "--commit", "never") == "abc"
    assert read("before", "--commit", "before") == "abc" and read("before") == ""
    assert read("after", "-c", 2) == "ab" and read("after") == "c"
    assert read("static", "--instance-id", "me") == "abc" and read("static", "--instance-id", "me") == ""


def patterns_take_in_topics_that_match(cairn):
    for topic in ("metrics-a", "metrics-b", "not-metrics"):
        cairn("topic", "create", topic)
        cairn("produce", topic, stdin=f"{topic}\n")
    assert sorted(cairn("consume", "--regex", "metrics-.*", "--exit").split()) == ["metrics-a", "metrics-b"]
    assert sorted(cairn("consume", "--regex", "metrics-.*", "-g", "patterns", "--exit").split()) == ["metrics-a", "metrics-b"]
    assert cairn.refused("consume", "--regex", "metrics-(", "--exit")


def settings(cairn):
    cairn("topic", "create", "set")
    cairn("config", "set", "topic", "set", "retention.ms=86400000", "max.message.bytes=5000")
    assert {e["key"]: e["value"] for e in cairn.json("config", "get", "topic", "set")} == {
        "retention.ms": "86400000", "max.message.bytes": "5000"}
    cairn("config", "set", "topic", "set", "--unset", "retention.ms")
    assert "86400000" not in cairn("config", "get", "topic", "set")
    assert len(cairn.json("config", "get", "topic", "set", "--all")) > 30
    assert "retention" in cairn("config", "get", "topic", "set", "retention.ms", "--explain")
    cairn("config", "set", "broker", "1", "log.retention.ms=1000000")
    cairn("config", "set", "broker", "default", "log.retention.ms=2000000")
    assert "1000000" in cairn("config", "get", "broker", "1", "log.retention.ms")
    assert "INVALID_CONFIG" in cairn.refused("config", "set", "topic", "set", "retention.ms=soon")
    assert cairn.refused("config", "get", "topic", "set", "no.such.key")


def the_cluster(cairn):
    shown = cairn.json("cluster", "info")
    assert shown["brokers"][0]["id"] == 1 and shown["cluster_id"], shown
    assert cairn.node.bootstrap in cairn("cluster", "info")
    assert cairn.json("cluster", "health") == {**cairn.json("cluster", "health"), "healthy": True, "problems": []}
    assert cairn("cluster", "health").startswith("healthy")
    quorum = cairn.json("cluster", "quorum")
    assert quorum["leader"] == 1 and [v["lag"] for v in quorum["voters"]] == [0], quorum
    assert "no such partition" in cairn("topic", "describe", "--under-replicated", "--unavailable", "--under-min-isr")
    assert "TOPIC" in cairn.refused("topic", "describe")
    assert "--topic" in cairn.refused("cluster", "elect", "preferred")
    (cairn.folder / "plan.json").write_text('{"version":1,"partitions":[{"topic":"x","partition":0,"replicas":[]}]}')
    assert "x-0" in cairn.refused("cluster", "reassign", "--file", cairn.folder / "plan.json")


def files_are_dumped(cairn):
    data = cairn.node.directory / "data"
    log = next(data.glob("places-0/*.log"))
    batches = [json.loads(line) for line in run(CAIRN, "log", "dump", log, "--json").splitlines()]
    assert len(batches) == 5 and [b["base_offset"] for b in batches] == list(range(5)), batches
    assert "value" in run(CAIRN, "log", "dump", "--records", log)
    for pattern, word in (("places-0/*.index", "index"), ("places-0/*.timeindex", "time"),
                          ("__cluster_metadata-0/*.log", "TopicRecord"), ("__consumer_offsets-*/*.log", ""),
                          ("recovery-point-offset-checkpoint", ""), ("replication-offset-checkpoint", "")):
        found = [f for f in sorted(data.glob(pattern)) if f.stat().st_size] or sorted(data.glob(pattern))
        if found:
            assert word.lower() in run(CAIRN, "log", "dump", *(["--records"] if pattern.endswith(".log") else []),
                                       found[0]).lower(), pattern
    assert "nowhere" in cairn.refused("log", "dump", cairn.folder / "nowhere.log")


def performance_is_measured(cairn):
    cairn("topic", "create", "load", "-p", 3)
    produced = cairn.json("perf", "produce", "load", "-n", 50000, "-s", 100)
    consumed = cairn.json("perf", "consume", "load", "-n", 50000)
    assert produced["records"] == consumed["records"] == 50000, (produced, consumed)
    latency = cairn.json("perf", "latency", "load", "--rate", 200, "--seconds", 1)
    assert latency["records"] >= 150, latency
    assert "records" in cairn("perf", "consume", "load", "-n", 50000, "-g", "measured")


def shells_complete(cairn):
    for shell in ("bash", "zsh", "fish"):
        script = run(CAIRN, "completion", shell)
        assert "topic" in script and "bootstrap" in script, shell
        if shutil.which(shell):
            (cairn.folder / shell).write_text(script)
            run(shell, "-n", cairn.folder / shell)
    probe = 'source "$0"; COMP_WORDS=(cairn topic cr); COMP_CWORD=2; ' \
            '$(complete -p cairn | sed "s/.*-F \\([^ ]*\\).*/\\1/") cairn cr topic; echo "${COMPREPLY[@]}"'
    assert run("bash", "-c", probe, cairn.folder / "bash").split() == ["create"]


def progress_is_shown_on_a_terminal_only(cairn):
    cairn("topic", "create", "progress")
    assert run(CAIRN, "-b", cairn.node.bootstrap, "produce", "progress", stdin="x\n") is not None
    (cairn.folder / "many").write_text("line of some length\n" * 300_000)
    main, side = pty.openpty()
    process = subprocess.Popen([CAIRN, "-b", cairn.node.bootstrap, "produce", "progress", cairn.folder / "many"],
                               stderr=side, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    os.close(side)
    seen = b""
    try:
        while part := os.read(main, 4096):
            seen += part
    except OSError:
        pass
    assert process.wait(60) == 0 and b"record" in seen, seen


def the_quickest_way_in_works(cairn):
    """What the help says to start with."""
    start = re.search(r"Start with:\n((?:  .+\n?)+)", run(CAIRN, "--help"))[1]
    environment = {**os.environ, "PATH": f"{CAIRN.parent}:{os.environ['PATH']}", "CAIRN_BOOTSTRAP": cairn.node.bootstrap}
    cairn("topic", "delete", "orders")
    wait_until(lambda: "orders" not in [t["topic"] for t in cairn.json("topic", "list")], 5, "the deletion")
    out = run("bash", "-ec", start, env=environment)
    assert out.splitlines()[-1] == "first", out


def main():
    checks = [f for f in globals().values() if getattr(f, "__code__", None) and f.__code__.co_varnames[:1] == ("cairn",)
              and f.__code__.co_argcount == 1]
    failed = 0
    with cairn(auto_create_topics_enable="false") as node, tempfile.TemporaryDirectory(prefix="cairn-test-") as folder:
        command = Command(node, pathlib.Path(folder))
        for check in checks:
            try:
                check(command)
                print(f"ok {check.__name__}", flush=True)
            except (AssertionError, OSError, KeyError, IndexError, TypeError, ValueError, subprocess.TimeoutExpired) as error:
                failed += 1
                print(f"FAILED {check.__name__}: {type(error).__name__} {error}", flush=True)
    print(f"{len(checks)} checks, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
