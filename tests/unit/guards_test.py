#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each guard below is removed (CAIRN_MUTANT, tests/support/chosen_mutant.cpp), and the unit tests named beside
it must fail: guards_test.py DIRECTORY-OF-TEST-PROGRAMS. Guards that only whole runs miss are in the table of
docs/SIMULATION.md (cairn_simulate --mutants)."""
import os
import pathlib
import subprocess
import sys

GUARDS = {
    "I6-recall": ("log", "ProducerRecall.*"),
    "L2": ("replication", "Truncation.*"),
    "L4": ("partition", "ReplicasTest.*_L4"),
    "L6": ("replication", "LeaderState.*_L6"),
    "L8": ("replication", "LeaderState.*_L8"),
    "L11": ("partition", "PartitionTest.*_L11"),
    "L12": ("replication", "LeaderState.*_L12"),
    "L13": ("raft", "Quorum.a_leader_without_a_majority_resigns"),
    "L24": ("group", "OffsetExpiry.*"),
    "L25": ("coordinator", "ActorTest.refuses_requests_while_it_loads*"),
    "L26": ("group", "StickyAssignor.*_L26"),
    "L33-high-watermark": ("log", "Cleaning.*_L33"),
    "L33-snapshot-sync": ("storage", "Recovery.brings_no_retired_segment_back*"),
}


def run(programs: pathlib.Path, module: str, tests: str, guard: str | None) -> subprocess.CompletedProcess:
    environment = {**os.environ, "CAIRN_MUTANT": guard} if guard else os.environ
    program = programs / f"cairn_{module}_tests"
    return subprocess.run([program, f"--gtest_filter={tests}", "--gtest_brief=1"], env=environment,
                          capture_output=True, text=True, timeout=120, check=False)


def main() -> int:
    programs = pathlib.Path(sys.argv[1])
    missed = []
    for guard, (module, tests) in GUARDS.items():
        whole = run(programs, module, tests, None)
        if whole.returncode != 0 or "] 0 tests" in whole.stdout:
            missed.append(f"{guard}: {module} {tests} does not pass with the guard")
        elif run(programs, module, tests, guard).returncode == 0:
            missed.append(f"{guard}: {module} {tests} passes without the guard")
    print("\n".join(missed) or f"{len(GUARDS)} guards are missed when they are gone")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
