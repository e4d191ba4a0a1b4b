#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real directory is damaged: `cairn log verify` names the place, `cairn log repair` keeps its hands off while a
node runs, says first what it would do, and then does it; the node serves what is sound and nothing else. After
kill -9 all partitions come back, and the metrics say when."""
import pathlib
import subprocess
import sys
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import wire  # noqa: E402
from cairn_process import CAIRN, cairn, wait_until  # noqa: E402

PARTITIONS, BATCHES = 4, 60


def command(*arguments):
    done = subprocess.run([str(CAIRN), "log", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def left_to_recover(node):
    text = urllib.request.urlopen(f"http://127.0.0.1:{node.http_port}/metrics", timeout=10).read().decode()
    lines = [line for line in text.splitlines() if line.startswith("kafka_log_logmanager_remaininglogstorecover{")]
    return [float(line.rsplit(" ", 1)[1]) for line in lines]


def read_all(node, partition):
    client = wire.Client(node.bootstrap)
    records = client.read_all("t", partition)
    client.close()
    return records


def main():
    with cairn(log_segment_bytes=1048576) as node:
        node.settings["cairn.http.listener"] = f"127.0.0.1:{node.http_port}"
        client = wire.Client(node.bootstrap)
        assert client.create_topic("t", PARTITIONS) == 0
        for partition in range(PARTITIONS):
            for i in range(BATCHES):
                assert client.produce("t", partition, wire.record_batch([b"%d of %d" % (i, partition)]))[0] == 0
        data = node.directory / "data"
        code, said = command("repair", data)
        assert code == 2 and "is in use" in said, (code, said)
        node.stop()
        code, said = command("verify", data)
        assert code == 0 and "t-0: good, 1 segments, 60 batches" in said, (code, said)

        log = data / "t-1/00000000000000000000.log"
        content = bytearray(log.read_bytes())
        at = len(content) // BATCHES * 40 + 70
        content[at] ^= 0x10
        log.write_bytes(content)
        code, said = command("verify", data / "t-1")
        assert code == 1 and f"{log} at byte " in said and "(offset 40)" in said, (code, said)
        print(said, end="")
        code, said = command("repair", "--dry-run", data)
        assert code == 0 and said.startswith("would: ") and log.read_bytes() == content, (code, said)
        code, said = command("repair", data)
        assert code == 0 and "the rest is kept as" in said, (code, said)
        print(said, end="")
        assert not (data / ".kafka_cleanshutdown").exists()
        kept = list((data / "t-1").glob("*.damaged-at-*"))
        assert len(kept) == 1 and kept[0].stat().st_size + log.stat().st_size == len(content), kept
        code, said = command("verify", "--quiet", data)
        assert code == 0, (code, said)

        node.start()
        for partition in range(PARTITIONS):
            wanted = 40 if partition == 1 else BATCHES
            found = read_all(node, partition)
            assert found == [(i, b"%d of %d" % (i, partition)) for i in range(wanted)], (partition, found[-2:])
        node.kill()
        node.start()
        wait_until(lambda: left_to_recover(node) == [0.0], 20, "the end of the recovery")
        assert len(read_all(node, 0)) == BATCHES
        print("damage was named, cut, kept aside; the rest is served")


if __name__ == "__main__":
    main()
