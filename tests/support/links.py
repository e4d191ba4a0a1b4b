#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The links between the nodes of a test's cluster. Each node advertises gates (ports of this process) to the
others; a gate hands on bytes and knows by /proc which node came to it, so that the link from one node to
another can be cut, one way or both, while clients reach every node.

A gate is as open as what is behind it: while nobody listens there, nobody listens here.

    links.py GATE:TARGET:NODE...     rules and process ids come as lines of JSON on standard input
"""
import asyncio
import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading

CHUNK = 1 << 16
NOBODY = 0


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


def owners(pids, connections):
    """{connection: the node that came} for those whose node lives."""
    lines = {}
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        lines[line[15:19], line[29:33]] = line
    wanted, found = {}, {}
    for connection in connections:
        line = lines.get((f"{connection.port:04X}", f"{connection.gate.port:04X}"))
        if line:
            wanted[f"socket:[{line.split()[9]}]"] = connection
    for node, pid in pids.items():
        with contextlib.suppress(OSError):  # it has ended
            for descriptor in os.scandir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):  # the file was closed meanwhile
                    connection = wanted.get(os.readlink(descriptor.path))
                    if connection:
                        found[connection] = node
    return found


class Rules:
    """What happens to bytes from one node to another: nothing, or `hold`, `reset` or `slow`. Whose a connection
    is matters while there is a rule, and is looked up only then: where many come at once it is what costs most."""

    def __init__(self):
        self.pids, self.cut, self.connections = {}, {}, set()
        self.changed = asyncio.Event()

    def set(self, pids, cut):
        self.pids = {int(node): pid for node, pid in pids.items()}
        self.cut = {(source, target): how for source, target, how in cut}
        self.name(self.connections)
        self.changed.set()
        self.changed = asyncio.Event()

    def add(self, connection):
        self.connections.add(connection)
        self.name([connection])

    def name(self, connections):
        unknown = [connection for connection in connections if connection.source is None]
        if self.cut and unknown:
            found = owners(self.pids, unknown)
            for connection in unknown:
                connection.source = found.get(connection, NOBODY)

    def between(self, source, target):
        return self.cut.get((source, target))


class Connection:
    def __init__(self, rules, gate, port):
        self.rules, self.gate, self.port = rules, gate, port
        self.source = None  # not looked up yet

    def rule(self, inwards):
        return self.rules.between(*((self.source, self.gate.node) if inwards else (self.gate.node, self.source)))

    def is_reset(self):
        return "reset" in (self.rule(True), self.rule(False))

    async def pass_(self, inwards):
        """Waits until the link is open."""
        while self.rule(inwards) == "hold":
            await self.rules.changed.wait()
        if self.rule(inwards) == "slow":
            await asyncio.sleep(0.05)

    async def pump(self, reader, writer, inwards):
        try:
            while data := await reader.read(CHUNK):
                await self.pass_(inwards)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        await self.pass_(inwards)  # a lost link loses the end of a connection too
        if not inwards:
            self.gate.look()  # whoever comes back at once finds it closed

    async def watch(self):
        """Ends when the link is reset."""
        while not self.is_reset():
            await self.rules.changed.wait()

    async def run(self, inward, outward):
        parts = [asyncio.create_task(part) for part in (
            self.pump(inward[0], outward[1], True), self.pump(outward[0], inward[1], False), self.watch())]
        await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        reset = parts[-1].done()
        for part in parts:
            part.cancel()
        for _, writer in (inward, outward):
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
        task = asyncio.create_task(self.serve(accepted, Connection(self.rules, self, address[1])))
        TASKS.add(task)
        task.add_done_callback(TASKS.discard)

    async def serve(self, accepted, connection):
        self.rules.add(connection)
        try:
            inward = await asyncio.open_connection(sock=accepted)
            if connection.is_reset():
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
            await connection.run(inward, outward)
        finally:
            self.rules.connections.discard(connection)


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
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -20)  # a network does not wait for a processor
    try:
        asyncio.run(serve(sys.argv[1:]))
    except KeyboardInterrupt:
        pass
