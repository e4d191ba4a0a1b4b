#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Eligible leader replicas (KIP-966) on three real nodes: finalized by Kafka's features tool, shown by its
topics tool. A replica that left an ISR below the minimum by a clean stop may lead again, without an unclean
election."""
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time

for folder in ("support", "integration"):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / folder))
from cluster_test import PATIENCE, Cluster  # noqa: E402
from cairn_process import wait_until  # noqa: E402
from kafka_process import need_jars, tool  # noqa: E402
from quorum_test import start_all  # noqa: E402
from reassign_test import create, metric  # noqa: E402

ELR = "eligible.leader.replicas.version"
UNCLEAN = "kafka_controller_controllerstats_uncleanleaderelections_total"


def of_all(cluster):
    return ",".join(node.bootstrap for node in cluster.nodes)


def described(cluster, topic):
    """{leader, isr, elr, last known}: as kafka-topics shows the only partition."""
    text = tool("topics", "--bootstrap-server", of_all(cluster), "--describe", "--topic", topic)
    line = next(line for line in text.splitlines() if "Partition: 0" in line)
    found = dict(re.findall(r"(Leader|Isr|Elr|LastKnownElr): ?(\S*)", line))
    return tuple(found.get(key, "") for key in ("Leader", "Isr", "Elr", "LastKnownElr"))


def finalize(cluster):
    printed = tool("features", "--bootstrap-server", of_all(cluster), "upgrade", "--feature", f"{ELR}=1")
    assert f"{ELR} was upgraded to 1." in printed, printed
    printed = tool("features", "--bootstrap-server", of_all(cluster), "describe")
    assert re.search(rf"{ELR}\s+SupportedMinVersion: 0\s+SupportedMaxVersion: 1\s+FinalizedVersionLevel: 1", printed), printed
    alter = ("--alter", "--add-config", "min.insync.replicas=1", "--entity-type", "brokers", "--entity-name", "1")
    refused = tool("configs", "--bootstrap-server", of_all(cluster), *alter, check=False)
    shown = tool("configs", "--bootstrap-server", of_all(cluster), "--describe", "--entity-type", "brokers",
                 "--entity-default")
    assert "Completed" not in refused and "min.insync.replicas=2" in shown, f"{refused}\n{shown}"


def main():
    need_jars()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="cairn-test-"))
    cluster = Cluster(directory)
    began = time.monotonic()

    def told(what):
        print(f"{time.monotonic() - began:5.1f} s: {what}", flush=True)
    try:
        start_all(cluster.nodes)
        finalize(cluster)
        told("the feature is finalized, and the minimum set for all brokers")
        create(cluster, "pair", [[1, 2]])
        one, two, three = cluster.nodes
        two.stop(PATIENCE)
        assert described(cluster, "pair") == ("1", "1", "2", ""), described(cluster, "pair")
        told("a replica that stopped cleanly below the minimum is eligible")
        one.stop(PATIENCE)  # the last in sync; what is left is no quorum
        start_all([two])
        wait_until(lambda: cluster.leader("pair") == 2, PATIENCE, "a leader from those that are eligible")
        assert described(cluster, "pair") == ("2", "2", "1", ""), described(cluster, "pair")
        assert sum(metric(node, UNCLEAN) for node in (two, three)) == 0, "an unclean election"
        told("it leads without an unclean election, though it was not in sync")
        start_all([one])
        wait_until(lambda: len(cluster.partition("pair").isrs) == 2, PATIENCE, "both in sync")
        assert described(cluster, "pair")[2:] == ("", ""), described(cluster, "pair")
        told("with both in sync nobody else is eligible")
        for node in cluster.nodes:
            node.stop(PATIENCE)
    except BaseException:
        for node in cluster.nodes:
            sys.stderr.write(f"--- the end of the log of {node.directory.name}\n{node.log_tail()}\n")
        raise
    finally:
        for node in cluster.nodes:
            node.kill()
        if not os.environ.get("CAIRN_KEEP"):
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
