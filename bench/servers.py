# SPDX-License-Identifier: Apache-2.0
"""The two servers a benchmark compares, behind one face: start, address, pid, command, stop."""

import os
import shutil
import signal
import socket
import subprocess
import time

NEVER = "9223372036854775807"  # Kafka's default of flush.messages


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_for_port(port, seconds=60):
    for _ in range(seconds * 50):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"nothing listens on port {port}")


class Server:
    def pids(self):
        return [self.pid]


class Cairn(Server):
    label = "cairn"

    def __init__(self, root):
        self.directory = os.path.join(root, "cairn")
        self.data = os.path.join(self.directory, "data")
        os.makedirs(self.directory, exist_ok=True)
        self.port, controller = free_ports(2)
        self.bootstrap = f"127.0.0.1:{self.port}"
        listeners = f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}"
        overrides = [f"log.dirs={self.data}", f"listeners={listeners}",
                     "cairn.http.listener=", f"log.flush.interval.messages={NEVER}"]
        self.command = ["build/release/bin/cairnd"]
        for override in overrides:
            self.command += ["--override", override]
        self.process = None

    def start(self):
        with open(os.path.join(self.directory, "log"), "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        wait_for_port(self.port)
        self.pid = self.process.pid

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait()


class Kafka(Server):
    label = "kafka"

    def __init__(self, root, tool):
        self.tool = tool
        self.directory = os.path.join(root, "kafka")
        self.data = os.path.join(self.directory, "1")
        self.port = free_ports(1)[0]
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.environment = dict(os.environ, KAFKA_PORT=str(self.port),
                                KAFKA_HEAP_OPTS="-Xms1G -Xmx1G")
        self.command = None

    def start(self):
        subprocess.run([self.tool, "start", self.directory], env=self.environment, check=True,
                       stdout=subprocess.DEVNULL)
        wait_for_port(self.port)
        with open(os.path.join(self.directory, "pids")) as pids:
            self.pid = int(pids.read().split()[0])
        with open(f"/proc/{self.pid}/cmdline", "rb") as words:
            self.command = words.read().decode().rstrip("\0").split("\0")

    def stop(self, how=signal.SIGTERM):
        os.kill(self.pid, how)
        while True:
            try:
                with open(f"/proc/{self.pid}/stat") as stat:
                    if stat.read().rsplit(")", 1)[1].split()[0] == "Z":
                        return
            except FileNotFoundError:
                return
            time.sleep(0.05)


def remove(root):
    shutil.rmtree(root, ignore_errors=True)
