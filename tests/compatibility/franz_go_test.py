#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A Go program (go/main.go), then franz-go's own kgo tests, against cairnd. Left out are those that need
what is not served yet: transactions, KIP-848 and share groups; they are named as left out."""
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cairn_process import CACHE, cairn, run, skip  # noqa: E402

LEFT_OUT = ["TestTxnEtl", "TestGroupETL/.*848", "TestShare", "TestScram", "TestTransact", "Test.*Txn", "Test848"]

if not (CACHE / ".franz-go-1").exists():
    skip("franz-go is not there (scripts/test --with-clients fetches it; it needs Go)")
with cairn(auto_create_topics_enable="false", group_min_session_timeout_ms=1000) as node:
    print(run(CACHE / "go-client", node.bootstrap, seconds=120))
    environment = {"KGO_SEEDS": node.bootstrap, "KGO_TEST_RF": "1", "KGO_TEST_RECORDS": "50000",
                   "KGO_LOG_LEVEL": "none", "KGO_TEST_MAX_TOPIC_PARTS": "3", "PATH": "/usr/bin:/bin", "HOME": "/tmp"}
    done = subprocess.run([CACHE / "kgo.test", "-test.v", "-test.timeout=8m", f"-test.skip={'|'.join(LEFT_OUT)}"],
                          cwd=CACHE / "franz-go/pkg/kgo", env=environment, text=True, capture_output=True, timeout=540)
    results = re.findall(r"^\s*--- (PASS|FAIL|SKIP): (\S+) \(([\d.]+)s\)", done.stdout, re.M)
    for word in ("PASS", "FAIL", "SKIP"):
        named = [name for result, name, _ in results if result == word]
        print(f"{word} {len(named)}" + (f": {', '.join(named)}" if word != "PASS" else ""))
    slow = [name for result, name, seconds in results if result == "PASS" and float(seconds) >= 0.005]
    print(f"of those that passed, {len(slow)} took 5 ms or more: {', '.join(slow)}")
    print(f"left out: {', '.join(LEFT_OUT)}")
    if done.returncode != 0:
        print(done.stdout[-8000:])
        sys.exit(1)
