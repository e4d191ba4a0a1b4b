#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Three real cairnd under kill -9, SIGTERM, SIGSTOP, a full disk and cut links, one after another and at once,
while idempotent producers of librdkafka and the JVM write and two groups read. In the end every record that
was acknowledged stands where it was acknowledged, once and in order for each producer and partition; the
groups have read all; the replicas are equal to the byte; the cluster is healthy, and is again after a restart.

    chaos_test.py [SECONDS [SEED]]     CAIRN_CHAOS_RATE: records a second of each producer, 100

What fails leaves its directories behind, and says where, with the seed and the last faults.
"""
import contextlib
import os
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cairn_process import CACHE, CAIRN, CAIRND, run, skip, wait_until  # noqa: E402

try:
    import confluent_kafka  # noqa: F401
except ImportError:
    python = CACHE / "python/bin/python"
    if not python.exists() or os.environ.get("CAIRN_CHAOS_TEST"):
        skip("no confluent-kafka (scripts/fetch-clients)")
    os.execve(python, [str(python), *sys.argv], {**os.environ, "CAIRN_CHAOS_TEST": "1"})

from chaos_clients import (JavaMember, JavaProducer, NativeMember, NativeProducer, group_is_at,  # noqa: E402
                           judge_group, judge_producer)
from chaos_cluster import PARTITIONS, PATIENCE, SIZE, Cluster, private_mounts, read_log  # noqa: E402
from kafka_process import need_jars  # noqa: E402
from log_files import differences  # noqa: E402
from wire import Client  # noqa: E402

RATE = int(os.environ.get("CAIRN_CHAOS_RATE", "100"))
SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 60
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32)


class Faults:
    """Each strikes what it draws and returns (what it did, what undoes it). Nodes that must be started again
    are only noted: they are started together, when the links are whole, for none is ready alone."""

    def __init__(self, cluster, dice):
        self.cluster, self.dice = cluster, dice
        self.struck, self.down = set(), []

    def victim(self):
        """Any node, or the active controller; one that no other fault has struck."""
        free = [node for node in self.cluster.nodes if node.id not in self.struck]
        active = self.cluster.active() if self.dice.random() < 0.4 else None
        node = active if active in free else self.dice.choice(free)
        self.struck.add(node.id)
        return node

    def kill(self, count=1):
        victims = [self.victim() for _ in range(count)]
        for node in victims:
            node.kill()
        self.down += victims
        return f"kill -9 {[node.id for node in victims]}", None

    def kill_two(self):
        return self.kill(min(2, SIZE - len(self.struck)))

    def kill_all(self):
        return self.kill(SIZE - len(self.struck))

    def kill_in_start(self):
        """Again and again, while it recovers."""
        node = self.victim()
        for _ in range(self.dice.randint(2, 4)):
            node.kill()
            node.spawn()
            time.sleep(self.dice.uniform(0.05, 1.2))
        node.kill()
        self.down.append(node)
        return f"kill -9 [{node.id}], and while it starts", None

    def terminate(self):
        node = self.victim()
        node.stop(PATIENCE)
        self.down.append(node)
        return f"SIGTERM [{node.id}]", None

    def pause(self):
        node = self.victim()
        node.signal(signal.SIGSTOP)
        return f"SIGSTOP [{node.id}]", lambda: node.signal(signal.SIGCONT)

    def full_disk(self):
        self.cluster.disk.fill()
        return f"disk full [{SIZE}]", self.cluster.disk.free

    def cut(self, how):
        node = self.victim()
        others = [other.id for other in self.cluster.nodes if other is not node]
        if self.dice.random() < 0.6:
            others = [self.dice.choice(others)]
        there, back = [(node.id, other) for other in others], [(other, node.id) for other in others]
        pairs = self.dice.choice([there, back, there + back, there + back]) if how == "hold" else there + back
        self.cluster.links.cut(pairs, how)
        return f"links {how}: {' '.join(f'{a}>{b}' for a, b in pairs)}", self.cluster.links.heal

    def cut_silently(self):
        return self.cut("hold")

    def cut_with_reset(self):
        return self.cut("reset")

    def slow_links(self):
        return self.cut("slow")


# name -> seconds that it lasts: the least, the most
KINDS = {"kill": (0.1, 6), "pause": (1, 12), "full_disk": (2, 6), "cut_silently": (1, 12), "terminate": (0.1, 3),
         "cut_with_reset": (0.3, 6), "kill_in_start": (0.1, 3), "kill_two": (0.1, 4), "kill_all": (0.1, 2),
         "slow_links": (2, 6)}
FIRST = ["kill", "pause", "full_disk", "cut_silently"]  # of these each comes in the shortest run


class Chaos:
    def __init__(self, cluster, dice):
        self.cluster, self.dice = cluster, dice
        self.told, self.deck = [], []
        self.began = time.monotonic()

    def draw(self):
        """From a shuffled deck, so that every kind comes."""
        if not self.deck:
            rest = [kind for kind in KINDS if kind not in FIRST]
            first = [] if self.told else FIRST[:]
            for pile in (rest if first else [*KINDS], first):
                self.dice.shuffle(pile)
                self.deck += pile
        return self.deck.pop()

    def round(self, producers):
        faults = Faults(self.cluster, self.dice)
        undo, texts, began = [], [], time.monotonic()
        for kind in [self.draw()] + ([self.draw()] if self.dice.random() < 0.3 else []):
            if len(faults.struck) == SIZE:
                break
            text, back = getattr(faults, kind)()
            least, most = KINDS[kind]
            lasts = least * (most / least) ** self.dice.random()
            texts.append(f"{text} for {lasts:.1f} s")
            print(f"{time.monotonic() - self.began:6.1f} s  {texts[-1]}", flush=True)
            undo.append(back)
            time.sleep(lasts)
        self.dice.shuffle(undo)
        for back in filter(None, undo):
            back()
        if any("disk full" in text for text in texts):
            self.cluster.nodes[-1].await_end_without_metadata()
        ended = [node for node in self.cluster.nodes if node.ended() and node not in faults.down]
        for node in ended:
            assert any("disk full" in text for text in texts) and node.id == SIZE, \
                f"node {node.id} ended by itself with {node.process.returncode}:\n{node.log_tail()}"
            texts.append(f"node {node.id} ended")
            print(f"{time.monotonic() - self.began:6.1f} s  {texts[-1]}", flush=True)
        self.told.append(" and ".join(texts))
        self.cluster.start(faults.down + ended)
        self.rest(began, producers)

    def rest(self, began, producers):
        """A breath, or until all is well."""
        if self.dice.random() < 0.5:
            time.sleep(self.dice.uniform(0.2, 3))
            return
        took = self.cluster.wait_until_healthy()
        now = time.monotonic()
        wait_until(lambda: all(producer.since(now) > 0 for producer in producers), PATIENCE, "acknowledgements for all")
        pauses = [longest_pause(producer.instants, began, time.monotonic()) for producer in producers]
        print(f"{now - self.began:6.1f} s  well {took:.1f} s later; longest pauses of acknowledgements "
              f"{', '.join(f'{pause:.2f}' for pause in pauses)} s", flush=True)


def longest_pause(instants, since, until):
    marks = [since, *(at for at in instants[-20000:] if since <= at <= until), until]
    return max(after - before for before, after in zip(marks, marks[1:]))


def begin(cluster, ended_with_it):
    client = Client(cluster.nodes[0].bootstrap)
    rolls = {"segment.bytes": 1 << 20, "segment.ms": 20000}
    assert client.create_topic(cluster.topic, PARTITIONS, replicas=SIZE, **rolls) == 0
    client.close()
    wait_until(lambda: len(cluster.leaders()) == PARTITIONS, PATIENCE, "the partitions")
    producers = [NativeProducer(1, cluster, RATE), NativeProducer(2, cluster, RATE), JavaProducer(3, cluster, RATE)]
    groups = {"natives": [NativeMember("natives", cluster) for _ in range(2)],
              "javas": [JavaMember("javas", cluster, number) for number in (1, 2)]}
    for java in (producers[-1], *groups["javas"]):
        ended_with_it.callback(java.kill)
    for client in (*producers, *groups["natives"], *groups["javas"]):
        client.start()
    wait_until(lambda: all(client.instants for client in producers), PATIENCE, "the first acknowledgements")
    wait_until(lambda: all(any(m.assignments[-1] for m in members) for members in groups.values()), PATIENCE,
               "the first records read")
    return producers, groups


def judge(cluster, producers, groups):
    log = read_log(cluster)
    ends = {index: len(records) for index, records in log.items()}
    for producer in producers:
        judge_producer(producer, log)
    for members in groups.values():
        wait_until(lambda: group_is_at(members, ends), PATIENCE, f"{members[0].group} at the end")
        for member in members:
            member.check_alive()
            member.end()
    again = {name: judge_group(name, members, log) for name, members in groups.items()}
    roots = [node.directory / "data" for node in cluster.nodes]
    wait_until(lambda: not differences(roots)[0], PATIENCE, f"equal replicas ({differences(roots)[0]})")
    partitions, batches = differences(roots)[1]
    acknowledged = ", ".join(str(len(producer.acknowledged)) for producer in producers)
    print(f"{sum(ends.values())} records, {acknowledged} acknowledged: all there, once and in order; read again after "
          f"rebalances: {again}; {batches} batches of {partitions} partitions are the same on {SIZE} nodes", flush=True)
    return log


def restart(cluster, log):
    for node in cluster.nodes:
        node.stop(PATIENCE)
    for node in cluster.nodes:
        run(CAIRN, "log", "verify", "--quiet", node.directory / "data", seconds=PATIENCE)
    cluster.start(cluster.nodes)
    cluster.wait_until_healthy()
    assert read_log(cluster) == log, "a restart changed what is read"
    print("stopped in order, every file sound, and the same after a restart")


def chaos(cluster, ended_with_it):
    cluster.start(cluster.nodes)
    producers, groups = begin(cluster, ended_with_it)
    play = Chaos(cluster, random.Random(SEED))
    try:
        while time.monotonic() - play.began < SECONDS:
            play.round(producers)
            for client in [producers[-1], *groups["natives"], *groups["javas"]]:
                client.check_alive()
        cluster.wait_until_healthy()
        for producer in producers:
            producer.end()
        restart(cluster, judge(cluster, producers, groups))
    except BaseException:
        print(f"FAILED with seed {SEED}; the last faults:", *play.told[-5:], sep="\n  ", flush=True)
        raise
    print(f"{len(play.told)} rounds of faults in {SECONDS:.0f} s")


def run_before_others():
    """Where that is allowed: timeouts of a second or two mean nothing to nodes that wait for a processor. Linux
    shares processors between sessions first, so that this one gets its own, unless it was started by hand."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # what it started ends with it
    with contextlib.suppress(OSError):
        os.nice(-10)
        os.setsid()
        pathlib.Path("/proc/self/autogroup").write_text("-10")


def main():
    assert CAIRND.exists(), f"{CAIRND} is not built"
    need_jars()
    private_mounts()
    run_before_others()
    print(f"seed {SEED}", flush=True)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="cairn-chaos-"))
    cluster = Cluster(directory)
    kept = bool(os.environ.get("CAIRN_KEEP"))
    try:
        with contextlib.ExitStack() as ended_with_it:
            chaos(cluster, ended_with_it)
    except BaseException:
        kept = True
        for node in cluster.nodes:
            sys.stderr.write(f"--- the end of the log of {node.id}\n{node.log_tail(40)}\n")
        raise
    finally:
        cluster.close(kept)
        if kept:
            print(f"kept: {directory}", flush=True)
        else:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
