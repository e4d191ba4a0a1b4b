# SPDX-License-Identifier: Apache-2.0
"""What replicas have on disk, batch by batch: whether they are equal to the byte."""
import struct


def batches_of(directory):
    """{base offset: bytes of the batch} of all segments of a partition, up to the first hole."""
    found = {}
    for segment in sorted(directory.glob("*.log")):
        data, at = segment.read_bytes(), 0
        while at + 61 <= len(data):
            base, length = struct.unpack_from(">qi", data, at)
            if length <= 49 or at + 12 + length > len(data):
                break  # space that is taken and not written yet
            found[base] = data[at:at + 12 + length]
            at += 12 + length
    return found


def differences(data_directories):
    """Where the replicas of the partitions below the directories of several nodes are not equal. Of the metadata
    log every node drops what its own snapshots hold: there only what all have is compared."""
    names = sorted({path.parent.name for root in data_directories for path in root.glob("*-*/*.log")})
    found, compared = [], 0
    for name in names:
        replicas = [batches_of(root / name) for root in data_directories]
        if name.startswith("__cluster_metadata"):
            first, last = max(min(r) for r in replicas), min(max(r) for r in replicas)
            replicas = [{base: batch for base, batch in r.items() if first <= base <= last} for r in replicas]
        bases = sorted(set().union(*replicas))
        unequal = [base for base in bases if len({r.get(base) for r in replicas}) > 1]
        compared += len(bases)
        if unequal:
            found.append(f"{name}: {len(unequal)} of {len(bases)} batches differ, the first at {unequal[0]}: "
                         f"{[len(r.get(unequal[0], b'')) for r in replicas]} bytes")
    return found, (len(names), compared)
