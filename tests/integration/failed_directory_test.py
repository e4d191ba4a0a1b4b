#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One of several log.dirs fails in a running process: its partitions answer KAFKA_STORAGE_ERROR, the others
and the node go on, and nothing that was acknowledged is missing once the disk is back. In a cluster the controller
hears of it, and other replicas lead those partitions."""
import contextlib
import functools
import os
import pathlib
import shutil
import struct
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import fault_shim  # noqa: E402
from cairn_process import BUILD, Cairn, wait_until  # noqa: E402
from quorum_test import start_all  # noqa: E402
from wire import CREATE_TOPICS, Client, record_batch, string  # noqa: E402

DESCRIBE_LOG_DIRS, STORAGE_ERROR = 35, 56
PARTITIONS = 6
SHIM = BUILD / "tests/integration/libcairn_fault_shim.so"


def directories(client):
    """{path: (error, {(topic, partition)})} by DescribeLogDirs 1."""
    answer = client.call(DESCRIBE_LOG_DIRS, 1, struct.pack(">i", -1))
    answer.take(4)
    found = {}
    for _ in range(answer.number("i")):
        code, path, held = answer.number("h"), answer.string(), set()
        for _ in range(answer.number("i")):
            topic = answer.string()
            for _ in range(answer.number("i")):
                held.add((topic, answer.number("i")))
                answer.take(8 + 8 + 1)
        found[path] = (code, held)
    return found


def produce_to_all(client, topic, value):
    return {index: client.produce(topic, index, record_batch([value]))[0] for index in range(PARTITIONS)}


def check(node, a, b, disk):
    client = Client(node.bootstrap)
    assert client.create_topic("spread", PARTITIONS) == 0
    wait_until(lambda: set(produce_to_all(client, "spread", b"first").values()) == {0}, 30, "produce to all")
    held = directories(client)
    in_b = {index for topic, index in held[str(b)][1] if topic == "spread"}
    assert len(in_b) == PARTITIONS // 2, held

    disk.fail(fault_shim.WRITE | fault_shim.ALLOCATE | fault_shim.SYNC)
    codes = produce_to_all(client, "spread", b"second")
    assert codes == {index: STORAGE_ERROR if index in in_b else 0 for index in range(PARTITIONS)}, codes
    held = directories(client)
    assert held[str(b)][0] == STORAGE_ERROR and held[str(a)][0] == 0, held
    # What is read from the others, and what is new, is not touched by it.
    whole = next(iter(set(range(PARTITIONS)) - in_b))
    assert [value for _, value in client.read_all("spread", whole)][-1] == b"second"
    assert client.fetch("spread", next(iter(in_b)), 0)[0] == STORAGE_ERROR
    assert client.create_topic("later", PARTITIONS) == 0
    assert set(produce_to_all(client, "later", b"new").values()) == {0}
    assert directories(client)[str(a)][1] >= {("later", index) for index in range(PARTITIONS)}
    client.close()
    node.stop()
    return in_b


def check_offline_at_start(node, b, in_b):
    """A directory that cannot even be opened: nothing of it is begun anew elsewhere."""
    aside = b.with_name("aside")
    b.rename(aside)
    b.write_text("no directory")
    node.start()
    client = Client(node.bootstrap)
    codes = produce_to_all(client, "spread", b"third")
    assert codes == {index: STORAGE_ERROR if index in in_b else 0 for index in range(PARTITIONS)}, codes
    client.close()
    node.stop()
    b.unlink()
    aside.rename(b)


def check_metadata(directory):
    """Without its metadata log a node ends: it would go on with the metadata of that moment."""
    disk = fault_shim.FaultyDisk(SHIM, directory / "metadata")
    node = Cairn(directory / "other", **{"log.dirs": directory / "c", "metadata.log.dir": disk.root})
    try:
        node.start(environment=preloaded(disk))
        client = Client(node.bootstrap, 3)
        assert client.create_topic("before") == 0
        disk.fail(fault_shim.WRITE | fault_shim.ALLOCATE | fault_shim.SYNC)
        with contextlib.suppress(OSError, AssertionError):
            client.create_topic("after")
        wait_until(lambda: node.process.poll() is not None, 30, "the end of the node")
        assert node.process.returncode == 1 and "the metadata log cannot be used" in node.log_tail(), node.log_tail()
    finally:
        node.kill()
    print("a node without its metadata log ended")


def create_replicated(client, name, replicas):
    body = struct.pack(">i", 1) + string(name) + struct.pack(">ihiiib", PARTITIONS, replicas, 0, 0, 10000, 0)
    answer = client.call(CREATE_TOPICS, 2, body)
    answer.take(8), answer.string()
    return answer.number("h")


def leaders(clients, topic, value):
    """{partition: the number of the broker that took the record with acks=all}, all of them."""
    found = {}

    def all_led():
        for index in set(range(PARTITIONS)) - found.keys():
            for number, client in enumerate(clients):
                if client.produce(topic, index, record_batch([value]))[0] == 0:
                    found[index] = number
                    break
        return len(found) == PARTITIONS
    wait_until(all_led, 30, "a leader for each partition")
    return found


def check_cluster(directory):
    disk = fault_shim.FaultyDisk(SHIM, directory / "failing")
    nodes = [Cairn(directory / str(number), node_id=number) for number in (1, 2, 3)]
    for node in nodes:
        # A leader waits that long for a replica that had everything when its directory failed.
        node.settings["replica.lag.time.max.ms"] = 2000
        node.settings["controller.quorum.voters"] = ",".join(
            f"{number}@127.0.0.1:{other.controller_port}" for number, other in enumerate(nodes, 1))
    first, b = nodes[0], disk.root
    a = first.directory / "a"
    first.settings.update({"log.dirs": f"{a},{b}", "metadata.log.dir": a})
    first.start = functools.partial(first.start, environment=preloaded(disk))
    try:
        start_all(nodes)
        clients = [Client(node.bootstrap, 30) for node in nodes]
        assert create_replicated(clients[0], "spread", 3) == 0
        before = leaders(clients, "spread", b"first")
        held = wait_until(lambda: (found := directories(clients[0])) and
                          sum(topic == "spread" for _, in_it in found.values() for topic, _ in in_it) == PARTITIONS and
                          found, 30, "all replicas of the first broker")
        in_b = {index for topic, index in held[str(b)][1] if topic == "spread"}
        stay = {index for index, number in before.items() if number == 0 and index not in in_b}
        assert in_b and any(before[index] == 0 for index in in_b) and stay, (before, in_b)

        disk.fail(fault_shim.WRITE | fault_shim.ALLOCATE | fault_shim.SYNC)
        began = time.monotonic()
        for index in in_b:
            clients[0].produce("spread", index, record_batch([b"lost, perhaps"]))
        after = leaders(clients, "spread", b"second")
        print(f"all partitions led again {time.monotonic() - began:.2f} s after the failure")
        assert not any(after[index] == 0 for index in in_b), (in_b, after)
        assert all(after[index] == 0 for index in stay), "the broker's other leaderships are its own to keep"
        for index, number in after.items():
            values = [value for _, value in clients[number].read_all("spread", index) if value != b"lost, perhaps"]
            assert values == [b"first", b"second"], values
        assert clients[0].fetch("spread", next(iter(in_b)), 0)[0] == STORAGE_ERROR
        for node in nodes:
            node.stop()
    except BaseException:
        for node in nodes:
            sys.stderr.write(f"--- the end of the log of {node.directory.name}\n{node.log_tail()}\n")
        raise
    finally:
        for node in nodes:
            node.kill()


def preloaded(disk):
    return {**disk.environment, "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")}


def main():
    directory = pathlib.Path(tempfile.mkdtemp(prefix="cairn-test-"))
    disk = fault_shim.FaultyDisk(SHIM, directory / "failing")
    a, b = directory / "a", disk.root
    node = Cairn(directory, **{"log.dirs": f"{a},{b}", "metadata.log.dir": a})
    try:
        node.start(environment=preloaded(disk))
        in_b = check(node, a, b, disk)
        disk.heal()
        check_offline_at_start(node, b, in_b)
        node.start()
        client = Client(node.bootstrap)
        for index in range(PARTITIONS):
            values = [value for _, value in client.read_all("spread", index)]
            # What failed may be there or not; what was acknowledged is.
            acknowledged = [b"first"] if index in in_b else [b"first", b"second", b"third"]
            assert [value for value in values if value in acknowledged][-len(acknowledged):] == acknowledged, values
        client.close()
        node.stop()
        print("a failed directory took its partitions offline and nothing else")
        check_metadata(directory)
        check_cluster(directory / "cluster")
    except BaseException:
        sys.stderr.write(f"--- the end of cairnd's log\n{node.log_tail()}\n")
        raise
    finally:
        node.kill()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
