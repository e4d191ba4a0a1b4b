#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Configuration of brokers that changes at run time: set, its effect seen, still there after a restart
and after a kill, taken back. Then the limits of connections, which are such keys."""
import json
import pathlib
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cairn_process import CAIRN, cairn, run, wait_until  # noqa: E402
from wire import API_VERSIONS, Client, record_batch  # noqa: E402

MESSAGE_TOO_LARGE = 10
DYNAMIC_BROKER, DYNAMIC_DEFAULT, STATIC, DEFAULT = "broker (dynamic)", "all brokers (dynamic)", "broker (file)", "default"


def change(node, who, *settings, unset=()):
    run(CAIRN, "--bootstrap", node.bootstrap, "config", "set", "broker", who, *settings,
        *(part for key in unset for part in ("--unset", key)))


def shown(node, key):
    """(value, where it comes from) as the broker describes itself."""
    entries = json.loads(run(CAIRN, "--bootstrap", node.bootstrap, "config", "get", "broker", 1, key, "--all", "--json"))
    entry = next(e for e in entries if e["key"] == key)
    return entry["value"], entry["source"]


def restarts(node):
    """The node as it is, after an orderly restart, after a kill."""
    yield "before a restart"
    node.stop(), node.start()
    yield "after a restart"
    node.kill(), node.start()
    yield "after a kill"


def largest(node, topic, size):
    return Client(node.bootstrap).produce(topic, 0, record_batch([b"x" * size]))[0]


def a_setting_of_all_brokers_holds_until_it_is_taken_back(node):
    Client(node.bootstrap).create_topic("all")
    assert largest(node, "all", 5000) == 0
    change(node, "default", "message.max.bytes=2000")
    for when in restarts(node):
        assert shown(node, "message.max.bytes") == ("2000", DYNAMIC_DEFAULT), when
        assert largest(node, "all", 5000) == MESSAGE_TOO_LARGE, when
        assert largest(node, "all", 1000) == 0, when
    change(node, "default", unset=["message.max.bytes"])
    for when in restarts(node):
        assert shown(node, "message.max.bytes") == ("1048588", DEFAULT), when
        assert largest(node, "all", 5000) == 0, when


def a_brokers_own_setting_goes_before_that_of_all(node):
    Client(node.bootstrap).create_topic("own")
    change(node, "default", "message.max.bytes=2000")
    change(node, 1, "message.max.bytes=8000")
    for when in restarts(node):
        assert shown(node, "message.max.bytes") == ("8000", DYNAMIC_BROKER), when
        assert largest(node, "own", 5000) == 0 and largest(node, "own", 9000) == MESSAGE_TOO_LARGE, when
    change(node, 1, unset=["message.max.bytes"])
    assert shown(node, "message.max.bytes") == ("2000", DYNAMIC_DEFAULT)
    assert largest(node, "own", 5000) == MESSAGE_TOO_LARGE
    change(node, "default", unset=["message.max.bytes"])
    assert largest(node, "own", 5000) == 0


def a_dynamic_setting_goes_before_the_file(node):
    assert shown(node, "log.retention.ms") == ("7200000", STATIC)
    change(node, 1, "log.retention.ms=3600000")
    for when in restarts(node):
        assert shown(node, "log.retention.ms") == ("3600000", DYNAMIC_BROKER), when
    change(node, 1, unset=["log.retention.ms"])
    assert shown(node, "log.retention.ms") == ("7200000", STATIC)


def what_may_not_change_is_refused_and_changes_nothing(node):
    for setting, word in (("num.partitions=9", "num.partitions"), ("message.max.bytes=many", "message.max.bytes"),
                          ("no.such.key=1", "no.such.key"), ("max.connections=-1", "max.connections")):
        output = ""
        try:
            change(node, 1, setting, "log.retention.ms=1000")
        except AssertionError as error:
            output = str(error)
        assert word in output, f"{setting} was not refused: {output}"
    assert shown(node, "num.partitions")[0] == "1" and shown(node, "log.retention.ms")[1] == STATIC


def answers(client, seconds):
    """Whether the broker answers on a connection within a time."""
    client.socket.settimeout(seconds)
    try:
        return client.receive()[1].number("h") == 0
    except socket.timeout:
        return False


def connect(node):
    client = Client(node.bootstrap)
    client.send(API_VERSIONS, 0, b"")
    return client


def connections_are_limited(node, who, key):
    change(node, who, f"{key}=3")
    for when in restarts(node):
        clients = [connect(node) for _ in range(3)]
        assert all(answers(client, 5) for client in clients), when
        waiting = connect(node)
        assert not answers(waiting, 0.5), when
        clients.pop().close()
        assert answers(waiting, 5), when
        for client in (*clients, waiting):
            client.close()
        time.sleep(0.1)
    change(node, who, unset=[key])
    clients = [connect(node) for _ in range(6)]
    assert all(answers(client, 5) for client in clients)
    for client in clients:
        client.close()


def connections_of_a_broker_are_limited(node):
    connections_are_limited(node, 1, "max.connections")


def connections_of_a_listener_are_limited(node):
    connections_are_limited(node, 1, "listener.name.plaintext.max.connections")


def seconds_of_connections(node, count):
    began = time.monotonic()
    for _ in range(count):
        client = connect(node)
        assert answers(client, 10)
        client.close()
    return time.monotonic() - began


def the_rate_of_new_connections_is_limited(node, who, key):
    assert seconds_of_connections(node, 60) < 2.5
    change(node, who, f"{key}=10")
    wait_until(lambda: shown(node, key)[0] == "10", 5, "the change")
    for when in restarts(node):  # 30 at once are what the three windows of a second let pass
        took = seconds_of_connections(node, 60)
        assert 2.9 < took < 20, f"{when}: sixty connections at 10 a second took {took:.2f} s"
    change(node, who, unset=[key])
    assert seconds_of_connections(node, 60) < 2.5


def the_rate_of_new_connections_of_all_brokers_is_limited(node):
    the_rate_of_new_connections_is_limited(node, "default", "max.connection.creation.rate")


def the_rate_of_new_connections_of_a_listener_is_limited(node):
    the_rate_of_new_connections_is_limited(node, 1, "listener.name.plaintext.max.connection.creation.rate")


def main():
    checks = [f for f in globals().values() if getattr(f, "__code__", None) and f.__code__.co_varnames[:1] == ("node",)
              and f.__code__.co_argcount == 1 and f is not restarts and f is not connect]
    failed = 0
    with cairn(log_retention_ms=7200000, quota_window_num=3, socket_send_buffer_bytes=65536,
               socket_receive_buffer_bytes=65536, socket_listen_backlog_size=50) as node:
        assert "no effect" not in node.log.read_text(), "a key of this test is said to have no effect"
        for check in checks:
            try:
                check(node)
                print(f"ok {check.__name__}", flush=True)
            except (AssertionError, OSError) as error:
                failed += 1
                print(f"FAILED {check.__name__}: {type(error).__name__} {error}", flush=True)
    print(f"{len(checks)} checks, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
