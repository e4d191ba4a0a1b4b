# SPDX-License-Identifier: Apache-2.0
"""The test's side of fault_shim.cpp: what fails, and after kill -9 the loss of what was not flushed."""
import errno
import mmap
import os
import pathlib
import random
import shutil
import struct

READ, WRITE, SYNC, OPEN, RENAME, TRUNCATE, ALLOCATE = (1 << i for i in range(7))
FIELDS = ["failing", "error", "failures_ppm", "short_ppm", "sync_delay_us", "journal", "injected"]
HEADER = struct.Struct("=IIQQQQQ")
KINDS = [None, "write", "truncate", "synced", "create", "rename", "unlink", "mkdir", "names_synced", "sync_failed"]


class FaultyDisk:
    """A directory whose files pass through the shim. Holds journal and control block beside it."""

    def __init__(self, library, directory):
        self.root = pathlib.Path(directory) / "data"
        self.journal = pathlib.Path(directory) / "journal"
        self.control = pathlib.Path(directory) / "control"
        self.journal.mkdir(parents=True)
        self.root.mkdir()  # nobody flushes the name of a log directory itself
        self.control.write_bytes(bytes(64))
        with open(self.control, "r+b") as file:
            self.block = mmap.mmap(file.fileno(), 64)
        self.environment = {"LD_PRELOAD": str(library), "CAIRN_SHIM_ROOT": str(self.root),
                            "CAIRN_SHIM_CONTROL": str(self.control), "CAIRN_SHIM_JOURNAL": str(self.journal)}
        self.set(journal=1)

    def set(self, **fields):
        for name, value in fields.items():
            struct.pack_into("=I", self.block, 4 * FIELDS.index(name), value)

    def fail(self, operations, error=errno.EIO, share=1.0):
        self.set(error=error, failures_ppm=int(share * 1e6), failing=operations)

    def heal(self):
        self.set(failing=0, failures_ppm=0, short_ppm=0, sync_delay_us=0)

    @property
    def injected(self):
        return struct.unpack_from("=I", self.block, 4 * FIELDS.index("injected"))[0]

    def records(self):
        data, at = (self.journal / "journal").read_bytes(), 0
        while at + HEADER.size <= len(data):
            kind, paths, inode, offset, length, size, old = HEADER.unpack_from(data, at)
            at += HEADER.size
            names = [name.decode() for name in data[at:at + paths].split(b"\0")[:-1]]
            yield KINDS[kind], names, inode, offset, length, size, data[at + paths:at + paths + old]
            at += paths + old

    def lose_power(self, keep=0.0):
        """After the process was killed: undoes what was not flushed, but for a share that had reached the
        platter by itself. How much was undone, as (writes, names)."""
        data, names, lost = {}, [], []
        for number, record in enumerate(self.records()):
            kind, paths, inode = record[:3]
            if kind in ("write", "truncate"):
                data.setdefault(inode, []).append((number, record))
            elif kind == "synced":
                data.pop(inode, None)
            elif kind == "sync_failed":  # called clean, and never written
                lost += data.pop(inode, [])
            elif kind == "names_synced":
                names = [(n, r) for n, r in names if all(str(pathlib.Path(p).parent) != paths[0] for p in r[1])]
            else:
                names.append((number, record))
        undone = lost + [change for changes in data.values() for change in changes if random.random() >= keep]
        first = random.randint(0, len(names)) if keep else 0  # the file system keeps its order
        for _, record in sorted(undone + names[first:], key=lambda change: -change[0]):
            self.undo(*record)
        counts = len(undone), len(names) - first
        shutil.rmtree(self.journal)
        self.journal.mkdir()
        return counts

    def undo(self, kind, paths, inode, offset, length, size, old):
        backup = self.journal / str(inode)
        if kind in ("write", "truncate"):
            with open(backup, "r+b") as file:
                now = file.seek(0, os.SEEK_END)
                file.seek(offset)
                file.write(old)
                if kind == "write" and offset + length < now:
                    file.write(bytes(length - len(old)))  # a hole before what was kept
                elif kind == "write":
                    file.truncate(min(size, now))
        elif kind == "create":
            pathlib.Path(paths[0]).unlink(missing_ok=True)
        elif kind == "unlink":
            os.link(backup, paths[0])
        elif kind == "mkdir":
            shutil.rmtree(paths[0], ignore_errors=True)
        elif kind == "rename":
            os.rename(paths[1], paths[0])
            if inode:
                os.link(backup, paths[1])
