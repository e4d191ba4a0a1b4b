#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs python/clients.py (confluent-kafka and kafka-python) against cairnd."""
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from cairn_process import CACHE, cairn, run, skip  # noqa: E402

if not (CACHE / ".python-1").exists():
    skip("the Python clients are not there (scripts/test --with-clients fetches them)")
with cairn() as node:
    print(run(CACHE / "python/bin/python", HERE / "python/clients.py", node.bootstrap, seconds=240))
