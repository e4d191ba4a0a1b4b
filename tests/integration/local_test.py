#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`cairn local` and the commands that look at a cluster, on three real nodes: one is lost and comes back,
pid files lie, ports are taken. Every process started here is ended here."""
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cairn_process import CAIRN, wait_until  # noqa: E402


class Local:
    """`cairn` on a local cluster in a directory of its own."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory) / "cluster"
        self.bootstrap = "127.0.0.1:1"

    def command(self, *words):
        where = ["--directory", self.directory] if words[0] == "local" else ["-b", self.bootstrap]
        return [str(part) for part in (CAIRN, *words, *where)]

    def run(self, *words, code=0, stdin=None):
        """What it prints; its exit code must be this."""
        done = subprocess.run(self.command(*words), text=True, capture_output=True, input=stdin, timeout=120,
                              env={**os.environ, "KAFKA_NODE_ID": "77"})
        assert done.returncode == code, f"{words} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout if code == 0 else done.stdout + done.stderr

    def json(self, *words, code=0):
        done = self.run(*words, "--json", code=code)
        return json.loads(done.splitlines()[0])

    def start(self, *words):
        started = self.json("local", "start", *words)
        self.bootstrap = started["bootstrap"]
        return started

    def pids(self):
        done = subprocess.run(self.command("local", "status", "--json", "--timeout", "1"), text=True,
                              capture_output=True, timeout=60)
        return {node["id"]: node["pid"] for node in json.loads(done.stdout)["nodes"]}


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextlib.contextmanager
def fresh():
    with tempfile.TemporaryDirectory(prefix="cairn-test-") as folder:
        local = Local(folder)
        try:
            yield local
        finally:
            if (local.directory / "cluster.json").exists():
                subprocess.run(local.command("local", "stop"), capture_output=True, timeout=120)


def a_cluster_starts_serves_and_says_where(local):
    started = local.start("--brokers", 3, "--port", 0)
    assert [node["state"] for node in started["nodes"]] == ["serves"] * 3, started
    local.run("topic", "create", "orders", "-p", 6, "-r", 3)
    local.run("produce", "orders", "-K", ":", stdin="".join(f"k{i}:{i}\n" for i in range(100)))
    shown = local.run("local", "status")
    assert "healthy" in shown and shown.count("serves") == 3, shown
    assert local.json("local", "status")["health"]["healthy"]
    assert local.json("cluster", "health")["problems"] == []
    assert "nothing to start" in local.run("local", "start")


def the_quorum_is_described(local):
    quorum = local.json("cluster", "quorum")
    assert quorum["leader"] in (1, 2, 3) and [v["node"] for v in quorum["voters"]] == [1, 2, 3], quorum
    assert all(v["lag"] is not None and v["lag"] < 100 for v in quorum["voters"]), quorum
    assert "leader" in local.run("cluster", "quorum")


def another_size_or_port_is_refused(local):
    assert "holds a cluster of 3 brokers, not 5" in local.run("local", "start", "--brokers", 5, code=2)
    assert "ports" in local.run("local", "start", "--port", 19000, code=2)
    assert len(set(local.pids().values())) == 3


def what_a_lost_node_leaves_is_named(local):
    victim = local.json("topic", "describe", "orders")[0]["partitions"][0]["leader"]
    pid = local.pids()[victim]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(pid), 10, "the end of a killed node")
    assert "stopped" in local.run("local", "status", code=1)

    def named():
        problems = json.loads(local.run("cluster", "health", "--json", code=1).splitlines()[0])["problems"]
        kinds = {problem["kind"] for problem in problems}
        return problems if {"fenced_broker", "under_replicated"} <= kinds else None
    problems = wait_until(named, 20, "the fencing of the killed node")
    lost = [p for p in problems if p["kind"] == "under_replicated" and p["topic"] == "orders"]
    assert len(lost) == 6 and all(p["missing"] == [victim] for p in lost), problems
    assert [p["node"] for p in problems if p["kind"] == "fenced_broker"] == [victim]
    text = local.run("cluster", "health", code=1)
    assert "NOT healthy" in text and f"broker {victim} is fenced" in text and "orders-5 is under-replicated" in text
    listed = local.json("topic", "describe", "--under-replicated")
    assert len([t for t in listed if t["topic"] == "orders"][0]["partitions"]) == 6, listed
    assert "no such partition" in local.run("topic", "describe", "--unavailable")
    assert "no such partition" in local.run("topic", "describe", "--under-min-isr", "orders")
    assert any(b["fenced"] and b["id"] == victim for b in local.json("cluster", "info")["brokers"])
    wait_until(lambda: "lagging_voter" in local.run("cluster", "health", "--json", code=1), 20,
               "the naming of a voter that is gone")


def min_isr_not_reached_is_named(local):
    local.run("config", "set", "topic", "orders", "min.insync.replicas=3")
    kinds = {p["kind"] for p in local.json("cluster", "health", code=1)["problems"] if p.get("topic") == "orders"}
    assert kinds == {"under_min_isr"}, kinds
    assert len(local.json("topic", "describe", "--under-min-isr")[0]["partitions"]) == 6
    local.run("config", "set", "topic", "orders", "--unset", "min.insync.replicas")


def it_comes_back_with_the_next_start(local):
    before = local.pids()
    lost = next(i for i, pid in before.items() if pid is None)
    assert f"started node {lost};" in local.run("local", "start")
    after = local.pids()
    assert {i: p for i, p in after.items() if before[i]} == {i: p for i, p in before.items() if p}, (before, after)
    assert "healthy" in local.run("cluster", "health", "--wait", 60)
    assert sorted(map(int, local.run("consume", "orders", "--exit").split())) == list(range(100))


def moves_and_elections(local):
    local.run("topic", "create", "moved", "-p", 3, "-r", 2)
    plan = local.run("cluster", "reassign", "--topic", "moved", "--brokers", "1,2", "--dry-run", "--json")
    (local.directory / "plan.json").write_text(plan)
    local.run("cluster", "reassign", "--topic", "moved", "--brokers", "1,2", "--wait")
    assert all(set(p["replicas"]) == {1, 2} for p in local.json("topic", "describe", "moved")[0]["partitions"])
    assert "nothing to move" in local.run("cluster", "reassign", "--file", local.directory / "plan.json")
    local.run("cluster", "reassign", "--topic", "moved", "--partition", 1, "--replicas", "3,1", "--wait")
    assert local.json("topic", "describe", "moved")[0]["partitions"][1]["replicas"] == [3, 1]
    assert "no partition is being moved" in local.run("cluster", "reassign", "--list")
    assert "nothing to cancel" in local.run("cluster", "reassign", "--cancel")
    local.run("cluster", "reassign", "--topic", "moved", "--partition", 0, "--replicas", "9", code=1)
    local.run("cluster", "health", "--wait", 60)
    local.run("cluster", "elect", "preferred", "--all")
    assert all(p["leader"] == p["replicas"][0]
               for t in local.json("topic", "describe", "orders", "moved") for p in t["partitions"])
    assert "nothing to elect" in local.run("cluster", "elect", "preferred", "--topic", "orders", "--partition", 0)
    assert "nothing to elect" in local.run("cluster", "elect", "unclean", "--topic", "orders")
    assert "UNKNOWN_TOPIC" in local.run("cluster", "elect", "preferred", "--topic", "nowhere", code=1)


def it_stops_and_keeps_its_data(local):
    pids = local.pids()
    assert local.run("local", "stop").count("stopped node") == 3
    assert not any(alive(pid) for pid in pids.values())
    assert local.run("local", "stop").count("was not running") == 3
    assert local.run("local", "status", code=1).count("stopped") == 3


def a_pid_file_that_lies_is_not_believed(local):
    bystander = subprocess.Popen(["sleep", "300"])
    try:
        (local.directory / "node-1/pid").write_text(f"{bystander.pid}\n")
        (local.directory / "node-2/pid").write_text("no number\n")
        (local.directory / "node-3/pid").write_text("999999999\n")
        assert local.run("local", "status", code=1).count("stopped") == 3
        assert local.run("local", "stop").count("was not running") == 3
        (local.directory / "node-1/pid").write_text(f"{bystander.pid}\n")
        local.start()
        assert bystander.pid not in local.pids().values()
        assert sorted(map(int, local.run("consume", "orders", "--exit").split())) == list(range(100))
        local.run("local", "stop")
        assert bystander.poll() is None, "a process that was none of ours was ended"
    finally:
        bystander.kill()
        bystander.wait()


def a_port_in_use_is_named_and_nothing_stays(local):
    address = local.json("local", "status", code=1)["nodes"][1]["controller"]
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", int(address.split(":")[1])))
        taken.listen()
        said = local.run("local", "start", code=1)
    assert f"port {address.split(':')[1]}, which node 2 needs, is in use" in said, said
    assert not any(local.pids().values())


def a_node_that_cannot_start_is_quoted_and_the_others_end(local):
    config = local.directory / "node-2/cairn.yaml"
    good = config.read_text()
    config.write_text(good + "no.such.key: 1\n")
    said = local.run("local", "start", code=1)
    assert "node 2 ended before it served" in said and "no.such.key" in said, said
    assert not any(local.pids().values())
    config.write_text(good)


def two_starts_at_once_are_one(local):
    both = [subprocess.Popen(local.command("local", "start"), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(2)]
    said = [process.communicate(timeout=120) for process in both]
    assert 0 in [process.returncode for process in both], said
    for process, (_, errors) in zip(both, said):
        assert process.returncode == 0 or "another `cairn local` is at work" in errors, errors
    assert len(set(local.pids().values())) == 3
    local.run("local", "stop")


def what_holds_no_cluster_is_left_alone(local):
    (local.directory.parent / "mine").mkdir()
    (local.directory.parent / "mine/file").write_text("x")
    local.directory = local.directory.parent / "mine"
    assert "holds no cluster" in local.run("local", "start", "--port", 0, code=2)
    assert "holds no cluster" in local.run("local", "stop", code=1)
    assert os.listdir(local.directory) == ["file"]
    local.directory = local.directory.parent / "cluster"


def main():
    checks = [f for f in globals().values() if getattr(f, "__code__", None) and f.__code__.co_varnames[:1] == ("local",)
              and f.__code__.co_argcount == 1]
    failed = 0
    with fresh() as local:
        for check in checks:
            try:
                check(local)
                print(f"ok {check.__name__}", flush=True)
            except (AssertionError, OSError, KeyError, IndexError, TypeError, ValueError, subprocess.TimeoutExpired) as error:
                failed += 1
                print(f"FAILED {check.__name__}: {type(error).__name__} {error}", flush=True)
    print(f"{len(checks)} checks, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
