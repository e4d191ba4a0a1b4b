#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 in a loop under load: after each restart every record that was acknowledged with acks=all is
there, at its offset, once, in order, and nothing invented.

    kill_test.py [ROUNDS]
"""
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cairn_process import cairn  # noqa: E402
from wire import Client, record_batch  # noqa: E402

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 8
PARTITIONS = 3


class Load(threading.Thread):
    """Sends numbered records to one partition until the connection breaks; keeps what was acknowledged."""

    def __init__(self, bootstrap, partition, acknowledged, sent):
        super().__init__(daemon=True)
        self.bootstrap, self.partition = bootstrap, partition
        self.acknowledged, self.sent = acknowledged, sent

    def run(self):
        try:
            client = Client(self.bootstrap)
            while True:
                values = [b"%d-%d-%s" % (self.partition, len(self.sent) + i, b"x" * random.randrange(300)) for i in range(3)]
                self.sent.extend(values)
                code, base = client.produce("kill", self.partition, record_batch(values))
                if code == 0:
                    for i, value in enumerate(values):
                        self.acknowledged[base + i] = value
        except (OSError, AssertionError):
            pass


def main():
    seed = random.randrange(1 << 32)
    random.seed(seed)
    print(f"seed {seed}")
    acknowledged = [{} for _ in range(PARTITIONS)]
    sent = [[] for _ in range(PARTITIONS)]
    starts = []
    with cairn(log_segment_bytes=1 << 20, log_retention_check_interval_ms=1000) as node:
        assert Client(node.bootstrap).create_topic("kill", PARTITIONS) == 0
        for round_ in range(ROUNDS):
            load = [Load(node.bootstrap, p, acknowledged[p], sent[p]) for p in range(PARTITIONS)]
            for thread in load:
                thread.start()
            time.sleep(random.uniform(0.05, 1.5))
            node.kill()
            for thread in load:
                thread.join(10)
            starts.append(node.start())
            client = Client(node.bootstrap)
            for p in range(PARTITIONS):
                records = dict(client.read_all("kill", p))
                assert sorted(records) == list(range(len(records))), f"a gap in partition {p}"
                lost = [o for o, value in acknowledged[p].items() if records.get(o) != value]
                assert not lost, f"round {round_}, partition {p}: acknowledged and lost or changed: {lost[:5]}"
                invented = set(records.values()) - set(sent[p])
                assert not invented, f"partition {p}: never sent: {list(invented)[:3]}"
            client.close()
    total = sum(map(len, acknowledged))
    assert total > 0
    print(f"{ROUNDS} kills, {total} acknowledged records, all there; restart {min(starts):.3f} to {max(starts):.3f} s")


if __name__ == "__main__":
    main()
