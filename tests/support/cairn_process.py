# SPDX-License-Identifier: Apache-2.0
"""A real cairnd (and, for comparison, a real Kafka) as a child process: start, stop, kill, where its
files are. Every test uses a directory of its own and free ports, and ends only what it started."""
import contextlib
import os
import pathlib
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("CAIRN_BUILD", ROOT / "build/dev"))
CAIRND = BUILD / "bin/cairnd"
CAIRN = BUILD / "bin/cairn"
CACHE = pathlib.Path(os.environ.get("CAIRN_TEST_CACHE",
                                    pathlib.Path.home() / ".cache/cairn-tests"))
SKIPPED = 77


def skip(why):
    """Ends the program as a skipped test, by name and with the reason."""
    print(f"SKIPPED {pathlib.Path(sys.argv[0]).stem}: {why}")
    sys.exit(SKIPPED)


PORTS = random.Random()  # its own: tests seed the other
GIVEN = set()


def free_port():
    """Below those that the system gives to connections: a server that restarts finds it free again. None twice."""
    while True:
        port = PORTS.randrange(20000, 32000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            if port not in GIVEN:
                GIVEN.add(port)
                return port


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds} s")
        time.sleep(0.02)
    return value


class Cairn:
    """One cairnd. Ports are taken once, so that a restart keeps its address."""

    def __init__(self, directory, **overrides):
        self.directory = pathlib.Path(directory)
        self.port, self.controller_port, self.http_port = free_port(), free_port(), free_port()
        self.settings = {
            "process.roles": "broker,controller", "node.id": 1,
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.controller_port}",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller_port}",
            "log.dirs": self.directory / "data",
            "offsets.topic.replication.factor": 1,
            "group.initial.rebalance.delay.ms": 0,
        }
        self.settings.update({key.replace("_", "."): value for key, value in overrides.items()})
        self.process = None
        self.log = self.directory / "cairnd.log"

    @property
    def bootstrap(self):
        return f"127.0.0.1:{self.port}"

    def command(self):
        (self.directory / "server.properties").write_text(
            "".join(f"{key}={value}\n" for key, value in self.settings.items()))
        return [CAIRND, "--config", self.directory / "server.properties"]

    def start(self, prefix=(), environment=None, seconds=30):
        """Starts it and returns the seconds until it said it was ready."""
        began = time.monotonic()
        self.spawn(prefix, environment)
        self.await_ready(seconds)
        return time.monotonic() - began

    def spawn(self, prefix=(), environment=None):
        self.directory.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*prefix, *self.command()], stdout=subprocess.PIPE, stderr=log,
                                            env={**os.environ, **(environment or {})})

    def await_ready(self, seconds=30):
        readable, _, _ = select.select([self.process.stdout], [], [], seconds)
        line = self.process.stdout.readline().decode() if readable else ""
        if not line.startswith("ready "):
            self.kill()
            raise AssertionError(f"no ready line, but {line!r}; its log ends:\n{self.log_tail()}")

    def log_tail(self, lines=30):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self, seconds=30):
        """SIGTERM; it must end by itself with 0."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(seconds)
        if code != 0:
            raise AssertionError(f"cairnd ended with {code} after SIGTERM:\n{self.log_tail()}")

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def cairn(**overrides):
    """A running cairnd in a fresh directory, gone afterwards."""
    if not CAIRND.exists():
        raise AssertionError(f"{CAIRND} is not built")
    directory = tempfile.mkdtemp(prefix="cairn-test-")
    node = Cairn(directory, **overrides)
    try:
        node.start()
        yield node
        assert node.process.poll() is None, f"cairnd died:\n{node.log_tail()}"
    except BaseException:
        sys.stderr.write(f"--- the end of cairnd's log\n{node.log_tail()}\n")
        raise
    finally:
        node.kill()
        shutil.rmtree(directory, ignore_errors=True)


def start_all(nodes, seconds=60):
    """All at once, for each waits for the others, and in vain where one does not start."""
    failures = []

    def start(node):
        try:
            node.start(seconds=seconds)
        except AssertionError as failure:
            failures.append(failure)
            for other in nodes:
                other.kill()

    threads = [threading.Thread(target=start, args=(node,)) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


class CairnCluster:
    """Nodes that are brokers and controllers, with every topic on three of them and two needed for acks=all."""

    def __init__(self, directory, size=3, **overrides):
        self.directory = pathlib.Path(directory)
        self.nodes = [Cairn(self.directory / str(id_), node_id=id_) for id_ in range(1, size + 1)]
        voters = ",".join(f"{id_}@127.0.0.1:{node.controller_port}" for id_, node in enumerate(self.nodes, 1))
        for node in self.nodes:
            node.settings.update({
                "controller.quorum.voters": voters, "cairn.http.listener": f"127.0.0.1:{node.http_port}",
                "default.replication.factor": 3, "min.insync.replicas": 2, "offsets.topic.replication.factor": 3,
                **{key.replace("_", "."): value for key, value in overrides.items()}})

    @property
    def bootstrap(self):
        return ",".join(node.bootstrap for node in self.nodes)

    @property
    def bootstrap_controller(self):
        return ",".join(f"127.0.0.1:{node.controller_port}" for node in self.nodes)

    def start(self):
        start_all(self.nodes)

    def kill(self):
        for node in self.nodes:
            node.kill()


@contextlib.contextmanager
def cairn_cluster(**overrides):
    """A running cluster of three in a fresh directory, gone afterwards."""
    directory = tempfile.mkdtemp(prefix="cairn-test-")
    cluster = CairnCluster(directory, **overrides)
    try:
        cluster.start()
        yield cluster
        for node in cluster.nodes:
            assert node.process.poll() is None, f"cairnd died:\n{node.log_tail()}"
    except BaseException:
        for node in cluster.nodes:
            sys.stderr.write(f"--- the end of the log of {node.directory.name}\n{node.log_tail()}\n")
        raise
    finally:
        cluster.kill()
        if not os.environ.get("CAIRN_KEEP"):
            shutil.rmtree(directory, ignore_errors=True)


def run(*command, stdin=None, seconds=120, check=True, **options):
    """Runs a command and returns what it printed; its failure is ours."""
    done = subprocess.run([str(part) for part in command], input=stdin, timeout=seconds, text=True,
                          capture_output=True, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}\n"
                             f"{done.stdout}\n{done.stderr}")
    return done.stdout
