#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real cairnd on a disk that fails (fault_shim.cpp): power losses that take every unflushed write along,
failed writes, reads and flushes, short writes, a disk without space. After each, every record that was
acknowledged with acks=all is there, at its offset, and nothing was invented.

    disk_fault_test.py [POWER_LOSSES]
"""
import contextlib
import errno
import pathlib
import random
import shutil
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import fault_shim  # noqa: E402
from cairn_process import BUILD, CAIRND, Cairn, wait_until  # noqa: E402
from fault_shim import FaultyDisk  # noqa: E402
from kill_test import Load  # noqa: E402
from wire import Client  # noqa: E402

SHIM = BUILD / "tests/integration/libcairn_fault_shim.so"
POWER_LOSSES = int(sys.argv[1]) if len(sys.argv) > 1 else 6
PARTITIONS = 3


class Machine:
    """A node on a faulty disk, its load, and what it acknowledged."""

    def __init__(self, directory):
        self.disk = FaultyDisk(SHIM, directory)
        self.node = Cairn(directory, log_segment_bytes=1 << 20, log_roll_ms=1500,
                          log_flush_offset_checkpoint_interval_ms=500, log_initial_task_delay_ms=200)
        self.acknowledged = [{} for _ in range(PARTITIONS)]
        self.sent = [[] for _ in range(PARTITIONS)]
        self.load = []

    def start(self):
        return self.node.start(environment=self.disk.environment)

    def begin_load(self):
        self.load = [Load(self.node.bootstrap, p, self.acknowledged[p], self.sent[p]) for p in range(PARTITIONS)]
        for thread in self.load:
            thread.start()

    def die(self, keep=0.0):
        """kill -9, and with it the power."""
        self.node.kill()
        for thread in self.load:
            thread.join(10)
        self.disk.heal()
        return self.disk.lose_power(keep)

    def ended(self):
        return self.node.process.poll() is not None

    def count(self):
        return sum(map(len, self.acknowledged))

    def check(self, what):
        client = Client(self.node.bootstrap)
        for p in range(PARTITIONS):
            records = dict(client.read_all("kill", p))
            assert sorted(records) == list(range(len(records))), f"{what}: a gap in partition {p}"
            lost = [o for o, value in self.acknowledged[p].items() if records.get(o) != value]
            assert not lost, f"{what}: partition {p}: acknowledged and lost or changed: {lost[:5]}"
            invented = set(records.values()) - set(self.sent[p])
            assert not invented, f"{what}: partition {p}: never sent: {list(invented)[:3]}"
        client.close()


def power_losses(machine):
    writes = names = 0
    for round_ in range(POWER_LOSSES):
        machine.begin_load()
        time.sleep(random.uniform(0.1, 1.2))
        machine.disk.set(sync_delay_us=random.choice([0, 0, 3_000, 30_000]))
        time.sleep(random.uniform(0.1, 0.6))
        undone = machine.die(keep=random.choice([0.0, 0.5]))
        writes, names = writes + undone[0], names + undone[1]
        machine.start()
        machine.check(f"power loss {round_}")
    assert writes > 0, "no write was ever lost: the shim is not in the way"
    print(f"{POWER_LOSSES} power losses took {writes} writes and {names} names; {machine.count()} acknowledged, all there")


def broken_disk(machine, what, operations, share):
    """An I/O error ends the node (it has one directory); nothing it acknowledged is lost."""
    machine.begin_load()
    time.sleep(0.5)
    machine.disk.fail(operations, errno.EIO, share)
    wait_until(machine.ended, 20, f"{what}: the end of the node")
    for thread in machine.load:
        thread.join(10)
    machine.disk.heal()
    machine.disk.lose_power()
    machine.start()
    machine.check(what)
    print(f"{what}: the node ended, {machine.count()} acknowledged, all there")


def full_disk(machine):
    """Without space produce is refused, and goes on when there is some again."""
    machine.begin_load()
    time.sleep(0.3)
    machine.disk.fail(fault_shim.WRITE | fault_shim.ALLOCATE, errno.ENOSPC, 0.3)
    time.sleep(1.5)
    assert machine.disk.injected > 0
    machine.disk.heal()
    assert not machine.ended(), f"a full disk ended the node:\n{machine.node.log_tail()}"
    before = machine.count()
    wait_until(lambda: machine.count() > before, 10, "a record acknowledged after the disk was full")
    machine.die()
    machine.start()
    machine.check("full disk")
    print(f"full disk: {machine.count()} acknowledged, all there")


def short_writes(machine):
    before = machine.disk.injected
    machine.disk.set(short_ppm=300_000)
    machine.begin_load()
    time.sleep(1.5)
    machine.die()
    assert machine.disk.injected > before, "no write was short"
    machine.start()
    machine.check("short writes")
    print(f"short writes: {machine.disk.injected - before}; {machine.count()} acknowledged, all there")


def main():
    seed = random.randrange(1 << 32)
    random.seed(seed)
    print(f"seed {seed}")
    assert CAIRND.exists() and SHIM.exists(), f"{CAIRND} or {SHIM} is not built"
    directory = tempfile.mkdtemp(prefix="cairn-test-")
    machine = Machine(directory)
    with contextlib.ExitStack() as last:
        last.callback(shutil.rmtree, directory, ignore_errors=True)
        last.callback(machine.node.kill)
        try:
            machine.start()
            assert Client(machine.node.bootstrap).create_topic("kill", PARTITIONS) == 0
            power_losses(machine)
            short_writes(machine)
            full_disk(machine)
            broken_disk(machine, "failed writes", fault_shim.WRITE, 0.2)
            broken_disk(machine, "failed flushes", fault_shim.SYNC, 0.2)
            broken_disk(machine, "failed renames and truncations", fault_shim.RENAME | fault_shim.TRUNCATE, 1.0)
        except BaseException:
            sys.stderr.write(f"--- the end of cairnd's log\n{machine.node.log_tail()}\n")
            raise


if __name__ == "__main__":
    main()
