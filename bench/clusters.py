# SPDX-License-Identifier: Apache-2.0
"""Three combined nodes of Cairn or of Kafka behind one face, and what is asked of a cluster by hand."""

import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/support"))
from wire import CREATE_TOPICS, METADATA, Client, array, compact, compact_array, record_batch, string  # noqa: E402,F401

from servers import NEVER, free_ports, wait_for_port  # noqa: E402

SIZE = 3
DESCRIBE_QUORUM = 55


class Nodes:
    """`command(id)` starts node `id`, 1 to 3; `port(id)` is where its clients connect."""

    def __init__(self):
        self.processes = {}

    def start(self, *ids):
        for id_ in ids or range(1, SIZE + 1):
            with open(os.path.join(self.directory, f"{id_}.log"), "ab") as log:
                self.processes[id_] = subprocess.Popen(self.command(id_), stdout=log, stderr=log)

    def stop(self, *ids, how=signal.SIGTERM):
        ids = ids or list(self.processes)
        for id_ in ids:
            self.processes[id_].send_signal(how)
        for id_ in ids:
            self.processes.pop(id_).wait()

    def pids(self):
        return [process.pid for process in self.processes.values()]

    @property
    def data(self):
        return self.directory

    @property
    def bootstrap(self):
        return self.address(1)

    def address(self, id_):
        return f"127.0.0.1:{self.port(id_)}"

    def wait(self):
        for id_ in range(1, SIZE + 1):
            wait_for_port(self.port(id_))


class CairnNodes(Nodes):
    label = "cairn"

    def __init__(self, root):
        super().__init__()
        self.directory = os.path.join(root, "cairn-three")
        self.ports = free_ports(2 * SIZE)
        self.empty()

    def empty(self):
        shutil.rmtree(self.directory, ignore_errors=True)
        os.makedirs(self.directory)

    def port(self, id_):
        return self.ports[id_ - 1]

    def command(self, id_):
        voters = ",".join(f"{i + 1}@127.0.0.1:{self.ports[SIZE + i]}" for i in range(SIZE))
        settings = {"process.roles": "broker,controller", "node.id": id_, "controller.quorum.voters": voters,
                    "log.dirs": f"{self.directory}/{id_}",
                    "listeners": f"PLAINTEXT://127.0.0.1:{self.port(id_)},"
                                 f"CONTROLLER://127.0.0.1:{self.ports[SIZE + id_ - 1]}",
                    "min.insync.replicas": 2, "default.replication.factor": 3, "cairn.http.listener": "",
                    "log.flush.interval.messages": NEVER}
        words = ["build/release/bin/cairnd"]
        for key, value in settings.items():
            words += ["--override", f"{key}={value}"]
        return words


class KafkaNodes(Nodes):
    """The tool formats and starts them the first time; then their commands are known."""
    label = "kafka"

    def __init__(self, root, tool):
        super().__init__()
        self.tool, self.directory = tool, os.path.join(root, "kafka-three")
        os.makedirs(self.directory)
        self.base = self.free_range()
        subprocess.run([tool, "start", self.directory, str(SIZE)], check=True, stdout=subprocess.DEVNULL,
                       env=dict(os.environ, KAFKA_PORT=str(self.base)))
        with open(os.path.join(self.directory, "pids")) as file:
            pids = [int(pid) for pid in file.read().split()]
        self.commands = []
        for pid in pids:
            with open(f"/proc/{pid}/cmdline", "rb") as words:
                self.commands.append(words.read().decode().rstrip("\0").split("\0"))
        subprocess.run([tool, "stop", self.directory], check=True)

    @staticmethod
    def free_range():
        """Below the ports that the system gives to connections."""
        return random.randrange(20000, 31000, 2 * SIZE)

    def empty(self):
        for id_ in range(1, SIZE + 1):
            data = os.path.join(self.directory, str(id_))
            shutil.rmtree(data, ignore_errors=True)
            subprocess.run([self.tool, "storage", "format", "-t", "Y2Fpcm4tcGVlci1rYWZrYQ", "-c", f"{data}.properties"],
                           check=True, stdout=subprocess.DEVNULL)

    def port(self, id_):
        return self.base + 2 * (id_ - 1)

    def command(self, id_):
        return self.commands[id_ - 1]


def create_topic(bootstrap, name, replicas, **configs):
    """The error code. One partition."""
    assignment = struct.pack(">i", 0) + array([struct.pack(">i", id_) for id_ in replicas])
    settings = [string(key.replace("_", ".")) + string(str(value)) for key, value in configs.items()]
    topic = string(name) + struct.pack(">ih", -1, -1) + array([assignment]) + array(settings)
    answer = Client(bootstrap).call(CREATE_TOPICS, 2, array([topic]) + struct.pack(">ib", 10000, 0))
    answer.take(8), answer.string()
    return answer.number("h")


def partition(bootstrap, topic):
    """(leader, number in sync) of its only partition."""
    answer = Client(bootstrap).call(METADATA, 1, array([string(topic)]))
    for _ in range(answer.number("i")):
        answer.number("i"), answer.string(), answer.number("i"), answer.string()
    answer.number("i"), answer.number("i")
    answer.number("h"), answer.string(), answer.take(1)
    if answer.number("i") == 0:
        return -1, 0
    answer.number("h"), answer.number("i")
    leader = answer.number("i")
    answer.take(4 * answer.number("i"))
    return leader, answer.number("i")


def controller(bootstrap):
    """The active one."""
    body = compact_array([compact("__cluster_metadata") + compact_array([struct.pack(">i", 0) + b"\0"]) + b"\0"]) + b"\0"
    client = Client(bootstrap)
    client.correlation += 1
    header = struct.pack(">hhi", DESCRIBE_QUORUM, 0, client.correlation) + string("bench") + b"\0"
    client.socket.sendall(struct.pack(">i", len(header) + len(body)) + header + body)
    _, answer = client.receive()
    answer.tags()
    assert answer.number("h") == 0, "DescribeQuorum failed"
    answer.uvarint(), answer.compact(), answer.uvarint(), answer.number("i")
    assert answer.number("h") == 0, "DescribeQuorum failed"
    return answer.number("i")


def until(condition, what, seconds=90):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            value = condition()
            if value:
                return value
        except (OSError, AssertionError, struct.error):
            pass
        time.sleep(0.005)
    raise SystemExit(f"{what} did not happen within {seconds} s")
