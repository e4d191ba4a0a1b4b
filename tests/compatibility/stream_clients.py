# SPDX-License-Identifier: Apache-2.0
"""Steady producers and members of groups for a cluster whose nodes are killed: kafka-python's, franz-go's, kcat's
and Kafka's own console tools (librdkafka's are chaos_clients.py's), each in a process of its own. They keep what
they were told, as those do. Of a tool that says nothing of single records the end tells: it ends well only if all were
delivered."""
import contextlib
import pathlib
import re
import subprocess
import threading

from cairn_process import CACHE
from chaos_clients import Member, Producer
from kafka_process import TOOLS, java

HERE = pathlib.Path(__file__).resolve().parent
END_SECONDS = 120
PADDING = b"x" * 200  # kcat takes blocks of its input, however slowly they fill


class Program(threading.Thread):
    """A client in a process of its own; `line` takes what it prints."""

    def __init__(self, cluster, name, command):
        super().__init__(daemon=True)
        self.name, self.stdin_lock = name, threading.Lock()
        self.log = cluster.directory / f"{name}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([*map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)

    def run(self):
        for line in self.process.stdout:
            self.line(line.rstrip(b"\n"))

    def close_input(self):
        with self.stdin_lock:
            self.process.stdin.close()

    def check_alive(self):
        assert self.process.poll() is None, f"{self.name} ended with {self.process.poll()}, see {self.log}"

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(END_SECONDS)
        finally:
            self.kill()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.join(10)


class Fed(Producer, Program):
    """A tool that sends the lines of its input, fed at a steady rate."""
    complaint = rb"(?i)error|failed|exception"

    def __init__(self, identity, cluster, rate, name, command):
        Producer.__init__(self, identity)
        Program.__init__(self, cluster, name, command)
        self.rate, self.sent, self.ending = rate, 0, threading.Event()
        self.feeder = threading.Thread(target=self.feed, daemon=True)

    def start(self):
        super().start()
        self.feeder.start()

    def feed(self):
        with contextlib.suppress(BrokenPipeError):  # it ended, and check_alive or end says how
            while not self.ending.wait(1 / self.rate):
                self.process.stdin.write(b"%d.%d %s\n" % (self.identity, self.sent, PADDING))
                self.process.stdin.flush()
                self.sent += 1

    def line(self, line):
        pass

    def end(self):
        """Without a word on single records: what was sent was acknowledged, somewhere, if it ended well."""
        self.ending.set()
        self.feeder.join(10)
        self.close_input()
        assert self.process.wait(END_SECONDS) == 0, f"{self.name} ended with {self.process.returncode}, see {self.log}"
        complaints = [line for line in self.log.read_bytes().splitlines() if re.search(self.complaint, line)]
        self.failed += complaints
        self.acknowledged = {number: (None, None) for number in range(self.sent)}


def kcat_producer(identity, cluster, rate):
    fed = Fed(identity, cluster, rate, "kcat-producer",
              ["kcat", "-b", cluster.bootstrap, "-P", "-t", cluster.topic, "-X", "enable.idempotence=true", "-X",
               "linger.ms=2", "-X", "reconnect.backoff.max.ms=500"])
    fed.complaint = rb"Delivery failed|terminating|FATAL"  # a connection that is lost is an ERROR of its log
    return fed


def console_producer(identity, cluster, rate):
    """The tool tries three times by default; whoever wants no loss lets it try on."""
    fed = Fed(identity, cluster, rate, "console-producer",
              java(TOOLS["console-producer"], "--bootstrap-server", cluster.bootstrap, "--topic", cluster.topic,
                   "--timeout", 20, "--message-send-max-retries", 1000000, "--command-property", "enable.idempotence=true"))
    fed.complaint = rb"ERROR|Exception in"
    return fed


class Told(Member, Program):
    """A tool that prints `partition offset value` of each record. It does not say when its assignment changes:
    where it goes back it has another one."""

    def __init__(self, group, cluster, name, command, form):
        Member.__init__(self, group)
        Program.__init__(self, cluster, name, command)
        self.form = re.compile(form)

    def line(self, line):
        partition, offset, value = self.form.fullmatch(line).groups()
        if int(offset) <= self.newest.get(int(partition), -1):
            self.begin_assignment()
            self.newest.clear()
        self.note(int(partition), int(offset), value)


def kcat_member(group, cluster):
    return Told(group, cluster, "kcat-member",
                ["kcat", "-b", cluster.bootstrap, "-q", "-u", "-f", "%p %o %s\\n", "-X", "auto.offset.reset=earliest",
                 "-X", "auto.commit.interval.ms=500", "-X", "session.timeout.ms=8000", "-X", "heartbeat.interval.ms=500",
                 "-X", "reconnect.backoff.max.ms=500", "-G", group, cluster.topic], rb"(\d+) (\d+) (.*)")


def console_member(group, cluster):
    shown = [part for name in ("partition", "offset") for part in ("--formatter-property", f"print.{name}=true")]
    return Told(group, cluster, "console-consumer",
                java(TOOLS["console-consumer"], "--bootstrap-server", cluster.bootstrap, "--topic", cluster.topic,
                     "--from-beginning", "--group", group, *shown, "--command-property", "session.timeout.ms=8000",
                     "--command-property", "heartbeat.interval.ms=500"), rb"Partition:(\d+)\tOffset:(\d+)\t(.*)")


class Stream(Producer, Member, Program):
    """A program of ours that is both, and prints what happens (go/stream.go, python/stream.py)."""

    def __init__(self, identity, group, cluster, rate, name, *program):
        Producer.__init__(self, identity)
        Member.__init__(self, group)
        Program.__init__(self, cluster, name, [*program, cluster.bootstrap, "stream", cluster.topic, group, identity, rate])
        self.flushed = threading.Event()

    def line(self, line):
        kind, *rest = line.split(b" ", 3)
        if kind == b"ack":
            Producer.note(self, *map(int, rest))
        elif kind == b"read":
            Member.note(self, int(rest[0]), int(rest[1]), rest[2])
        elif kind == b"assigned":
            self.begin_assignment()
        elif kind == b"flushed":
            self.flushed.set()
        else:
            self.failed.append(line)

    def end_producing(self):
        self.close_input()
        assert self.flushed.wait(END_SECONDS), f"the producer of {self.name} does not end"


def go_client(identity, cluster, rate):
    return Stream(identity, cluster.group, cluster, rate, "franz-go", CACHE / "go-client-3")


def pure_client(identity, cluster, rate):
    return Stream(identity, cluster.group, cluster, rate, "kafka-python", CACHE / "python/bin/python",
                  HERE / "python/stream.py")
