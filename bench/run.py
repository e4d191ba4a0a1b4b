# SPDX-License-Identifier: Apache-2.0
"""Runs floors, Cairn and Kafka in turn (A B B A) and writes docs/BENCHMARKS.md.

Every half is one run of cairn_bench against one server while the other idles. A half in which anyone
else used more than a twentieth of the machine is repeated, and marked if it never gets quiet.
"""

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from rows import LAZY, ROWS, Row
from servers import Cairn, Kafka, remove

DRIVER = "build/release/bin/cairn_bench"
COMMAND = "build/release/bin/cairn"
FLOOR = "build/release/bin/cairn_floor"
MOST_OTHERS = 0.05
COLD_MEMORY = 0.35  # CPU-s/GB of a plain append


def arguments(output):
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__.splitlines()[0])
    parser.add_argument("--with-kafka", default=os.environ.get("CAIRN_BENCH_KAFKA"), metavar="COMMAND")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--only", help="rows whose name holds this text")
    parser.add_argument("--quick", action="store_true", help="a tenth of the bytes, short warm-up")
    parser.add_argument("--rough", action="store_true", help="do not repeat halves on a busy machine")
    parser.add_argument("--output", default=output)
    return parser.parse_args()


def call(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        print(f"    failed: {done.stderr.strip()}", file=sys.stderr)
        return []
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def call_once_served(command):
    """A broker that has just started may not be unfenced yet."""
    for _ in range(100):
        if rows := call(command):
            return rows
        time.sleep(0.1)
    return []


def shortened(words, options):
    if not options.quick:
        return words
    words = list(words)
    for key, part in (("--bytes", 10), ("--warm-bytes", 10), ("--seconds", 3)):
        if key in words:
            at = words.index(key) + 1
            words[at] = str(max(1, int(words[at]) // part))
    return words


class Bench:
    def __init__(self, options, root, servers):
        self.options = options
        self.root = root
        self.servers = servers
        self.runs = 0
        self.idle = {}

    def start(self):
        for server in self.servers:
            server.start()
            time.sleep(2)
            self.delete_at_once(server)
            self.idle[server.label] = call([
                DRIVER, "memory", "--connections", "1000", "--bootstrap", server.bootstrap,
                "--pid", *map(str, server.pids())])

    @staticmethod
    def delete_at_once(server):
        """Space and memory of what one half wrote serve the next; Kafka waits as its brokers are told."""
        call([COMMAND, "-b", server.bootstrap, "config", "set", "broker", "default", "log.segment.delete.delay.ms=100"])

    def half(self, row, server):
        """One measurement of one server; None if it failed. `noisy` tells a disturbed one."""
        words = [word.replace("{data}", server.data) for word in shortened(row.arguments, self.options)]
        for _ in range(1 if self.options.rough else 4):
            self.runs += 1
            topic = [] if "--topic" in words else ["--topic", f"bench-{self.runs}"]
            cold = self.is_cold()
            began = time.monotonic()
            rows = call([DRIVER, *words, *topic, "--bootstrap", server.bootstrap,
                         "--pid", *map(str, server.pids())])
            seconds = time.monotonic() - began
            if topic:
                call([COMMAND, "-b", server.bootstrap, "topic", "delete", "--if-exists", topic[1]])
            if not rows:
                return None
            result = rows[0]
            allowed = MOST_OTHERS * seconds * os.cpu_count()
            result["noisy"] = cold or result.get("others_cpu_s", 0) > allowed
            if not result["noisy"]:
                break
        return result

    def warm(self, server, seconds):
        row = Row("warm-up", ["acks", "--seconds", "6", "--connections", "4", *LAZY], "", "", 0)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.half(row, server)

    def is_cold(self):
        probe = call([DRIVER, "probe", "--directory", self.root])
        return bool(probe) and probe[0]["cpu_s_per_gb"] > COLD_MEMORY

    def measure(self, row):
        """For each server its results, in pairs: A B B A."""
        results = {server.label: [] for server in self.servers}
        for pair in range(self.options.pairs):
            order = self.servers if pair % 2 == 0 else self.servers[::-1]
            for server in order:
                results[server.label].append(self.half(row, server))
        return results

    def fill(self):
        for server in self.servers:
            for topic, partitions in (("filled", "1"), ("cold", "3")):
                words = ["produce", "--topic", topic, "--bytes", "1000000000",
                         "--partitions", partitions, *LAZY]
                call([DRIVER, *shortened(words, self.options), "--bootstrap", server.bootstrap])

    def standing(self):
        """Start, restart after a crash, memory: each server in a state of its own."""
        lines = []
        for server in self.servers:
            server.stop()
            restart = self.start_times(server, 3)
            server.start()
            words = ["produce", "--topic", "crashed", "--bytes", "1000000000", "--partitions", "1", *LAZY]
            call_once_served([DRIVER, *shortened(words, self.options), "--bootstrap", server.bootstrap])
            loaded = call([DRIVER, "memory", "--connections", "0", "--bootstrap", server.bootstrap,
                           "--pid", *map(str, server.pids())])
            server.stop(signal.SIGKILL)
            crashed = self.start_times(server, 1)
            lines.append((server.label, restart, crashed, self.idle[server.label], loaded))
        return lines

    def start_times(self, server, times):
        found = []
        for _ in range(times):
            rows = call([DRIVER, "start", "--topic", "filled", "--bootstrap", server.bootstrap,
                         "--", *server.command])
            found += [row["seconds"] for row in rows]
        return found


def figure(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def spread(values):
    return figure(statistics.median(values)) if values else "failed"


def good(results, key):
    return [r[key] for r in results if r is not None and key in r]


def ratios(row, results):
    pairs = zip(results["cairn"], results.get("kafka", []))
    both = [(a[row.metric], b[row.metric]) for a, b in pairs if a and b and a[row.metric] > 0]
    return sorted((a / b if row.more_is_better else b / a) for a, b in both)


def floor_share(row, floors, value):
    if row.floor is None or not value:
        return ""
    what, size, in_flight, key = row.floor
    for floor in floors:
        if (floor["what"], floor["bytes"], floor.get("in_flight")) == (what, size, in_flight):
            return f"{100 * floor[key] / value:.0f} %"
    return ""


def table_line(row, results, floors):
    cells = [row.name]
    for label in ("kafka", "cairn"):
        values = good(results.get(label, []), row.metric)
        text = f"{spread(values)} {row.unit}" if values else "—"
        for key, unit in row.also:
            extra = good(results.get(label, []), key)
            text += f"; {spread(extra)} {unit}" if extra else ""
        if any(r and r["noisy"] for r in results.get(label, [])):
            text += " (~)"
        cells.append(text)
    found = ratios(row, results)
    cells.append(f"{found[0]:.1f} / **{statistics.median(found):.1f}** / {found[-1]:.1f}" if found else "—")
    cells.append(row.bound or f"{row.goal}x")
    own = good(results["cairn"], row.metric)
    cells.append(floor_share(row, floors, statistics.median(own) if own else 0))
    return "| " + " | ".join(cells) + " |"


def standing_table(lines):
    text = ["| | restart to first ack | after kill -9 | memory idle | loaded | per idle connection |",
            "|---|---|---|---|---|---|"]
    for label, restart, crashed, memory, loaded in lines:
        idle = f"{memory[0]['server_kib'] / 1024:.0f} MiB" if memory else "—"
        full = f"{loaded[0]['server_kib'] / 1024:.0f} MiB" if loaded else "—"
        each = f"{memory[0]['kib_per_connection']:.1f} KiB" if memory else "—"
        text.append(f"| {label} | {spread(restart)} s | {spread(crashed)} s | {idle} | {full} | {each} |")
    return text


def floor_table(floors):
    text = ["| Floor | bytes | in flight | figures |", "|---|---|---|---|"]
    for row in floors:
        rest = [f"{k} {figure(v)}" for k, v in row.items() if k not in ("what", "bytes", "in_flight")]
        text.append(f"| {row['what']} | {row['bytes']} | {row.get('in_flight', '')} | {', '.join(rest)} |")
    return text


def head(options):
    """What this run was."""
    cpus = os.cpu_count()
    return [
        "Written by `scripts/bench`; how it measures is in its programs (bench/) and in the head of each.",
        f"This run: {time.strftime('%Y-%m-%d')}, {cpus} cores, Linux {platform.release()}, "
        f"{options.pairs} pair{'s' if options.pairs > 1 else ''} a row"
        f"{', quick (a tenth of the bytes)' if options.quick else ''}.",
        "CPU is that of the server process; figures are medians. (~): somebody else used the machine, or",
        "its memory was cold, during at least one half: the ratio is rough. Ratios are per pair.",
        ""]


def work_table(what, lines):
    return [f"| Work ({what}) | Apache Kafka 4.3.1 | Cairn | ratio min / median / max | goal | of the floor |",
            "|---|---|---|---|---|---|",
            *lines]


def document(options, floors, lines, standing):
    return "\n".join([
        "# Benchmarks",
        "",
        "One node. Three of them: [BENCHMARKS_CLUSTER.md](BENCHMARKS_CLUSTER.md).",
        "",
        *head(options),
        *work_table("one node, replication factor 1", lines),
        "",
        "## Start and memory",
        "",
        *standing_table(standing),
        "",
        "## What the machine can do (`cairn_floor`)",
        "",
        *floor_table(floors),
        ""])


def main():
    options = arguments("docs/BENCHMARKS.md")
    root = tempfile.mkdtemp(prefix="cairn-bench-")
    servers = [Cairn(root)] + ([Kafka(root, options.with_kafka)] if options.with_kafka else [])
    bench = Bench(options, root, servers)
    rows = [row for row in ROWS if not options.only or options.only in row.name]
    try:
        print("floors", file=sys.stderr)
        size = ["--bytes", "200000000", "--warm-bytes", "400000000"] if options.quick else []
        floors = call([FLOOR, "--directory", root, *size])
        bench.start()
        bench.fill()
        if options.with_kafka and not options.quick:
            bench.warm(bench.servers[1], 60)
        lines = []
        for row in rows:
            print(row.name, file=sys.stderr)
            lines.append(table_line(row, bench.measure(row), floors))
            print(lines[-1], file=sys.stderr)
        standing = [] if options.only else bench.standing()
        with open(options.output, "w") as file:
            file.write(document(options, floors, lines, standing))
    finally:
        for server in bench.servers:
            try:
                server.stop(signal.SIGKILL)
            except (AttributeError, ProcessLookupError):
                pass
        remove(root)


if __name__ == "__main__":
    main()
