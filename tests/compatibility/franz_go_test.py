#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A Go program (go/main.go), then franz-go's own kgo tests as upstream runs them (topics of 7, 11 and 31
partitions, 500,000 records where CAIRN_KGO_RECORDS says so), against cairnd. Left out are those that need
what is not served yet: transactions, KIP-848, share groups and SCRAM; they are named as left out. A test
counts if it needs a broker: the others pass against nothing.

    franz_go_test.py [3]     on three nodes at replication factor 3, only those that need a broker
"""
import os
import re
import subprocess
import sys
import pathlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cairn_process import CACHE, cairn, cairn_cluster, run, skip  # noqa: E402

LEFT_OUT = ["TestTxnEtl", "TestGroupETL/.*848", "TestShare", "TestScram", "TestTransact", "Test.*Txn", "Test848"]
SOURCE = CACHE / "franz-go/pkg/kgo"
REPLICAS = sys.argv[1] if len(sys.argv) > 1 else "1"
RECORDS = os.environ.get("CAIRN_KGO_RECORDS", "50000" if REPLICAS == "1" else "10000")


def tests_that_need_a_broker():
    """Those that reach, by whatever they call, what gets the broker's address."""
    functions = {}
    for file in SOURCE.glob("*_test.go"):
        text = file.read_text()
        for found in re.finditer(r"^func (?:\([^)]*\) )?(\w+)\(", text, re.M):
            functions[found[1]] = functions.get(found[1], "") + text[found.end():text.find("\n}\n", found.start())]
    words = {name: set(re.findall(r"\w+", body)) - {name} for name, body in functions.items()}
    need, before = {"getSeedBrokers"}, 0
    while len(need) > before:
        before = len(need)
        need |= {name for name in functions if words[name] & need}
    return {name for name in need if name.startswith("Test") and name != "TestMain"}


def main():
    if not (CACHE / ".franz-go-1").exists():
        skip("franz-go is not there (scripts/test --with-clients fetches it; it needs Go)")
    need = tests_that_need_a_broker()
    chosen = [f"-test.run=^({'|'.join(sorted(need))})$"] if REPLICAS == "3" else []
    start = cairn_cluster if REPLICAS == "3" else cairn
    with start(auto_create_topics_enable="false", group_min_session_timeout_ms=1000) as node:
        print(run(CACHE / "go-client-3", node.bootstrap, seconds=120))
        environment = {"KGO_SEEDS": node.bootstrap, "KGO_TEST_RF": REPLICAS, "KGO_TEST_RECORDS": RECORDS,
                       "KGO_LOG_LEVEL": "none", "PATH": "/usr/bin:/bin", "HOME": "/tmp"}
        done = subprocess.run([CACHE / "kgo.test", "-test.v", "-test.timeout=9m", *chosen,
                               f"-test.skip={'|'.join(LEFT_OUT)}"],
                              cwd=SOURCE, env=environment, text=True, capture_output=True, timeout=580)
    results = re.findall(r"^--- (PASS|FAIL|SKIP): (\S+) \(([\d.]+)s\)", done.stdout, re.M)
    for word in ("PASS", "FAIL", "SKIP"):
        named = sorted(name for result, name, _ in results if result == word)
        needy = [name for name in named if name in need]
        print(f"{word} {len(named)}, {len(needy)} of which need a broker: {', '.join(needy)}")
        if word != "PASS":
            print(f"     others: {', '.join(name for name in named if name not in need)}")
    ran = {name for _, name, _ in results}
    print(f"left out of {len(need)} that need a broker: {', '.join(sorted(need - ran))} (by {', '.join(LEFT_OUT)})")
    if done.returncode != 0 or not ran & need:
        print(done.stdout[-8000:])
        sys.exit(1)


if __name__ == "__main__":
    main()
