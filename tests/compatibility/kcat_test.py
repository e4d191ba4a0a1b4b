#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kcat (librdkafka) against cairnd: metadata, every codec on the wire as asked for, group and offsets."""
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cairn_process import CAIRN, cairn, run, skip  # noqa: E402


def main():
    if not shutil.which("kcat"):
        skip("kcat is not installed (scripts/test --with-clients installs it)")
    with cairn(num_partitions=4) as node:
        kcat = ("kcat", "-b", node.bootstrap)
        assert "broker 1 at" in run(*kcat, "-L")
        lines = "".join(f"k{i % 7}:line {i}\n" for i in range(500))
        for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
            topic = f"kcat-{codec}"  # created by its first use, as Kafka does it
            run(*kcat, "-P", "-t", topic, "-K", ":", "-z", codec, "-X", "acks=all", "-X", "linger.ms=20", stdin=lines)
            back = run(*kcat, "-C", "-t", topic, "-e", "-q", "-f", "%k:%s\\n")
            assert sorted(back.splitlines()) == sorted(lines.splitlines()), codec
            assert f'topic "{topic}" with 4 partitions' in run(*kcat, "-L", "-t", topic)
            # KAFKA-18659: a client that does not see Produce 0 silently sends uncompressed.
            for log in sorted((node.directory / "data").glob(f"{topic}-*/*.log")):
                if log.stat().st_size:
                    dumped = run(CAIRN, "log", "dump", log, "--json")
                    assert f'"codec":"{codec}"' in dumped.replace(" ", ""), dumped[:500]
        assert len(run(*kcat, "-G", "group-of-kcat", "kcat-zstd", "-e", "-q", "-X", "auto.offset.reset=earliest",
                       stdin="").splitlines()) == 500
        ends = [run(*kcat, "-Q", "-t", f"kcat-zstd:{p}:-1").split() for p in range(4)]
        starts = [run(*kcat, "-Q", "-t", f"kcat-zstd:{p}:-2").split() for p in range(4)]
        assert sum(int(end[-1]) for end in ends) == 500 and all(start[-1] == "0" for start in starts), (ends, starts)
        run(*kcat, "-P", "-t", "kcat-headers", "-H", "a=1", "-H", "b=", stdin="with headers\n")
        assert "a=1,b=" in run(*kcat, "-C", "-t", "kcat-headers", "-e", "-q", "-f", "%h %s\\n")
    print("kcat: metadata, five codecs, group, offsets by query, headers")


if __name__ == "__main__":
    main()
