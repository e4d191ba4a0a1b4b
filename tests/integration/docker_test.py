#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docker/Dockerfile and docker/compose.yaml with a real engine: the image is built, three containers
become a cluster, this machine and containers of the network produce and consume, one of the three is
killed under load and comes back, all are restarted in turns under load, and taken down and up again with
their volumes. Then one container with the variables of Apache's image. Needs an engine that runs, compose
in either form, and the base image; it installs and starts none of them (tests/support/docker_engine.py
gives it an engine where only Debian's packages are).
"""
import datetime
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cairn_process import CAIRN, ROOT, free_port, run, skip, wait_until  # noqa: E402

IMAGE = "cairn-docker-test"
IMAGE_BYTES = 150e6  # at most
STOP_SECONDS = 10  # at most: what docker gives a container before it kills it
PROJECT = f"cairntest{os.getpid()}"
RATE = 200  # records a second, at most
PATIENCE = 120
HEALTH = "/usr/local/lib/cairn/health"


def succeeds(*command, seconds=20):
    try:
        return subprocess.run(command, capture_output=True, timeout=seconds).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def find_compose():
    """The command, in the form that is there; else the test is skipped, as it is for all it needs."""
    if not shutil.which("docker"):
        skip("no docker command")
    if not succeeds("docker", "version"):
        skip("no docker engine that answers; tests/support/docker_engine.py starts one")
    compose = (["docker", "compose"] if succeeds("docker", "compose", "version") else
               ["docker-compose"] if shutil.which("docker-compose") else skip("neither docker compose nor docker-compose"))
    for base in sorted(set(re.findall(r"^FROM (\S+)", (ROOT / "docker/Dockerfile").read_text(), re.M))):
        if not succeeds("docker", "image", "inspect", base) and not succeeds("docker", "pull", base, seconds=120):
            skip(f"no base image {base}, and no registry to pull it from")
    return compose


def wait_for(condition, what):
    """Not too often: each look is a process of its own, and work for the engine."""
    return wait_until(lambda: condition() or time.sleep(0.3), PATIENCE, what)


def docker(*arguments, seconds=60):
    return run("docker", *arguments, seconds=seconds).strip()


def state_of(container):
    return json.loads(docker("inspect", container))[0]["State"]


def check_stopped(container):
    """Ended by itself, in the time there is. Returns the time, from its own word to its end: a command of
    docker's takes seconds itself where a machine is busy."""
    state = state_of(container)
    assert state["ExitCode"] == 0, docker("logs", "--tail", "20", container)
    log = subprocess.run(["docker", "logs", "--timestamps", container], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True, timeout=60).stdout
    told = re.findall(r"^(\S{26})\S* .*stopping: signal 15", log, re.M)[-1]
    took = datetime.datetime.fromisoformat(state["FinishedAt"][:26].rstrip("Z")) - datetime.datetime.fromisoformat(told)
    assert took.total_seconds() < STOP_SECONDS, f"{container} took {took} to stop"
    return took.total_seconds()


def stop(container):
    """As docker does it, with SIGTERM."""
    docker("stop", container)
    return check_stopped(container)


def is_healthy(container):
    state = state_of(container)
    assert state["Status"] == "running", f"{container} has ended:\n{docker('logs', '--tail', '20', container)}"
    return state["Health"]["Status"] == "healthy"


class Composition:
    def __init__(self, compose):
        self.ports = [free_port() for _ in range(3)]
        self.http = [free_port() for _ in range(3)]
        self.records = 0  # produced to the topic: 0, 1, 2, ...
        self.environment = {**os.environ, "CAIRN_IMAGE": IMAGE}
        for number in (1, 2, 3):
            self.environment[f"CAIRN_PORT_{number}"] = str(self.ports[number - 1])
            self.environment[f"CAIRN_HTTP_PORT_{number}"] = str(self.http[number - 1])
        self.command = [*compose, "--file", ROOT / "docker/compose.yaml", "--project-name", PROJECT]

    def __call__(self, *arguments, seconds=180, check=True):
        return run(*self.command, *arguments, seconds=seconds, env=self.environment, check=check)

    def start(self):
        self("up", "--detach", "--no-build")
        self.containers = [self("ps", "--quiet", f"broker-{number}").strip() for number in (1, 2, 3)]

    @property
    def bootstrap(self):
        return ",".join(f"127.0.0.1:{port}" for port in self.ports)

    def cairn(self, *arguments, stdin=None):
        return run(CAIRN, "--bootstrap", self.bootstrap, *arguments, stdin=stdin)

    def inside(self, *arguments, stdin=None):
        """The command in a container of its own, of the same network."""
        network, = json.loads(docker("inspect", self.containers[0]))[0]["NetworkSettings"]["Networks"]
        return run("docker", "run", "--rm", "--interactive", "--network", network, "--entrypoint", "cairn", IMAGE,
                   "--bootstrap", "broker-1:19092,broker-2:19092,broker-3:19092", *arguments, stdin=stdin)

    def partitions(self, topic):
        return json.loads(self.cairn("topic", "describe", topic, "--json"))[0]["partitions"]

    def wait_until_healthy(self, *containers):
        for container in containers or self.containers:
            wait_for(lambda: is_healthy(container), f"{container} is healthy")

    def wait_until_in_sync(self, topic):
        wait_for(lambda: all(len(p["isr"]) == 3 for p in self.partitions(topic)), f"{topic} in sync")


class Producing:
    """Somebody on this machine who produces numbers until told to end, and loses none."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.process = subprocess.Popen([CAIRN, "--bootstrap", cluster.bootstrap, "produce", "orders", "--report"],
                                        stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.enough = threading.Event()
        self.feeder = threading.Thread(target=self.feed)
        self.feeder.start()

    def feed(self):
        with self.process.stdin as stdin:
            while not self.enough.wait(1 / RATE) and self.process.poll() is None:
                print(self.cluster.records, file=stdin, flush=True)
                self.cluster.records += 1

    def end(self):
        """What it says of its pauses."""
        self.enough.set()
        self.feeder.join()
        report = self.process.stderr.read()
        assert self.process.wait(PATIENCE) == 0, report
        return report.strip().splitlines()[-1]


def build():
    began = time.monotonic()
    # From the host's network: where a container's own leads nowhere, packages are found all the same.
    run("docker", "build", "--network", "host", "--tag", IMAGE, "--file", ROOT / "docker/Dockerfile", ROOT, seconds=1500)
    size = int(docker("image", "inspect", "--format", "{{.Size}}", IMAGE))
    print(f"built in {time.monotonic() - began:.0f} s, {size / 1e6:.0f} MB", flush=True)
    assert size < IMAGE_BYTES, f"{size} bytes"


def one_of_three_is_not_healthy(cluster):
    """And says why: it has no quorum yet."""
    cluster("up", "--detach", "--no-build", "broker-1")
    container = cluster("ps", "--quiet", "broker-1").strip()
    asked = wait_for(lambda: (done := subprocess.run(["docker", "exec", container, HEALTH], capture_output=True,
                                                       text=True)).stdout.strip() and done, "an answer")
    assert asked.returncode != 0 and not is_healthy(container), asked
    print(f"   it says: {asked.stdout.strip()}")


def three_containers_become_a_cluster(cluster):
    began = time.monotonic()
    cluster.start()
    cluster.wait_until_healthy()
    print(f"   three healthy {time.monotonic() - began:.1f} s after the start")
    for port in cluster.http:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=10) as answer:
            assert answer.status == 200
    for container in cluster.containers:
        assert docker("exec", container, "id", "-u") == "1000", "it runs as root"
        # One by one, by their names inside: every container reaches every other.
        for number in (1, 2, 3):
            docker("exec", container, "cairn", "--bootstrap", f"broker-{number}:19092", "cluster", "info")


def the_host_and_the_network_reach_it(cluster):
    cluster.cairn("topic", "create", "orders", "--partitions", "3")
    assert all(len(p["replicas"]) == 3 for p in cluster.partitions("orders"))
    cluster.cairn("produce", "orders", stdin="".join(f"{n}\n" for n in range(50)))
    cluster.inside("produce", "orders", stdin="".join(f"{n}\n" for n in range(50, 100)))
    for read in (cluster.cairn("consume", "orders", "--exit"), cluster.inside("consume", "orders", "--exit")):
        assert sorted(map(int, read.split())) == list(range(100)), read
    cluster.records = 100
    if shutil.which("kcat"):  # somebody else's client, from one port alone
        read = run("kcat", "-b", f"127.0.0.1:{cluster.ports[2]}", "-C", "-t", "orders", "-e", "-q")
        assert sorted(map(int, read.split())) == list(range(100)), read


def all_are_there(cluster):
    read = cluster.cairn("consume", "orders", "--exit").split()
    assert sorted(map(int, read)) == list(range(cluster.records)), f"{len(read)} of {cluster.records} records"


def a_killed_container_costs_nothing_and_comes_back(cluster):
    leader = cluster.partitions("orders")[0]["leader"]
    victim = cluster.containers[leader - 1]
    producing = Producing(cluster)
    time.sleep(5)
    docker("kill", "--signal", "KILL", victim)
    killed = time.monotonic()
    wait_for(lambda: all(p["leader"] not in (leader, -1) for p in cluster.partitions("orders")), "new leaders")
    print(f"   other leaders {time.monotonic() - killed:.1f} s after the kill (asked by a new command each time)")
    time.sleep(5)
    print(f"   {producing.end()}")
    assert all(len(p["isr"]) == 2 for p in cluster.partitions("orders"))
    all_are_there(cluster)
    docker("start", victim)
    began = time.monotonic()
    cluster.wait_until_in_sync("orders")
    print(f"   {cluster.records} records, none lost; all in sync {time.monotonic() - began:.1f} s after the start")
    cluster.wait_until_healthy()


def a_rolling_restart_costs_nothing(cluster):
    producing = Producing(cluster)
    stopped = []
    for container in cluster.containers:
        stopped.append(stop(container))
        docker("start", container)
        cluster.wait_until_healthy(container)
        cluster.wait_until_in_sync("orders")
    print(f"   stopped in {', '.join(f'{took:.1f} s' for took in stopped)}; {producing.end()}")
    all_are_there(cluster)


def volumes_outlive_the_containers(cluster):
    identity = json.loads(cluster.cairn("cluster", "info", "--json"))["cluster_id"]
    cluster("stop")  # all at once: before long there is no quorum that anything could be agreed with
    print(f"   all stopped in {', '.join(f'{check_stopped(container):.1f} s' for container in cluster.containers)}")
    cluster("down")
    cluster.start()
    cluster.wait_until_healthy()
    assert json.loads(cluster.cairn("cluster", "info", "--json"))["cluster_id"] == identity
    all_are_there(cluster)
    cluster.wait_until_in_sync("orders")


APACHE = {
    "KAFKA_NODE_ID": "1", "KAFKA_PROCESS_ROLES": "broker,controller",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PLAINTEXT_HOST:PLAINTEXT",
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
    "KAFKA_LISTENERS": "PLAINTEXT://:19092,CONTROLLER://:9093,PLAINTEXT_HOST://:9092",
    "KAFKA_INTER_BROKER_LISTENER_NAME": "PLAINTEXT", "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "CLUSTER_ID": "4L6g3nShT-eMCtK--X86sw", "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0", "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1", "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
    "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1", "KAFKA_LOG_DIRS": "/tmp/kraft-combined-logs",
    "KAFKA_HEAP_OPTS": "-Xmx1G", "KAFKA_JMX_PORT": "9999", "KAFKA_JMX_HOSTNAME": "localhost", "KAFKA_OPTS": "",
    "KAFKA_LOG4J_ROOT_LOGLEVEL": "INFO", "KAFKA_LOG4J_LOGGERS": "kafka=INFO", "KAFKA_TOOLS_LOG4J_LOGLEVEL": "ERROR"}


def run_alone(environment, ports, *options):
    settings = [part for name, value in environment.items() for part in ("--env", f"{name}={value}")]
    published = [part for outside, inside in ports.items() for part in ("--publish", f"127.0.0.1:{outside}:{inside}")]
    return docker("run", "--detach", "--name", f"{PROJECT}-alone", *settings, *published, *options, IMAGE)


def the_variables_of_apaches_image_work(_):
    port = free_port()
    advertised = f"PLAINTEXT://localhost:19092,PLAINTEXT_HOST://127.0.0.1:{port}"
    container = run_alone({**APACHE, "KAFKA_ADVERTISED_LISTENERS": advertised}, {port: 9092})
    try:
        wait_for(lambda: is_healthy(container), "healthy")
        info = json.loads(run(CAIRN, "--bootstrap", f"127.0.0.1:{port}", "cluster", "info", "--json"))
        assert info["cluster_id"] == APACHE["CLUSTER_ID"], info
        run(CAIRN, "--bootstrap", f"127.0.0.1:{port}", "produce", "made-by-use", stdin="one\n")
    finally:
        docker("rm", "--force", container)


def a_volume_keeps_its_cluster_id(_):
    volume = f"{PROJECT}-alone"
    mounted = ("--volume", f"{volume}:/var/lib/cairn")
    container = run_alone({"CLUSTER_ID": APACHE["CLUSTER_ID"]}, {}, *mounted)
    try:
        wait_for(lambda: is_healthy(container), "healthy")
        info = json.loads(docker("exec", container, "cairn", "cluster", "info", "--json"))
        assert info["cluster_id"] == APACHE["CLUSTER_ID"], info
        stop(container)
        other = subprocess.run(["docker", "run", "--rm", "--env", "CLUSTER_ID=MkU3OEVBNTcwNTJENDM2Qk", *mounted, IMAGE],
                               capture_output=True, text=True, timeout=PATIENCE)
        assert other.returncode not in (0, 134, 139) and APACHE["CLUSTER_ID"] in other.stderr, other
        print(f"   of another: {other.stderr.strip().splitlines()[-1]}")
    finally:
        succeeds("docker", "rm", "--force", container)
        succeeds("docker", "volume", "rm", volume)


def without_variables_it_is_one_node_at_localhost(_):
    container = run_alone({}, {free_port(): 9092})
    try:
        wait_for(lambda: is_healthy(container), "healthy")
        docker("exec", container, "cairn", "topic", "create", "inside")  # advertised is localhost:9092
    finally:
        docker("rm", "--force", container)


CHECKS = [one_of_three_is_not_healthy, three_containers_become_a_cluster, the_host_and_the_network_reach_it,
          a_killed_container_costs_nothing_and_comes_back, a_rolling_restart_costs_nothing,
          volumes_outlive_the_containers, the_variables_of_apaches_image_work, a_volume_keeps_its_cluster_id,
          without_variables_it_is_one_node_at_localhost]


def main():
    compose = find_compose()
    build()
    cluster = Composition(compose)
    try:
        for check in CHECKS:
            began = time.monotonic()
            check(cluster)
            print(f"ok {check.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
    except BaseException:
        sys.stderr.write(cluster("logs", "--tail", "40", check=False) + "\n")
        raise
    finally:
        cluster("down", "--volumes", check=False)
        succeeds("docker", "image", "rm", IMAGE)


if __name__ == "__main__":
    main()
