#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A hundred thousand partitions on one node (by default fewer, so that it fits among other tests): what
they cost to create, idle and to restart, and that nothing of the process grows with their number but
memory.

    scale_test.py --partitions 100000 --per-topic 1000 --connections 15000

prints the figures; only what does not depend on the machine is asserted."""
import argparse
import os
import pathlib
import resource
import shutil
import socket
import struct
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cairn_process import Cairn, wait_until  # noqa: E402
from wire import CREATE_TOPICS, Client, record_batch, string  # noqa: E402


def status(node, key):
    for line in pathlib.Path(f"/proc/{node.process.pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    raise AssertionError(f"no {key} in the status of the process")


def descriptors(node):
    return len(os.listdir(f"/proc/{node.process.pid}/fd"))


def processor_seconds(node):
    fields = pathlib.Path(f"/proc/{node.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def settled_rss(node):
    """Resident KiB once they stop falling and rising."""
    last = status(node, "VmRSS")
    for _ in range(20):
        time.sleep(0.5)
        now = status(node, "VmRSS")
        if abs(now - last) < 64:
            return now
        last = now
    return last


def create_topics(client, names, partitions):
    """[(name, error code)] by one CreateTopics 2."""
    body = struct.pack(">i", len(names))
    for name in names:
        body += string(name) + struct.pack(">ihii", partitions, 1, 0, 0)
    answer = client.call(CREATE_TOPICS, 2, body + struct.pack(">ib", 60_000, 0))
    answer.take(4)
    results = []
    for _ in range(answer.number("i")):
        name, code = answer.string(), answer.number("h")
        answer.string()
        results.append((name, code))
    return results


def create(node, partitions, per_topic, first=0):
    client = Client(node.bootstrap, seconds=120)
    topics = partitions // per_topic
    at_once = max(1, 1_000 // per_topic)
    for begin in range(0, topics, at_once):
        names = [f"scale-{first + index:06}" for index in range(begin, min(begin + at_once, topics))]
        for name, code in create_topics(client, names, per_topic):
            assert code == 0, f"{name}: error {code}"
    client.close()


def start(node, after):
    """Starts it again and says how long it took, on the clock and of a processor."""
    took = node.start(seconds=120)
    print(f"restart after {after}: {took:.2f} s to the ready line ({processor_seconds(node):.2f} s of a processor)")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--partitions", type=int, default=20_000)
    parser.add_argument("--per-topic", type=int, default=1_000)
    parser.add_argument("--connections", type=int, default=500)
    parser.add_argument("--keep", action="store_true", help="leave the directory behind")
    options = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="cairn-scale-")
    node = Cairn(directory, **{"log.segment.bytes": 1 << 20})
    try:
        measure(node, options)
    except BaseException:
        sys.stderr.write(f"--- the end of cairnd's log\n{node.log_tail()}\n")
        raise
    finally:
        node.kill()
        if not options.keep:
            shutil.rmtree(directory, ignore_errors=True)


def measure(node, options):
    node.start()
    empty_rss, empty_descriptors = settled_rss(node), descriptors(node)

    began, before = time.monotonic(), processor_seconds(node)
    create(node, options.partitions, options.per_topic)
    took, busy = time.monotonic() - began, processor_seconds(node) - before
    print(f"created {options.partitions} partitions, {options.per_topic} a topic: {took:.2f} s "
          f"({busy:.2f} s of a processor)")
    report_idle(node, options, empty_rss, empty_descriptors, "after creation")

    # What was acknowledged is there after kill -9, and after a clean stop.
    node.kill()
    start(node, "kill -9")
    assert_all_there(node, options)
    began = time.monotonic()
    node.stop(60)
    print(f"clean stop: {time.monotonic() - began:.2f} s")
    start(node, "a clean stop")
    assert_all_there(node, options)
    report_idle(node, options, empty_rss, empty_descriptors, "after a restart")
    hold_connections(node, options.connections)


def report_idle(node, options, empty_rss, empty_descriptors, when):
    rss = settled_rss(node)
    each = (rss - empty_rss) * 1024 / options.partitions
    before = processor_seconds(node)
    time.sleep(3)
    busy = processor_seconds(node) - before
    print(f"idle {when}: {each:.0f} bytes a partition (RSS {empty_rss} -> {rss} KiB), "
          f"{descriptors(node) - empty_descriptors} descriptors more, {busy / 3:.1%} of a processor")
    assert descriptors(node) - empty_descriptors < 50, "open files grow with the partitions"
    assert len(os.listdir(f"/proc/{node.process.pid}/task")) < 50, "threads grow with the partitions"


def assert_all_there(node, options):
    """The first, a middle and the last topic take a record; the metrics count them all."""
    client = Client(node.bootstrap, seconds=60)
    last = options.partitions // options.per_topic - 1
    for index in sorted({0, last // 2, last}):
        name = f"scale-{index:06}"
        wait_until(lambda: client.produce(name, options.per_topic - 1, record_batch([b"one"]))[0] == 0, 30,
                   f"a produce to {name}")
    client.close()


def hold_connections(node, count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(count, hard - 200)
    before = settled_rss(node)
    began = time.monotonic()
    sockets = []
    host, port = node.bootstrap.split(":")
    request = struct.pack(">ihhih", 10, 18, 0, 7, -1)  # ApiVersions 0
    try:
        for index in range(count):
            # Other source addresses: one has no more than its ephemeral ports.
            held = socket.socket()
            held.bind((f"127.0.0.{2 + index // 10_000}", 0))
            held.connect((host, int(port)))
            sockets.append(held)
        for held in sockets:
            held.sendall(request)
        for held in sockets:
            held.settimeout(30)
            assert held.recv(4096), "a connection was closed"
        took = time.monotonic() - began
        rss = settled_rss(node)
        print(f"{count} connections, each answered once: {took:.2f} s, "
              f"{(rss - before) * 1024 / max(count, 1):.0f} bytes each")
        before_cpu = processor_seconds(node)
        time.sleep(3)
        print(f"idle connections: {(processor_seconds(node) - before_cpu) / 3:.1%} of a processor")
    finally:
        for held in sockets:
            held.close()


if __name__ == "__main__":
    main()
