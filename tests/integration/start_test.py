#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How cairnd starts and ends: the ready line, free ports, SIGTERM, and each way a start can fail, with
one clear line and a non-zero exit."""
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cairn_process import CAIRND, Cairn, free_port  # noqa: E402
from wire import Client, record_batch  # noqa: E402


def refused(*arguments, environment=None):
    """cairnd must end soon, with an error, and say why in one line, which is returned."""
    done = subprocess.run([CAIRND, *map(str, arguments)], capture_output=True, text=True, timeout=20,
                          env={**os.environ, **(environment or {})})
    assert done.returncode not in (0, -6, -11), f"ended with {done.returncode}: {done.stderr}"
    assert done.stdout == "", done.stdout
    lines = [line for line in done.stderr.splitlines() if line.startswith("cairnd: ")]
    assert len(lines) == 1, f"not one line that begins with 'cairnd: ':\n{done.stderr}"
    return lines[0]


def free(directory):
    return ["--override", "listeners=PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0",
            "--override", f"log.dirs={directory}"]


def it_says_where_it_serves_and_ends_with_0(folder):
    process = subprocess.Popen([CAIRND, *free(folder / "a")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    line = process.stdout.readline()
    assert re.fullmatch(r"ready node\.id=1 listeners=PLAINTEXT://127\.0\.0\.1:[1-9]\d*\n", line), line
    process.terminate()
    assert process.wait(20) == 0 and process.stdout.read() == ""


def what_was_stored_is_there_after_a_restart(folder):
    node = Cairn(folder / "b")
    node.start()
    client = Client(node.bootstrap)
    assert client.create_topic("kept") == 0
    assert client.produce("kept", 0, record_batch([b"value"]))[0] == 0
    node.stop()
    seconds = node.start()
    assert Client(node.bootstrap).read_all("kept") == [(0, b"value")]
    print(f"   a restart took {seconds:.3f} s")
    node.stop()


def a_directory_in_use_is_refused(folder):
    node = Cairn(folder / "c")
    node.start()
    line = refused(*free(folder / "c/data"))
    assert str(folder / "c/data") in line, line
    node.stop()


def a_taken_port_is_refused(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = refused("--override", f"listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:0",
                       "--override", f"log.dirs={folder / 'd'}")
        assert str(port) in line, line


def an_unknown_key_names_the_nearest(folder):
    assert "log.retention.hours" in refused("--override", "log.retention.hour=1", *free(folder / "e"))


def a_bad_value_names_key_value_and_what_was_expected(folder):
    line = refused("--override", "num.partitions=many", *free(folder / "f"))
    assert "num.partitions" in line and "many" in line, line


def a_missing_file_is_named(folder):
    assert "nowhere.yaml" in refused("--config", folder / "nowhere.yaml")


def an_unreadable_directory_is_named(folder):
    (folder / "g").write_text("a file, not a directory")
    assert str(folder / "g") in refused(*free(folder / "g"))


def a_foreign_directory_is_refused(folder):
    node = Cairn(folder / "h")
    node.start()
    node.stop()
    meta = folder / "h/data/meta.properties"
    meta.write_text(re.sub(r"node\.id=1", "node.id=7", meta.read_text()))
    line = refused(*free(folder / "h/data"))
    assert "7" in line and "node.id" in line, line


def a_cluster_id_that_is_asked_for_is_taken_and_another_refused(folder):
    node = Cairn(folder / "k", cairn_cluster_id="4L6g3nShT-eMCtK--X86sw")
    node.start()
    assert "cluster.id=4L6g3nShT-eMCtK--X86sw" in (folder / "k/data/meta.properties").read_text()
    node.stop()
    line = refused(*free(folder / "k/data"), "--override", "cairn.cluster.id=MkU3OEVBNTcwNTJENDM2Qk")
    assert "MkU3OEVBNTcwNTJENDM2Qk" in line and "4L6g3nShT-eMCtK--X86sw" in line, line
    assert "cairn.cluster.id" in refused(*free(folder / "l"), "--override", "cairn.cluster.id=two words")


def variables_of_apaches_image_do_no_harm(folder):
    foreign = ("HEAP_OPTS", "OPTS", "JMX_OPTS", "JMX_PORT", "JMX_HOSTNAME", "JVM_PERFORMANCE_OPTS", "GC_LOG_OPTS",
               "LOG4J_OPTS", "LOG4J_LOGGERS", "LOG4J_ROOT_LOGLEVEL", "TOOLS_LOG4J_LOGLEVEL", "VERSION", "HOME")
    done = subprocess.run([CAIRND, "--print-config"], capture_output=True, text=True, timeout=20,
                          env={**os.environ, **{f"KAFKA_{name}": "-Xmx1G" for name in foreign}, "CLUSTER_ID": "?"})
    assert done.returncode == 0 and "-Xmx1G" not in done.stdout, done.stderr


def where_no_address_is_named_the_machine_is_advertised(folder):
    port = free_port()
    node = Cairn(folder / "m", listeners=f"PLAINTEXT://:{port},CONTROLLER://127.0.0.1:0")
    node.start()
    client = Client(f"127.0.0.1:{port}")
    answer = client.call(3, 1, b"\xff\xff\xff\xff")  # Metadata: of all topics
    answer.number("i"), answer.number("i")
    assert answer.string() == socket.gethostname()
    node.stop()


def yaml_properties_and_environment_work_alike(folder):
    (folder / "one.yaml").write_text(f"log.dirs: {folder / 'i'}\nnum.partitions: 5\n")
    (folder / "one.properties").write_text(f"log.dirs={folder / 'i'}\nnum.partitions=5\n")
    for arguments, environment in ((["--config", folder / "one.yaml"], {}), (["--config", folder / "one.properties"], {}),
                                   ([], {"KAFKA_NUM_PARTITIONS": "5"})):
        done = subprocess.run([CAIRND, *map(str, arguments), "--print-config"], capture_output=True, text=True,
                              timeout=20, env={**os.environ, **environment})
        assert done.returncode == 0 and re.search(r"num\.partitions\W+5\b", done.stdout), done.stdout[:2000] + done.stderr


def a_port_that_was_free_serves_again_at_once_after_a_kill(folder):
    node = Cairn(folder / "j", listeners=f"PLAINTEXT://127.0.0.1:{free_port()},CONTROLLER://127.0.0.1:{free_port()}")
    for _ in range(3):
        node.start()
        node.kill()


def main():
    checks = [f for f in globals().values() if getattr(f, "__code__", None) and f.__code__.co_varnames[:1] == ("folder",)]
    failed = 0
    with tempfile.TemporaryDirectory(prefix="cairn-test-") as folder:
        for check in checks:
            try:
                check(pathlib.Path(folder))
                print(f"ok {check.__name__}", flush=True)
            except (AssertionError, OSError, subprocess.TimeoutExpired) as error:
                failed += 1
                print(f"FAILED {check.__name__}: {error}", flush=True)
    print(f"{len(checks)} checks, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
