#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The links between the nodes of a test's cluster. Each node advertises gates (ports of this process) to the
others; a gate hands on bytes and knows by /proc which node came to it, so that the link from one node to
another can be cut, one way or both, while clients reach every node.

A gate is as open as what is behind it: while nobody listens there, nobody listens here.

    links.py GATE:TARGET:NODE...     rules and process ids come as lines of JSON on standard input
"""
import asyncio
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading

CHUNK = 1 << 16


def listens(port):
    """Whether somebody does; a process that is stopped does too, as long as its kernel takes connections."""
    with socket.socket() as probe:
        probe.settimeout(0.05)
        try:
            probe.connect(("127.0.0.1", port))
        except ConnectionRefusedError:
            return False
        except OSError:
            pass
    return True


def owner(pids, port, gate):
    """Which of the nodes holds the socket from `port` to the gate; 0 for anybody else."""
    ends = f":{port:04X} ", f":{gate:04X} "
    line = next((line for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()
                 if line[14:20] == ends[0] and line[28:34] == ends[1]), None)
    if line is None:
        return 0
    inode = f"socket:[{line.split()[9]}]"
    for node, pid in pids.items():
        try:
            for descriptor in os.scandir(f"/proc/{pid}/fd"):
                if os.readlink(descriptor.path) == inode:
                    return node
        except OSError:
            continue  # it ended, or closed the file meanwhile
    return 0


class Rules:
    """What happens to bytes from one node to another: nothing, or `hold`, `reset` or `slow`."""

    def __init__(self):
        self.pids, self.cut = {}, {}
        self.changed = asyncio.Event()

    def set(self, pids, cut):
        self.pids = {int(node): pid for node, pid in pids.items()}
        self.cut = {(source, target): how for source, target, how in cut}
        self.changed.set()
        self.changed = asyncio.Event()

    def between(self, source, target):
        return self.cut.get((source, target))

    async def pass_(self, source, target):
        """Waits until the link is open."""
        while self.between(source, target) == "hold":
            await self.changed.wait()
        if self.between(source, target) == "slow":
            await asyncio.sleep(0.05)


class Connection:
    def __init__(self, rules, source, gate, inward, outward):
        self.rules, self.source, self.gate = rules, source, gate
        self.inward, self.outward = inward, outward

    async def pump(self, reader, writer, source, target):
        try:
            while data := await reader.read(CHUNK):
                await self.rules.pass_(source, target)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        await self.rules.pass_(source, target)  # a lost link loses the end of a connection too
        if target == self.source:
            self.gate.look()  # whoever comes back at once finds it closed

    async def watch(self):
        """Ends when the link is reset."""
        here, there = self.source, self.gate.node
        while "reset" not in (self.rules.between(here, there), self.rules.between(there, here)):
            await self.rules.changed.wait()

    async def run(self):
        here, there = self.source, self.gate.node
        parts = [asyncio.create_task(part) for part in (
            self.pump(self.inward[0], self.outward[1], here, there),
            self.pump(self.outward[0], self.inward[1], there, here), self.watch())]
        await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        reset = parts[-1].done()
        for part in parts:
            part.cancel()
        for _, writer in (self.inward, self.outward):
            writer.transport.abort() if reset else writer.close()  # what was read before the end goes on


class Gate:
    def __init__(self, rules, port, target, node):
        self.rules, self.port, self.target, self.node = rules, port, target, node
        self.socket = None

    def look(self):
        """Opens or closes it as the target is."""
        loop = asyncio.get_running_loop()
        if listens(self.target) == (self.socket is not None):
            return
        if self.socket:
            loop.remove_reader(self.socket)
            self.socket.close()
            self.socket = None
            return
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", self.port))
        self.socket.listen(256)
        self.socket.setblocking(False)
        loop.add_reader(self.socket, self.accept)

    def accept(self):
        try:
            accepted, address = self.socket.accept()
        except OSError:
            return
        task = asyncio.create_task(self.serve(accepted, owner(self.rules.pids, address[1], self.port)))
        TASKS.add(task)
        task.add_done_callback(TASKS.discard)

    async def serve(self, accepted, source):
        inward = await asyncio.open_connection(sock=accepted)
        if "reset" in (self.rules.between(source, self.node), self.rules.between(self.node, source)):
            inward[1].transport.abort()
            return
        try:
            outward = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            self.look()
            inward[1].transport.abort()
            return
        for _, writer in (inward, outward):
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await Connection(self.rules, source, self, inward, outward).run()


TASKS = set()


async def serve(gates):
    rules = Rules()
    gates = [Gate(rules, *map(int, gate.split(":"))) for gate in gates]
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)

    async def look():
        while True:  # one that is open finds out when a connection ends
            for gate in gates:
                if not gate.socket:
                    gate.look()
            await asyncio.sleep(0.03)

    looking = asyncio.create_task(look())
    while line := await commands.readline():
        rules.set(**json.loads(line))
        print("done", flush=True)
    looking.cancel()


class Links:
    """The test's side. `gates` are (gate, target, node)."""

    def __init__(self, gates):
        self.process = subprocess.Popen([sys.executable, __file__, *(":".join(map(str, gate)) for gate in gates)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pids, self.rules = {}, []
        self.one_at_a_time = threading.Lock()

    def tell(self):
        with self.one_at_a_time:
            self.process.stdin.write(json.dumps({"pids": self.pids, "cut": self.rules}) + "\n")
            self.process.stdin.flush()
            assert self.process.stdout.readline() == "done\n", "the process of the links ended"

    def started(self, node, pid):
        self.pids[node] = pid
        self.tell()

    def cut(self, pairs, how):
        """Cuts links, each named as (from, to)."""
        self.rules += [[source, target, how] for source, target in pairs]
        self.tell()

    def heal(self):
        self.rules = []
        self.tell()

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


if __name__ == "__main__":
    try:
        asyncio.run(serve(sys.argv[1:]))
    except KeyboardInterrupt:
        pass
