#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Three real cairnd with empty directories and the same controller.quorum.voters become one cluster;
requests reach the active controller through any broker; kill -9 of the active controller leaves two
that go on, and it comes back; all end at once. Kafka's metadata-quorum agrees, where its jars are there.
"""
import http.client
import pathlib
import re
import shutil
import signal
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import kafka_process  # noqa: E402
from cairn_process import Cairn, start_all, wait_until  # noqa: E402
from wire import Client  # noqa: E402

SIZE = 3


def metric(node, name):
    """A metric without labels; None if the node does not answer or has it not."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{node.http_port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except (OSError, http.client.HTTPException):  # it may die in the middle of its answer
        return None
    found = re.search(rf"^{name} (\d+)", text, re.M)
    return int(found[1]) if found else None


def is_active(node):
    return metric(node, "kafka_controller_kafkacontroller_activecontrollercount") == 1


def active_of(nodes):
    active = [node for node in nodes if is_active(node)]
    return active[0] if len(active) == 1 else None


def one_that_wants_another_cluster_is_told(directory, voters):
    node = Cairn(directory / "9", node_id=9, process_roles="broker", cairn_cluster_id="MkU3OEVBNTcwNTJENDM2Qk",
                 cairn_http_listener="")
    node.settings.update({"controller.quorum.voters": voters, "listeners": f"PLAINTEXT://127.0.0.1:{node.port}"})
    try:
        node.start()
    except AssertionError as refusal:
        assert "cairn.cluster.id" in str(refusal), refusal
        assert node.process.wait(10) not in (0, -6, -11), node.log_tail()
    else:
        raise AssertionError("a node joined a cluster that it does not want")


def all_stop_at_once(nodes):
    """Before long there is no quorum to leave; nobody waits for it as long as for one that answers."""
    for _ in range(3):
        began = time.monotonic()
        for node in nodes:
            node.process.send_signal(signal.SIGTERM)
        for node in nodes:
            assert node.process.wait(30) == 0, node.log_tail()
            assert "its leaderships were not all moved" not in node.log_tail(1000), node.log_tail()
        print(f"all stopped in {time.monotonic() - began:.2f} s")
        start_all(nodes)
    for node in nodes:
        node.stop()
    print("stopped in order")


def main():
    directory = pathlib.Path(tempfile.mkdtemp(prefix="cairn-test-"))
    nodes = [Cairn(directory / str(id_), node_id=id_) for id_ in range(1, SIZE + 1)]
    voters = ",".join(f"{id_}@127.0.0.1:{node.controller_port}" for id_, node in enumerate(nodes, 1))
    for node in nodes:
        node.settings["controller.quorum.voters"] = voters
        node.settings["cairn.http.listener"] = f"127.0.0.1:{node.http_port}"
    try:
        began = time.monotonic()
        start_all(nodes)
        print(f"formed in {time.monotonic() - began:.2f} s")
        identities = {re.search(r"cluster\.id=(\S+)", (n.directory / "data/meta.properties").read_text())[1]
                      for n in nodes}
        assert len(identities) == 1, identities
        one_that_wants_another_cluster_is_told(directory, voters)
        for id_, node in enumerate(nodes):
            assert Client(node.bootstrap).create_topic(f"through-{id_}") == 0

        active = wait_until(lambda: active_of(nodes), 10, "one active controller")
        others = [node for node in nodes if node is not active]
        active.kill()
        began = time.monotonic()
        wait_until(lambda: active_of(others), 20, "another active controller")
        print(f"another active controller after {time.monotonic() - began:.2f} s")
        for id_, node in enumerate(others):
            assert Client(node.bootstrap, 30).create_topic(f"without-{id_}") == 0
        print(f"back after {active.start(seconds=60):.2f} s")
        assert Client(active.bootstrap).create_topic("again") == 0

        if kafka_process.JARS.exists() and shutil.which("java"):
            bootstrap = f"127.0.0.1:{nodes[0].controller_port}"
            status = kafka_process.tool("metadata-quorum", "--bootstrap-controller", bootstrap,
                                        "describe", "--status")
            assert len(re.findall(r'"id": ?\d', status)) >= SIZE, status
            replication = kafka_process.tool("metadata-quorum", "--bootstrap-server",
                                             nodes[1].bootstrap, "describe", "--replication")
            assert replication.count("Follower") == SIZE - 1 and "Leader" in replication, replication

        all_stop_at_once(nodes)
    except BaseException:
        for node in nodes:
            sys.stderr.write(f"--- the end of the log of {node.directory.name}\n{node.log_tail()}\n")
        raise
    finally:
        for node in nodes:
            node.kill()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
