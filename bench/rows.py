# SPDX-License-Identifier: Apache-2.0
"""The rows of docs/BENCHMARKS.md: what is measured, in which unit, and what is to be reached."""

from dataclasses import dataclass, field

from servers import NEVER

LAZY = ["--config", f"flush.messages={NEVER}"]
FLUSHED = ["--config", "flush.messages=1"]


@dataclass
class Row:
    name: str
    arguments: list          # of cairn_bench
    metric: str              # the figure compared; lower is better unless `more_is_better`
    unit: str
    goal: float              # ratio to Kafka
    more_is_better: bool = False
    also: list = field(default_factory=list)  # further figures to print: (key, unit)
    floor: tuple = None      # (what, bytes, in_flight, key) of cairn_floor
    scale: float = 1.0       # of --bytes, for --quick
    bound: str = ""          # what is to be reached where it is no ratio to Kafka


def bulk(name, goal, *more, floor=None):
    return Row(name, ["produce", "--bytes", "2000000000", "--warm-bytes", "3000000000", *LAZY, *more],
               "server_cpu_s_per_gb", "CPU-s/GB", goal, also=[("mb_per_s", "MB/s")], floor=floor)


IDEAL = "ideal_produce_server"
ROWS = [
    bulk("bulk produce, 1 KiB records in 128 KiB batches, 12 partitions, acks=1, one connection", 6,
         floor=(IDEAL, 131072, 4, "server_cpu_s_per_gb")),
    bulk("the same, four connections", 6, "--connections", "4",
         floor=(IDEAL, 131072, 4, "server_cpu_s_per_gb")),
    bulk("the same in lz4 (per GB of values)", 10, "--codec", "lz4"),
    bulk("the same in zstd (per GB of values)", 10, "--codec", "zstd"),
    bulk("the same in 1 MiB batches", 4, "--batch-bytes", "1048576",
         floor=(IDEAL, 1048576, 4, "server_cpu_s_per_gb")),
    Row("8 KiB batches of 100 B records, 6 partitions",
        ["produce", "--bytes", "400000000", "--warm-bytes", "600000000", "--batch-bytes", "8192",
         "--record-bytes", "100", "--partitions", "6", "--in-flight", "5", *LAZY],
        "server_us_per_request", "µs CPU a batch", 7),
    Row("one idempotent record a request, 10 connections × 100 partitions",
        ["produce", "--bytes", "100000000", "--batch-bytes", "1", "--record-bytes", "1000",
         "--partitions", "100", "--connections", "10", "--in-flight", "5", "--idempotent", *LAZY],
        "server_us_per_request", "µs CPU a request", 5, also=[("requests_per_s", "requests/s")],
        floor=(IDEAL, 1024, 16, "server_us_per_request")),
    Row("cached catch-up fetch, 1 MiB",
        ["fetch", "--topic", "filled", "--bytes", "4000000000"],
        "server_cpu_s_per_gb", "CPU-s/GB", 2, also=[("mb_per_s", "MB/s")],
        floor=("file_out", 1048576, 1, "server_cpu_s_per_gb")),
    Row("50 MB/s with three tailing consumers: CPU",
        ["tail", "--rate", "50", "--consumers", "3", "--partitions", "1", "--batch-bytes", "16384",
         "--seconds", "15", *LAZY],
        "server_cpu_s_per_gb_in", "CPU-s per GB in", 6, also=[("p99_us", "µs p99 end to end")]),
    Row("1,000 msg/s open loop, linger 0, acks=1: CPU",
        ["latency", "--rate", "1000", "--partitions", "1", "--record-bytes", "100", "--seconds", "15",
         *LAZY],
        "server_us_per_record", "µs CPU a message", 8,
        also=[("p50_us", "µs p50"), ("p99_us", "p99"), ("p999_us", "p99.9 end to end")]),
    Row("acks=all and flushed before the ack, 50 producers",
        ["acks", "--connections", "50", "--acks", "-1", "--batch-bytes", "1", "--record-bytes", "1000",
         "--partitions", "1", "--seconds", "8", *FLUSHED],
        "requests_per_s", "acks/s", 10, more_is_better=True, also=[("p99_us", "µs p99")]),
    Row("cold readers beside producers: 500 msg/s open loop, acks=all and flushed, without and with "
        "three consumers that read from the disk",
        ["beside", "--rate", "500", "--consumers", "3", "--partitions", "4", "--acks", "-1",
         "--record-bytes", "1000", "--seconds", "24", "--directory", "{data}", *FLUSHED],
        "beside_p99_us", "µs p99 with", 1, bound="1.5x of without",
        also=[("alone_p99_us", "µs p99 without"), ("p99_ratio", "x"),
              ("cold_mb_per_s", "MB/s read")]),
    Row("1,000 partitions in 100 topics, a request each",
        ["create"], "topics_100_seconds", "s", 10,
        also=[("topic_1_acknowledged_seconds", "s for one topic, acknowledged"),
              ("topic_1_led_seconds", "s until led"), ("kib_per_partition", "KiB a partition")]),
]
