# SPDX-License-Identifier: Apache-2.0
"""Three nodes that chaos_test.py breaks: gates between them that can be cut, one of them on a small disk."""
import errno
import os
import shutil
import subprocess
import sys
import time

import fault_shim
from cairn_process import BUILD, Cairn, free_port, run, start_all, wait_until
from links import Links
from quorum_test import active_of, metric
from wire import Client

SIZE, PARTITIONS = 3, 6
PATIENCE = 240  # long enough for a machine that does other things too: what does not come by then never does
SMALL_DISK = 768 << 20
SHIM = BUILD / "tests/integration/libcairn_fault_shim.so"


def private_mounts():
    """Whether this process may mount: it then runs on in a mount namespace of its own."""
    if os.environ.get("CAIRN_CHAOS_MOUNTS"):
        return os.environ["CAIRN_CHAOS_MOUNTS"] == "yes"
    apart = ["unshare", "-m", "--propagation", "private"]
    able = os.geteuid() == 0 and shutil.which("unshare") and subprocess.run(
        [*apart, "sh", "-c", "mount -t tmpfs none /mnt"], capture_output=True).returncode == 0
    os.environ["CAIRN_CHAOS_MOUNTS"] = "yes" if able else "no"
    if able:
        os.execvp("unshare", [*apart, sys.executable, *sys.argv])
    return False


class Node(Cairn):
    def __init__(self, directory, id_):
        super().__init__(directory, node_id=id_)
        self.id, self.links, self.environment, self.log_began = id_, None, None, 0
        self.inner_port = free_port()
        self.gates = {"INTERNAL": free_port(), "CONTROLLER": free_port()}

    def configure(self, voters):
        self.settings.update({
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},INTERNAL://127.0.0.1:{self.inner_port},"
                         f"CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port},INTERNAL://127.0.0.1:{self.gates['INTERNAL']},"
                                    f"CONTROLLER://127.0.0.1:{self.gates['CONTROLLER']}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "INTERNAL", "controller.quorum.voters": voters,
            "cairn.http.listener": f"127.0.0.1:{self.http_port}", "default.replication.factor": SIZE,
            "min.insync.replicas": 2, "offsets.topic.replication.factor": SIZE, "offsets.topic.num.partitions": 4,
            "log.retention.ms": -1,
            "metadata.log.max.record.bytes.between.snapshots": 20000, "leader.imbalance.check.interval.seconds": 10})

    def spawn(self, prefix=(), environment=None):
        self.log_began = self.log.stat().st_size if self.log.exists() else 0
        super().spawn(prefix, self.environment)
        self.links.started(self.id, self.process.pid)

    def ended(self):
        return self.process.poll() is not None

    def await_end_without_metadata(self):
        """One that could not write its metadata log ends by itself; that takes it a while."""
        time.sleep(1)
        if b"the metadata log cannot be used" in self.log.read_bytes()[self.log_began:]:
            self.process.wait(PATIENCE)

    def signal(self, number):
        self.process.send_signal(number)


class SmallDisk:
    """A file system of its own for a node; a ballast takes what is left of it."""

    def __init__(self, node):
        self.root = node.directory / "data"
        self.root.mkdir(parents=True)
        run("mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "none", self.root)
        self.ballast = self.root / ".ballast"

    def fill(self):
        with open(self.ballast, "wb") as file:
            size = 0
            for step in (1 << 20, 4096):
                try:
                    while True:
                        os.posix_fallocate(file.fileno(), size, step)
                        size += step
                except OSError as error:
                    assert error.errno == errno.ENOSPC, error

    def free(self):
        self.ballast.unlink()

    def close(self):
        run("umount", "-l", self.root)


class ShimDisk:
    """Where nothing may be mounted: the system's calls fail as on a full disk."""

    def __init__(self, node):
        self.disk = fault_shim.FaultyDisk(SHIM, node.directory)
        self.disk.set(journal=0)
        node.environment = {**self.disk.environment,
                            "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")}

    def fill(self):
        self.disk.fail(fault_shim.WRITE | fault_shim.ALLOCATE, errno.ENOSPC, 0.5)

    def free(self):
        self.disk.heal()

    def close(self):
        self.disk.heal()


def leaders_of(nodes, topic):
    """{partition: (leader, replicas in sync)}; empty while no node says."""
    for node in nodes:
        try:
            client = Client(node.bootstrap, 3)
            try:
                return client.partitions(topic)
            finally:
                client.close()
        except (OSError, AssertionError):
            continue
    return {}


class Cluster:
    topic, partitions = "chaos", PARTITIONS

    def __init__(self, directory):
        self.directory = directory
        self.nodes = [Node(directory / str(id_), id_) for id_ in range(1, SIZE + 1)]
        voters = ",".join(f"{node.id}@127.0.0.1:{node.gates['CONTROLLER']}" for node in self.nodes)
        self.links = Links([(node.gates[name], target, node.id) for node in self.nodes
                            for name, target in (("INTERNAL", node.inner_port), ("CONTROLLER", node.controller_port))])
        self.bootstrap = ",".join(node.bootstrap for node in self.nodes)
        for node in self.nodes:
            node.directory.mkdir()
            node.links = self.links
            node.configure(voters)
        self.disk = SmallDisk(self.nodes[-1]) if private_mounts() else ShimDisk(self.nodes[-1])

    def start(self, nodes):
        start_all(nodes, PATIENCE)

    def close(self, keep):
        """Ends all that runs; what is to be kept is copied from the small disk, which goes with this process."""
        for node in self.nodes:
            node.kill()
        self.links.close()
        if keep and isinstance(self.disk, SmallDisk):
            shutil.copytree(self.disk.root, self.disk.root.parent / "data.kept", ignore=lambda *_: [".ballast"])
        self.disk.close()

    def active(self):
        return active_of(self.nodes)

    def leaders(self):
        return leaders_of(self.nodes, self.topic)

    def unhealthy(self):
        """What is not as it should be; None where all is well."""
        if any(node.ended() for node in self.nodes):
            return "a node is down"
        if not self.active():
            return "no active controller"
        for node in self.nodes:
            if metric(node, "kafka_server_replicamanager_underreplicatedpartitions") != 0:
                return f"node {node.id} leads partitions with replicas out of sync"
            if metric(node, "kafka_controller_kafkacontroller_activebrokercount") != SIZE:
                return f"node {node.id} does not see {SIZE} brokers that serve"
            if metric(node, "kafka_controller_kafkacontroller_offlinepartitionscount") != 0:
                return "offline partitions"
        found = self.leaders()
        short = [index for index, (leader, isr) in found.items() if leader < 0 or len(isr) < SIZE]
        return None if len(found) == PARTITIONS and not short else f"partitions {short or 'unknown'} are not in sync"

    def wait_until_healthy(self):
        began, last = time.monotonic(), ["unknown"]

        def healthy():
            last[0] = self.unhealthy()
            return last[0] is None
        try:
            wait_until(healthy, PATIENCE, "health")
        except AssertionError:
            raise AssertionError(f"not healthy {PATIENCE} s after the last fault: {last[0]}") from None
        return time.monotonic() - began


def read_partition(cluster, index):
    """From its leader, which may give way to the preferred one meanwhile."""
    leader, _ = cluster.leaders().get(index, (-1, []))
    if leader < 0:
        return None
    try:
        client = Client(cluster.nodes[leader - 1].bootstrap, 30)
        try:
            return client.read_all(cluster.topic, index, 0, 1)
        finally:
            client.close()
    except (OSError, AssertionError):
        return None


def read_log(cluster):
    log = {}

    def read(index):
        log[index] = read_partition(cluster, index)
        return log[index] is not None
    for index in range(cluster.partitions):
        wait_until(lambda: read(index), PATIENCE, f"reading partition {index}")
    return log
