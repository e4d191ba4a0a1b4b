# SPDX-License-Identifier: Apache-2.0
"""Runs three nodes of Cairn and of Kafka in turn (A B B A) and writes docs/BENCHMARKS_CLUSTER.md.

What three nodes do at replication factor 3 with acks=all: CPU of all three, end to end, the start from
nothing, and the longest pause between acknowledgements when a node is killed or stopped."""

import signal
import statistics
import sys
import tempfile
import threading
import time

from clusters import SIZE, CairnNodes, Client, KafkaNodes, controller, create_topic, partition, record_batch, until
from rows import FLUSHED, LAZY, Row
from run import Bench, arguments, figure, head, table_line, work_table
from servers import remove

REPLICAS = ["--replicas", "1", "--replicas", "2", "--replicas", "3"]
IN_SYNC = ["--config", "min.insync.replicas=2", "--acks", "-1", *REPLICAS]


def bulk(durability, name, size):
    return Row(f"bulk produce, acks=all, CPU of all three; {name}",
               ["produce", "--bytes", size, "--warm-bytes", size, *IN_SYNC, *durability],
               "server_cpu_s_per_gb", "CPU-s/GB", 8, also=[("mb_per_s", "MB/s"), ("server_kib", "KiB of all three")])


def latency(durability, name):
    return Row(f"1,000 msg/s open loop, acks=all; {name}",
               ["latency", "--rate", "1000", "--partitions", "1", "--record-bytes", "100", "--seconds", "10",
                *IN_SYNC, *durability],
               "server_us_per_record", "µs CPU a message", 10,
               also=[("p50_us", "µs p50"), ("p99_us", "p99"), ("p999_us", "p99.9 end to end")])


ROWS = [bulk(LAZY, "not flushed", "1000000000"), bulk(FLUSHED, "flushed", "300000000"),
        latency(LAZY, "not flushed"), latency(FLUSHED, "flushed")]

FAULTS = [("kill -9 of the leader", signal.SIGKILL, False), ("kill -9 of leader and active controller", signal.SIGKILL, True),
          ("SIGTERM of the leader", signal.SIGTERM, False), ("SIGTERM of leader and active controller", signal.SIGTERM, True)]


class Probe(threading.Thread):
    """One record after another with acks=all, to whichever node takes it."""

    def __init__(self, nodes, topic, batch):
        super().__init__(daemon=True)
        self.nodes, self.topic, self.batch = nodes, topic, batch
        self.acknowledged, self.ending = [], False

    def run(self):
        client, at = None, 1
        while not self.ending:
            try:
                client = client or Client(self.nodes.address(at), 0.5)
                code, _ = client.produce(self.topic, 0, self.batch)
            except (OSError, AssertionError):
                code = -1
            if code == 0:
                self.acknowledged.append(time.monotonic())
            else:
                if client:
                    client.close()
                client, at = None, at % SIZE + 1
            time.sleep(0.002)

    def end(self):
        self.ending = True
        self.join(30)


def acknowledged(nodes, topic, batch):
    leader, _ = partition(nodes.bootstrap, topic)
    return leader > 0 and Client(nodes.address(leader), 1).produce(topic, 0, batch)[0] == 0


def seconds_to_first_ack(nodes, batch):
    """From exec of three empty nodes to the first record acknowledged by all that must."""
    nodes.empty()
    began = time.monotonic()
    nodes.start()
    until(lambda: create_topic(nodes.bootstrap, "first", [1, 2, 3], min_insync_replicas=2) in (0, 36), "a topic")
    until(lambda: acknowledged(nodes, "first", batch), "an acknowledgement")
    return time.monotonic() - began


def longest_gap(nodes, fault, batch, run):
    """Milliseconds."""
    _, how, both = fault
    active = until(lambda: controller(nodes.bootstrap), "an active controller")
    victim = active if both else active % SIZE + 1
    others = [id_ for id_ in range(1, SIZE + 1) if id_ != victim]
    topic, witness = f"gap-{run}", nodes.address(others[0])
    until(lambda: create_topic(witness, topic, [victim, *others], min_insync_replicas=2) in (0, 36), "a topic")
    until(lambda: partition(witness, topic) == (victim, SIZE), "all in sync")
    probe = Probe(nodes, topic, batch)
    probe.start()
    until(lambda: len(probe.acknowledged) > 500, "acknowledgements")
    began = time.monotonic()
    nodes.stop(victim, how=how)
    until(lambda: sum(at > began + 0.5 for at in list(probe.acknowledged)) > 100, "acknowledgements after the fault")
    probe.end()
    marks = [at for at in probe.acknowledged if at > began - 0.1]
    nodes.start(victim)
    until(lambda: partition(witness, topic)[1] == SIZE, "all in sync again")
    return 1000 * max(after - before for before, after in zip(marks, marks[1:]))


def fault_table(found, labels):
    text = ["| Longest pause between acknowledgements | " + " | ".join(labels) + " | goal |",
            "|---|" + "---|" * (len(labels) + 1)]
    for name, how, _ in FAULTS:
        cells = []
        for label in labels:
            gaps = found[name][label]
            cells.append(f"{figure(min(gaps))} / **{figure(statistics.median(gaps))}** / {figure(max(gaps))} ms")
        goal = "1 s" if how == signal.SIGKILL else "100 ms"
        text.append(f"| {name}: min / median / max of {len(gaps)} | " + " | ".join(cells) + f" | {goal} |")
    return text


def measure_faults(options, servers, batch):
    found = {name: {server.label: [] for server in servers} for name, _, _ in FAULTS}
    run = 0
    for _ in range(1 if options.quick else options.pairs):
        for fault in FAULTS:
            for server in servers:
                run += 1
                found[fault[0]][server.label].append(longest_gap(server, fault, batch, run))
                print(fault[0], server.label, figure(found[fault[0]][server.label][-1]), "ms", file=sys.stderr)
    return found


def main():
    options = arguments("docs/BENCHMARKS_CLUSTER.md")
    root = tempfile.mkdtemp(prefix="cairn-bench-")
    batch = record_batch([b"x" * 100])
    servers = [CairnNodes(root)] + ([KafkaNodes(root, options.with_kafka)] if options.with_kafka else [])
    bench = Bench(options, root, servers)
    rows = [row for row in ROWS if not options.only or options.only in row.name]
    labels = [server.label for server in servers]
    try:
        starts = {server.label: seconds_to_first_ack(server, batch) for server in servers}
        print(starts, file=sys.stderr)
        for server in servers:
            server.wait()
            bench.delete_at_once(server)
            if server.label == "kafka" and not options.quick:
                bench.warm(server, 60)
        lines = []
        for row in rows:
            print(row.name, file=sys.stderr)
            lines.append(table_line(row, bench.measure(row), []))
            print(lines[-1], file=sys.stderr)
        faults = measure_faults(options, servers, batch)
        with open(options.output, "w") as file:
            file.write("\n".join([
                "# Benchmarks of three nodes",
                "",
                *head(options),
                *work_table("three nodes on one machine, replication factor 3, min.insync.replicas 2", lines),
                "",
                "| | " + " | ".join(labels) + " | goal |",
                "|---|" + "---|" * (len(labels) + 1),
                "| exec of three empty nodes to the first acknowledged record | "
                + " | ".join(f"{figure(starts[label])} s" for label in labels) + " | 1 s |",
                "",
                "Default timeouts on both sides; a probe writes one record after another with acks=all to",
                "whichever node takes it.",
                "",
                *fault_table(faults, labels),
                ""]))
    finally:
        for server in servers:
            server.stop(how=signal.SIGKILL)
        remove(root)


if __name__ == "__main__":
    main()
