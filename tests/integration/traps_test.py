#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What odd, old or hostile peers send, and what must come back: the traps of version negotiation and of
connection handling, on a real process."""
import pathlib
import socket
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cairn_process import cairn  # noqa: E402
from wire import (API_VERSIONS, INIT_PRODUCER_ID, METADATA, PRODUCE, Client, Cursor, batches, compact,  # noqa: E402
                  record_batch, string, uvarint)

UNSUPPORTED_VERSION, INVALID_REQUEST = 35, 42
CORRUPT_MESSAGE, UNKNOWN_TOPIC, MESSAGE_TOO_LARGE = 2, 3, 10
INVALID_TIMESTAMP, INVALID_REQUIRED_ACKS, OFFSET_OUT_OF_RANGE = 32, 21, 1
COORDINATOR_LOAD_IN_PROGRESS, OUT_OF_ORDER_SEQUENCE = 14, 45


def ranges_of(answer):
    code = answer.number("h")
    return code, {key: (low, high) for key, low, high in
                  (struct.unpack(">hhh", answer.take(6)) for _ in range(answer.number("i")))}


def closed(client):
    """Whether the broker closes the connection without another byte."""
    try:
        client.socket.settimeout(5)
        return client.socket.recv(1) == b""
    except ConnectionError:
        return True


def an_unknown_version_of_api_versions_gets_version_0_and_the_full_list(node):
    code, ranges = ranges_of(Client(node.bootstrap).call(API_VERSIONS, 77, b""))
    assert code == UNSUPPORTED_VERSION and ranges[API_VERSIONS] == (0, 4), (code, ranges)


def produce_is_advertised_from_0_and_what_is_not_served_is_not_advertised(node):
    code, ranges = ranges_of(Client(node.bootstrap).call(API_VERSIONS, 0, b""))
    assert code == 0 and ranges[PRODUCE] == (0, 13) and ranges[11] == (0, 9), ranges
    for key in (4, 5, 6, 7, 24, 25, 26, 28, 68, 69, 71, 72, 76, 78, 88):
        assert key not in ranges, f"API {key} is advertised"


def api_versions_names_the_features(node):
    client = Client(node.bootstrap)
    answer = client.call(API_VERSIONS, 4, compact("a-client") + compact("1.0") + b"\0")
    assert answer.number("h") == 0
    for _ in range(answer.uvarint() - 1):
        answer.take(6), answer.tags()
    answer.take(4)
    tags = answer.tags()
    assert set(tags) >= {0, 1, 2}, tags
    finalized = Cursor(tags[2])
    names = {}
    for _ in range(finalized.uvarint() - 1):
        name = finalized.compact().decode()
        names[name] = struct.unpack(">hh", finalized.take(4))
        finalized.tags()
    assert names["metadata.version"][0] == 30, names
    assert "transaction.version" not in names and "group.version" not in names, names


def a_bad_software_name_is_an_invalid_request(node):
    answer = Client(node.bootstrap).call(API_VERSIONS, 3, compact("no good!") + compact("1.0") + b"\0")
    assert answer.number("h") == INVALID_REQUEST


def metadata_0_means_all_topics_by_an_empty_list(node):
    answer = Client(node.bootstrap).call(METADATA, 0, struct.pack(">i", 0))
    for _ in range(answer.number("i")):
        answer.take(4), answer.string(), answer.take(4)
    assert answer.number("i") >= 1


def metadata_1_means_none_by_an_empty_list(node):
    answer = Client(node.bootstrap).call(METADATA, 1, struct.pack(">i", 0))
    for _ in range(answer.number("i")):
        answer.take(4), answer.string(), answer.take(4), answer.string()
    answer.take(4)
    assert answer.number("i") == 0


def bytes_behind_a_request_are_passed_over(node):
    answer = Client(node.bootstrap).call(METADATA, 1, struct.pack(">i", 0) + b"left over")
    assert answer.number("i") == 1


def answers_come_in_the_order_of_requests(node):
    client = Client(node.bootstrap)
    body = client.produce_body("traps", 0, record_batch([b"pipelined"]))
    sent = [client.send(PRODUCE, 3, body) if i % 3 else client.send(API_VERSIONS, 0, b"") for i in range(60)]
    assert [client.receive()[0] for _ in sent] == sent


def produce_without_acks_is_not_answered(node):
    client = Client(node.bootstrap)
    client.send(PRODUCE, 3, client.produce_body("traps", 0, record_batch([b"fire and forget"]), acks=0))
    assert client.call(API_VERSIONS, 0, b"").number("h") == 0


def acks_of_2_are_refused(node):
    assert Client(node.bootstrap).produce("traps", 0, record_batch([b"v"]), acks=2)[0] == INVALID_REQUIRED_ACKS


def a_wrong_checksum_is_a_corrupt_message(node):
    batch = bytearray(record_batch([b"value"]))
    batch[-1] ^= 1
    assert Client(node.bootstrap).produce("traps", 0, bytes(batch))[0] == CORRUPT_MESSAGE


def a_count_that_lies_is_refused_and_nothing_is_stored(node):
    client = Client(node.bootstrap)
    before = client.fetch("traps", 0, 0)[1]
    honest = record_batch([b"one", b"two"])
    records = honest[61:]
    lying = record_batch([b"", b"", b""], payload=records)
    assert client.produce("traps", 0, lying)[0] != 0
    assert client.fetch("traps", 0, 0)[1] == before


def a_batch_above_the_limit_is_too_large(node):
    assert Client(node.bootstrap).produce("traps", 0, record_batch([b"x" * 1_100_000]))[0] == MESSAGE_TOO_LARGE


def an_unknown_partition_is_named_so(node):
    assert Client(node.bootstrap).produce("traps", 7, record_batch([b"v"]))[0] == UNKNOWN_TOPIC
    assert Client(node.bootstrap).produce("nowhere", 0, record_batch([b"v"]))[0] == UNKNOWN_TOPIC


def a_record_from_the_future_is_refused(node):
    ahead = int(time.time() * 1000) + 7_200_000
    assert Client(node.bootstrap).produce("traps", 0, record_batch([b"v"], first_timestamp=ahead))[0] == INVALID_TIMESTAMP


def a_retried_batch_gets_its_first_offset_and_a_gap_is_refused(node):
    client = Client(node.bootstrap)
    code = COORDINATOR_LOAD_IN_PROGRESS  # real Kafka's first answer, while it fetches a block of ids
    while code == COORDINATOR_LOAD_IN_PROGRESS:
        answer = client.call(INIT_PRODUCER_ID, 0, string(None) + struct.pack(">i", 60000))
        answer.take(4)
        code, producer, epoch = answer.number("h"), answer.number("q"), answer.number("h")
    assert code == 0 and producer >= 0
    batch = record_batch([b"a", b"b"], producer=(producer, epoch, 0))
    code, offset = client.produce("traps", 1, batch)
    assert code == 0
    assert client.produce("traps", 1, batch) == (0, offset)
    assert client.produce("traps", 1, record_batch([b"c"], producer=(producer, epoch, 5)))[0] == OUT_OF_ORDER_SEQUENCE
    assert client.produce("traps", 1, record_batch([b"c"], producer=(producer, epoch, 2))) == (0, offset + 2)


def a_fetch_from_the_middle_of_a_batch_returns_it_whole_even_above_the_limit(node):
    client = Client(node.bootstrap)
    code, base = client.produce("traps", 2, record_batch([b"%d" % i + b"x" * 100 for i in range(10)]))
    assert code == 0
    code, _, data = client.fetch("traps", 2, base + 5, max_bytes=10)
    assert code == 0 and next(batches(data))[0] == base and len(next(batches(data))[1]) == 10
    assert client.fetch("traps", 2, base + 11)[0] == OFFSET_OUT_OF_RANGE


def an_empty_fetch_waits_and_wakes_on_a_record(node):
    waiting, sending = Client(node.bootstrap), Client(node.bootstrap)
    end = waiting.fetch("traps", 0, 0)[1]
    began = time.monotonic()
    assert waiting.fetch("traps", 0, end, wait_ms=300)[2] == b"" and 0.25 < time.monotonic() - began < 3
    body = struct.pack(">iiiibi", -1, 5000, 1, 1 << 20, 0, 1) + string("traps") + struct.pack(">iiqi", 1, 0, end, 1 << 20)
    waiting.send(1, 4, body)
    time.sleep(0.1)
    began = time.monotonic()
    sending.produce("traps", 0, record_batch([b"wake up"]))
    waiting.receive(1, 4)
    assert time.monotonic() - began < 1


def hostile_frames_close_the_connection_and_nothing_else(node):
    frames = [struct.pack(">i", -1), struct.pack(">i", 0x7FFFFFFF), struct.pack(">i", 200 << 20), b"GET / HTTP/1.1\r\n\r\n",
              struct.pack(">ihhih", 10, 999, 0, 1, -1), struct.pack(">ihhihi", 14, METADATA, 1, 1, -1, 0x7FFFFFFF),
              struct.pack(">ihhih", 10, PRODUCE, 2, 1, -1), struct.pack(">ihhih", 10, METADATA, 99, 1, -1),
              struct.pack(">i", 3) + b"abc",
              struct.pack(">ihhih", 15, METADATA, 12, 1, -1) + b"\0" + uvarint(0xFFFFFFFF)]
    for frame in frames:
        client = Client(node.bootstrap)
        client.socket.sendall(frame)
        assert closed(client), frame
    assert Client(node.bootstrap).call(API_VERSIONS, 0, b"").number("h") == 0


def a_slow_reader_and_a_silent_peer_hold_up_nobody(node):
    silent = Client(node.bootstrap)
    silent.socket.sendall(struct.pack(">i", 1000) + b"half a frame")
    slow = Client(node.bootstrap)
    slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    filler = Client(node.bootstrap)
    for _ in range(20):
        assert filler.produce("traps", 2, record_batch([b"y" * 500_000]))[0] == 0
    body = struct.pack(">iiiibi", -1, 0, 1, 50 << 20, 0, 1) + string("traps") + struct.pack(">iiqi", 1, 2, 0, 50 << 20)
    for _ in range(50):
        slow.send(1, 4, body)
    began = time.monotonic()
    for _ in range(20):
        assert filler.produce("traps", 0, record_batch([b"quick"]))[0] == 0
    assert time.monotonic() - began < 5
    silent.close(), slow.close()


def connections_that_come_and_go_leave_nothing_behind(node):
    for _ in range(300):
        Client(node.bootstrap).close()
    assert Client(node.bootstrap).call(API_VERSIONS, 0, b"").number("h") == 0


def main():
    checks = [f for f in globals().values() if getattr(f, "__code__", None) and f.__code__.co_varnames[:1] == ("node",)]
    failed = 0
    with cairn(num_partitions=3, auto_create_topics_enable="false") as node:
        assert Client(node.bootstrap).create_topic("traps", 3) == 0
        for check in checks:
            try:
                check(node)
                print(f"ok {check.__name__}", flush=True)
            except (AssertionError, OSError, struct.error) as error:
                failed += 1
                print(f"FAILED {check.__name__}: {type(error).__name__} {error}", flush=True)
            assert node.process.poll() is None, "cairnd died"
    print(f"{len(checks)} traps, {failed} sprung")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
