#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where a broker that looks right trips real clients: version negotiation, topic ids, groups of any
protocol, what answers promise. Each check says what Apache Kafka 4.3.1 does.

    protocol_traps_test.py [HOST:PORT]   another broker than a cairnd of its own, such as a real Kafka
"""
import pathlib
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cairn_process import cairn  # noqa: E402
from wire import (API_VERSIONS, CREATE_PARTITIONS, DELETE_RECORDS, DESCRIBE_CONFIGS, DESCRIBE_GROUPS,  # noqa: E402
                  DESCRIBE_TOPIC_PARTITIONS, FETCH, FIND_COORDINATOR, HEARTBEAT, INCREMENTAL_ALTER_CONFIGS,
                  INIT_PRODUCER_ID, JOIN_GROUP, LIST_OFFSETS, METADATA, OFFSET_COMMIT, OFFSET_FETCH,
                  OFFSET_FOR_LEADER_EPOCH, PRODUCE, SYNC_GROUP, Client, Cursor, array, compact, compact_array, data,
                  record_batch, string)

OFFSET_OUT_OF_RANGE, MESSAGE_TOO_LARGE, INCONSISTENT_GROUP_PROTOCOL, INVALID_REQUEST = 1, 10, 23, 42
INVALID_TXN_STATE, GROUP_ID_NOT_FOUND, MEMBER_ID_REQUIRED, UNKNOWN_TOPIC_ID = 48, 69, 79, 100
LOADING = (14, 15, 16)
NOWHERE = b"\x07" * 16

# What is advertised, as Kafka 4.3.1 does; other APIs are not served yet, and so not advertised.
SERVED = {0: (0, 13), 1: (4, 18), 2: (1, 11), 3: (0, 13), 8: (2, 10), 9: (1, 10), 10: (0, 6), 11: (0, 9), 12: (0, 4),
          13: (0, 5), 14: (0, 5), 15: (0, 6), 16: (0, 5), 18: (0, 4), 19: (2, 7), 20: (1, 6), 21: (0, 2), 22: (0, 5),
          23: (2, 4), 32: (1, 4), 33: (0, 2), 34: (1, 2), 35: (1, 5), 37: (0, 3), 42: (0, 2), 43: (0, 2), 44: (0, 1),
          45: (0, 1), 46: (0, 0), 47: (0, 0), 55: (0, 2), 57: (0, 2), 60: (0, 2), 61: (0, 0), 64: (0, 0), 74: (0, 1), 75: (0, 0)}


def patient(call):
    """Asks again while the coordinator is being made or loads."""
    for _ in range(200):
        result = call()
        if result[0] not in LOADING:
            return result
        time.sleep(0.05)
    return result


def serves(client, topic, partition):
    """Whether it does within a while; a broker may hear of what its controller did a moment later."""
    return patient(lambda: (14 if client.fetch(topic, partition, 0)[0] in (3, 6) else 0,)) == (0,)


def make_topic(client, topic, partitions=1, **configs):
    assert client.create_topic(topic, partitions, **configs) == 0
    assert serves(client, topic, partitions - 1)


def find_coordinator(client, group):
    """As every client does first: it makes the offsets topic."""
    answer = client.call(FIND_COORDINATOR, 0, string(group))
    return answer.number("h"), answer.number("i")


def topic_id(node, topic):
    """By Metadata 10."""
    answer = Client(node.bootstrap).call(METADATA, 10, compact_array([bytes(16) + compact(topic) + b"\0"]) + b"\0\0\0\0")
    answer.take(4)
    for _ in range(answer.uvarint() - 1):
        answer.take(4), answer.compact(), answer.take(4), answer.compact(), answer.tags()
    answer.compact(), answer.take(4)
    assert answer.uvarint() == 2 and answer.number("h") == 0
    answer.compact()
    return answer.take(16)


def ranges_are_kafkas_and_nothing_is_advertised_that_is_not_served(node):
    answer = Client(node.bootstrap).call(API_VERSIONS, 0, b"")
    assert answer.number("h") == 0
    ranges = {key: (low, high) for key, low, high in
              (struct.unpack(">hhh", answer.take(6)) for _ in range(answer.number("i")))}
    found = {key: ranges.get(key) for key in SERVED}
    assert found == SERVED, {key: found[key] for key in SERVED if found[key] != SERVED[key]}
    assert node.foreign or ranges.keys() == SERVED.keys(), ranges.keys() - SERVED.keys()


def api_versions_3_leaves_out_features_that_begin_at_0(node):
    minimums = {}
    for version in (3, 4):
        answer = Client(node.bootstrap).call(API_VERSIONS, version, compact("a-client") + compact("1.0") + b"\0")
        assert answer.number("h") == 0
        for _ in range(answer.uvarint() - 1):
            answer.take(6), answer.tags()
        answer.take(4)
        features = Cursor(answer.tags()[0])
        for _ in range(features.uvarint() - 1):
            name = features.compact().decode()
            minimums.setdefault(version, {})[name] = features.number("h")
            features.take(2), features.tags()
    assert 0 not in minimums[3].values() and "metadata.version" in minimums[3], minimums
    assert minimums[4].get("kraft.version") == 0, minimums


def a_bad_software_version_is_an_invalid_request(node):
    answer = Client(node.bootstrap).call(API_VERSIONS, 3, compact("a-client") + compact("no good!") + b"\0")
    assert answer.number("h") == INVALID_REQUEST


def metadata_1_means_all_topics_by_null(node):
    answer = Client(node.bootstrap).call(METADATA, 1, struct.pack(">i", -1))
    for _ in range(answer.number("i")):
        answer.take(4), answer.string(), answer.take(4), answer.string()
    answer.take(4)
    assert answer.number("i") >= 1


def metadata_says_127_0_0_1_and_not_localhost(node):
    answer = Client(node.bootstrap).call(METADATA, 1, struct.pack(">i", 0))
    assert answer.number("i") == 1
    answer.take(4)
    assert answer.string() == "127.0.0.1"


def metadata_by_topic_id(client, version, wanted):
    """(code, name) of one topic by its id."""
    answer = client.call(METADATA, version, compact_array([wanted + b"\0" + b"\0"]) + b"\0\0" + (b"\0\0" if version <= 10 else b"\0"))
    answer.take(4)
    for _ in range(answer.uvarint() - 1):
        answer.take(4), answer.compact(), answer.take(4), answer.compact(), answer.tags()
    answer.compact(), answer.take(4)
    assert answer.uvarint() == 2
    return answer.number("h"), answer.compact()


def metadata_takes_topic_ids_from_12_on(node):
    client = Client(node.bootstrap)
    wanted = topic_id(node, "protocol")
    assert metadata_by_topic_id(client, 12, wanted) == (0, b"protocol")
    assert metadata_by_topic_id(client, 12, NOWHERE)[0] == UNKNOWN_TOPIC_ID
    assert metadata_by_topic_id(client, 11, wanted)[0] == INVALID_REQUEST


def produce_13(node, topic, batch):
    body = b"\0" + struct.pack(">hi", -1, 10000)
    body += compact_array([topic + compact_array([struct.pack(">i", 0) + compact(batch) + b"\0"]) + b"\0"]) + b"\0"
    answer = Client(node.bootstrap).call(PRODUCE, 13, body)
    assert answer.uvarint() == 2
    answer.take(16), answer.uvarint(), answer.take(4)
    return answer.number("h")


def produce_13_goes_by_topic_id(node):
    assert produce_13(node, topic_id(node, "protocol"), record_batch([b"by id"])) == 0
    assert produce_13(node, NOWHERE, record_batch([b"nowhere"])) == UNKNOWN_TOPIC_ID


def fetch_13(node, topic):
    partition = struct.pack(">iiqiqi", 0, -1, 0, -1, -1, 1 << 20) + b"\0"
    body = struct.pack(">iiiibii", -1, 100, 1, 1 << 20, 0, 0, -1)
    body += compact_array([topic + compact_array([partition]) + b"\0"]) + compact_array([]) + compact("") + b"\0"
    answer = Client(node.bootstrap).call(FETCH, 13, body)
    answer.take(4)
    top = answer.number("h")
    answer.take(4)
    if top or answer.uvarint() < 2:
        return top
    answer.take(16), answer.uvarint(), answer.take(4)
    return answer.number("h")


def fetch_13_goes_by_topic_id(node):
    assert fetch_13(node, topic_id(node, "protocol")) == 0
    assert fetch_13(node, NOWHERE) == UNKNOWN_TOPIC_ID


def commit_10(node, group, topic, offset):
    partition = struct.pack(">iqi", 0, offset, -1) + compact("by id") + b"\0"
    body = compact(group) + struct.pack(">i", -1) + compact("") + b"\0"
    body += compact_array([topic + compact_array([partition]) + b"\0"]) + b"\0"
    answer = Client(node.bootstrap).call(OFFSET_COMMIT, 10, body)
    answer.take(4)
    assert answer.uvarint() == 2
    answer.take(16), answer.uvarint(), answer.take(4)
    return (answer.number("h"),)


def fetch_offsets_10(node, group, topic):
    body = compact_array([compact(group) + b"\0" + struct.pack(">i", -1) +
                          compact_array([topic + compact_array([struct.pack(">i", 0)]) + b"\0"]) + b"\0"]) + b"\0\0"
    answer = Client(node.bootstrap).call(OFFSET_FETCH, 10, body)
    answer.take(4)
    assert answer.uvarint() == 2
    answer.compact()
    assert answer.uvarint() == 2
    answer.take(16), answer.uvarint(), answer.take(4)
    offset = answer.number("q")
    answer.take(4), answer.compact()
    return answer.number("h"), offset


def offsets_go_by_topic_id_from_10_on(node):
    known = topic_id(node, "protocol")
    assert patient(lambda: commit_10(node, "ids", known, 7)) == (0,)
    assert commit_10(node, "ids", NOWHERE, 7) == (UNKNOWN_TOPIC_ID,)
    assert fetch_offsets_10(node, "ids", known) == (0, 7)
    assert fetch_offsets_10(node, "ids", NOWHERE) == (UNKNOWN_TOPIC_ID, -1)


def commit_2(client, group, metadata, offset=3, member="", generation=-1):
    body = string(group) + struct.pack(">i", generation) + string(member) + struct.pack(">q", -1)
    body += array([string("protocol") + array([struct.pack(">iq", 0, offset) + string(metadata)])])
    answer = client.call(OFFSET_COMMIT, 2, body)
    assert answer.number("i") == 1
    answer.string(), answer.take(8)
    return (answer.number("h"),)


def a_commits_metadata_comes_back_verbatim_and_a_retry_is_no_error(node):
    client = Client(node.bootstrap)
    for metadata in ("plain", "", "{\"\\u0000\": 'ü'} \t\n", "x" * 4096):
        for _ in range(2):
            assert patient(lambda: commit_2(client, "verbatim", metadata)) == (0,)
        answer = client.call(OFFSET_FETCH, 1, string("verbatim") + array([string("protocol") + array([struct.pack(">i", 0)])]))
        assert answer.number("i") == 1
        answer.string(), answer.take(8)
        assert (answer.number("q"), answer.string(), answer.number("h")) == (3, metadata, 0)
    assert commit_2(client, "verbatim", "x" * 4097) == (12,)  # OFFSET_METADATA_TOO_LARGE


def offset_fetch_8_and_find_coordinator_4_take_several_groups(node):
    client = Client(node.bootstrap)
    for group in ("several-1", "several-2"):
        assert patient(lambda: commit_2(client, group, group)) == (0,)
    groups = [compact(group) + b"\0" + b"\0" for group in ("several-1", "several-2", "never-seen")]
    answer = client.call(OFFSET_FETCH, 8, compact_array(groups) + b"\0\0")
    answer.take(4)
    found = {}
    for _ in range(answer.uvarint() - 1):
        group = answer.compact().decode()
        found[group] = answer.uvarint() - 1
        for _ in range(found[group]):
            answer.compact()
            for _ in range(answer.uvarint() - 1):
                answer.take(16), answer.compact(), answer.take(2), answer.tags()
            answer.tags()
        assert answer.number("h") == 0
        answer.tags()
    assert found == {"several-1": 1, "several-2": 1, "never-seen": 0}, found
    answer = client.call(FIND_COORDINATOR, 4, b"\0" + compact_array([compact("several-1"), compact("several-2")]) + b"\0")
    answer.take(4)
    assert answer.uvarint() - 1 == 2
    for _ in range(2):
        assert answer.compact().startswith(b"several") and answer.number("i") == 1
        answer.compact(), answer.take(4)
        assert answer.number("h") == 0
        answer.compact(), answer.tags()


def describe_group(node, version, group):
    answer = Client(node.bootstrap).call(DESCRIBE_GROUPS, version, compact_array([compact(group)]) + b"\0\0")
    answer.take(4)
    assert answer.uvarint() == 2
    code = answer.number("h")
    if version >= 6:
        answer.compact()
    answer.compact()
    return code, answer.compact()


def an_unknown_group_is_dead_and_from_describe_groups_6_on_not_found(node):
    assert patient(lambda: describe_group(node, 5, "nobody")) == (0, b"Dead")
    assert describe_group(node, 6, "nobody") == (GROUP_ID_NOT_FOUND, b"Dead")


def join(client, version, group, member="", kind="consumer", protocols=(("range", b"\0\0"),), instance=None):
    """(code, generation, protocol, leader, member id, {member id: metadata})"""
    body = string(group) + struct.pack(">i", 10000) + (struct.pack(">i", 10000) if version >= 1 else b"") + string(member)
    body += string(instance) if version >= 5 else b""
    body += string(kind) + array([string(name) + data(metadata) for name, metadata in protocols])
    answer = client.call(JOIN_GROUP, version, body)
    if version >= 2:
        answer.take(4)
    code, generation, protocol, leader, me = (answer.number("h"), answer.number("i"), answer.string(), answer.string(),
                                              answer.string())
    members = {}
    for _ in range(answer.number("i")):
        name = answer.string()
        if version >= 5:
            answer.string()
        members[name] = answer.take(answer.number("i"))
    return code, generation, protocol, leader, me, members


def sync(client, group, generation, member, assignments=()):
    body = string(group) + struct.pack(">i", generation) + string(member)
    answer = client.call(SYNC_GROUP, 0, body + array([string(m) + data(a) for m, a in assignments]))
    return answer.number("h"), answer.take(answer.number("i"))


def join_group_0_and_1_are_served_for_old_clients(node):
    for version in (0, 1):
        client = Client(node.bootstrap)
        code, generation, protocol, leader, me, members = patient(lambda: join(client, version, f"old-{version}"))
        assert (code, generation, protocol) == (0, 1, "range") and leader == me and members == {me: b"\0\0"}
        assert sync(client, f"old-{version}", 1, me, [(me, b"mine")]) == (0, b"mine")


def any_protocol_type_and_any_bytes_make_a_group(node):
    client, other = Client(node.bootstrap), Client(node.bootstrap)
    odd = bytes(range(256))
    code, generation, protocol, _, me, members = patient(
        lambda: join(client, 1, "odd", kind="connect", protocols=(("v1", odd), ("v0", b""))))
    assert (code, protocol, members) == (0, "v1", {me: odd})
    assert sync(client, "odd", generation, me, [(me, odd)]) == (0, odd)
    assert join(other, 1, "odd", kind="consumer", protocols=(("v1", odd),))[0] == INCONSISTENT_GROUP_PROTOCOL
    assert join(other, 1, "odd", kind="connect", protocols=(("v2", odd),))[0] == INCONSISTENT_GROUP_PROTOCOL
    assert join(other, 1, "odd", kind="connect", protocols=())[0] == INCONSISTENT_GROUP_PROTOCOL
    # One that shares v0 is let in; both agree on it.
    other.send(JOIN_GROUP, 1, string("odd") + struct.pack(">ii", 10000, 10000) + string("") + string("connect") +
               array([string("v0") + data(b"other")]))
    deadline = time.monotonic() + 10
    while client.call(HEARTBEAT, 0, string("odd") + struct.pack(">i", generation) + string(me)).number("h") != 27:
        assert time.monotonic() < deadline, "no rebalance"
    code, generation, protocol, _, _, members = join(client, 1, "odd", member=me, kind="connect",
                                                     protocols=(("v1", odd), ("v0", b"")))
    assert (code, generation, protocol) == (0, 2, "v0") and sorted(members.values()) == [b"", b"other"]


def a_first_join_from_4_on_gets_a_member_id_to_come_back_with(node):
    client = Client(node.bootstrap)
    code, _, _, _, me, _ = patient(lambda: join(client, 4, "required"))
    assert code == MEMBER_ID_REQUIRED and me
    code, generation, _, leader, again, _ = join(client, 4, "required", member=me)
    assert (code, generation) == (0, 1) and leader == again == me


def a_static_member_needs_no_id_and_keeps_its_place(node):
    client = Client(node.bootstrap)
    code, generation, _, _, first, _ = patient(lambda: join(client, 5, "static", instance="i"))
    assert (code, generation) == (0, 1)
    assert sync(client, "static", 1, first, [(first, b"kept")]) == (0, b"kept")
    code, generation, _, _, second, _ = join(client, 5, "static", instance="i")
    assert (code, generation) == (0, 1) and second != first
    assert sync(client, "static", 1, second) == (0, b"kept")


def offset_at(client, topic, timestamp, version=7):
    body = struct.pack(">ib", -1, 0) + compact_array(
        [compact(topic) + compact_array([struct.pack(">iiq", 0, -1, timestamp) + b"\0"]) + b"\0"])
    answer = client.call(LIST_OFFSETS, version, body + (struct.pack(">i", 1000) if version >= 10 else b"") + b"\0")
    answer.take(4), answer.uvarint(), answer.compact(), answer.uvarint(), answer.take(4)
    code, when, offset = answer.number("h"), answer.number("q"), answer.number("q")
    assert code == 0, code
    return offset, when


def list_offsets_finds_the_first_record_at_or_after_a_time(node):
    client = Client(node.bootstrap)
    make_topic(client, "times")
    now = int(time.time() * 1000) - 10_000
    for delta in (0, 100, 300, 200):
        assert client.produce("times", 0, record_batch([b"a", b"b"], first_timestamp=now + delta))[0] == 0
    assert offset_at(client, "times", now - 5000) == (0, now)
    assert offset_at(client, "times", now) == (0, now)
    assert offset_at(client, "times", now + 1) == (2, now + 100)
    assert offset_at(client, "times", now + 150) == (4, now + 300)
    assert offset_at(client, "times", now + 301) == (-1, -1)
    assert offset_at(client, "times", -2)[0] == 0 and offset_at(client, "times", -1)[0] == 8
    assert offset_at(client, "times", -3) == (4, now + 300)  # the largest timestamp
    assert offset_at(client, "times", -4, 8)[0] == 0  # local log start
    assert offset_at(client, "times", -5, 9)[0] == -1  # nothing is tiered
    assert offset_at(client, "times", -6, 11)[0] == -1


def describe_configs(client, kind, name, version=1):
    """{name: (value, source, [(name, value, source) of synonyms])}"""
    body = array([struct.pack(">b", kind) + string(name) + struct.pack(">i", -1)]) + b"\1"
    answer = client.call(DESCRIBE_CONFIGS, version, body)
    answer.take(4)
    assert answer.number("i") == 1 and answer.number("h") == 0
    answer.string(), answer.take(1), answer.string()
    entries = {}
    for _ in range(answer.number("i")):
        key, value = answer.string(), answer.string()
        answer.take(1)
        source = answer.number("b")
        answer.take(1)
        entries[key] = value, source, [(answer.string(), answer.string(), answer.number("b"))
                                       for _ in range(answer.number("i"))]
    return entries


def configurations_have_values_sources_and_synonyms(node):
    client = Client(node.bootstrap)
    make_topic(client, "configured", max_message_bytes=5000)
    topic = describe_configs(client, 2, "configured")
    assert topic["max.message.bytes"] == ("5000", 1, [("max.message.bytes", "5000", 1), ("message.max.bytes", "1048588", 5)])
    assert topic["retention.ms"][:2] == ("604800000", 5) and len(topic) > 30
    broker = describe_configs(client, 4, "1")
    assert broker["message.max.bytes"][:2] == ("1048588", 5) and broker["node.id"][:2] == ("1", 4), broker["node.id"]
    assert len(broker) > 200


def a_topics_largest_message_is_enforced_both_ways(node):
    client = Client(node.bootstrap)
    make_topic(client, "small", max_message_bytes=1000)
    assert client.produce("small", 0, record_batch([b"x" * 2000]))[0] == MESSAGE_TOO_LARGE
    make_topic(client, "large", max_message_bytes=8_000_000)
    assert client.produce("large", 0, record_batch([b"y" * 6_000_000]))[0] == 0
    assert len(client.fetch("large", 0, 0, max_bytes=1000)[2]) > 6_000_000  # the first batch, whole


def what_administration_answers_is_done(node):
    client = Client(node.bootstrap)
    make_topic(client, "administered", 1)
    for i in range(3):
        assert client.produce("administered", 0, record_batch([b"%d" % i, b"x" * 500]))[0] == 0
    answer = client.call(CREATE_PARTITIONS, 0, array([string("administered") + struct.pack(">ii", 3, -1)]) +
                         struct.pack(">ib", 10000, 0))
    answer.take(8), answer.string()
    assert answer.number("h") == 0
    assert serves(client, "administered", 2)
    assert client.produce("administered", 2, record_batch([b"in a new partition"]))[0] == 0
    answer = client.call(DELETE_RECORDS, 0, array([string("administered") + array([struct.pack(">iq", 0, 4)])]) +
                         struct.pack(">i", 10000))
    answer.take(8), answer.string(), answer.take(8)
    assert (answer.number("q"), answer.number("h")) == (4, 0)
    assert client.fetch("administered", 0, 3)[0] == OFFSET_OUT_OF_RANGE and client.fetch("administered", 0, 4)[0] == 0
    assert offset_at(client, "administered", -2)[0] == 4
    change = string("max.message.bytes") + b"\0" + string("300")
    answer = client.call(INCREMENTAL_ALTER_CONFIGS, 0, array([b"\2" + string("administered") + array([change])]) + b"\0")
    answer.take(8)
    assert answer.number("h") == 0
    produced = lambda: client.produce("administered", 0, record_batch([b"x" * 500]))  # noqa: E731
    assert patient(lambda: (14 if produced()[0] == 0 else MESSAGE_TOO_LARGE,)) == (MESSAGE_TOO_LARGE,)
    assert describe_configs(client, 2, "administered")["max.message.bytes"][:2] == ("300", 1)


def describe_topic_partitions_goes_on_behind_its_cursor(node):
    client = Client(node.bootstrap)
    make_topic(client, "paged", 5)
    seen, cursor = [], b"\xff"
    for page in range(1, 10):
        answer = client.call(DESCRIBE_TOPIC_PARTITIONS, 0, compact_array([compact("paged") + b"\0"]) +
                             struct.pack(">i", 2 if node.foreign else 100) + cursor + b"\0")
        answer.take(4)
        assert answer.uvarint() == 2 and answer.number("h") == 0
        answer.compact(), answer.take(16), answer.take(1)
        for _ in range(answer.uvarint() - 1):
            answer.take(2)
            seen.append(answer.number("i"))
            answer.take(8)
            for _ in range(5):  # replicas, in sync, eligible, last known, offline
                answer.take(4 * max(answer.uvarint() - 1, 0))
            answer.tags()
        assert seen == list(range(min(2 * page, 5))), seen
        answer.take(4), answer.tags()
        if answer.number("b") < 0:
            break
        cursor = b"\1" + compact(answer.compact()) + answer.take(4) + b"\0"
    assert seen == [0, 1, 2, 3, 4], seen


def the_end_of_a_leader_epoch_is_told(node):
    client = Client(node.bootstrap)
    make_topic(client, "epochs")
    assert client.produce("epochs", 0, record_batch([b"a", b"b", b"c"]))[0] == 0
    for epoch, expected in ((0, (0, 0, 3)), (9, (0, -1, -1))):
        answer = client.call(OFFSET_FOR_LEADER_EPOCH, 2, array([string("epochs") + array([struct.pack(">iii", 0, -1, epoch)])]))
        answer.take(8), answer.string(), answer.take(4)
        code = answer.number("h")
        answer.take(4)
        assert (code, answer.number("i"), answer.number("q")) == expected, epoch


def transactions_are_refused_and_not_feigned(node):
    if node.foreign:
        return
    client = Client(node.bootstrap)
    answer = client.call(INIT_PRODUCER_ID, 0, string("my-transactions") + struct.pack(">i", 60000))
    answer.take(4)
    assert answer.number("h") != 0
    answer = client.call(FIND_COORDINATOR, 1, string("my-transactions") + b"\1")
    answer.take(4)
    assert answer.number("h") != 0 and "transaction" in answer.string().lower()
    transactional = record_batch([b"v"], producer=(4711, 0, 0), attributes=0x10)
    assert client.produce("protocol", 0, transactional)[0] == INVALID_TXN_STATE


def main():
    checks = [f for f in globals().values() if getattr(f, "__code__", None) and f.__code__.co_varnames[:1] == ("node",)
              and f.__code__.co_argcount == 1]

    def check_all(node):
        failed = 0
        client = Client(node.bootstrap)
        make_topic(client, "protocol")
        assert patient(lambda: find_coordinator(client, "any")) == (0, 1)
        for check in checks:
            try:
                check(node)
                print(f"ok {check.__name__}", flush=True)
            except (AssertionError, OSError, struct.error, KeyError) as error:
                failed += 1
                print(f"FAILED {check.__name__}: {type(error).__name__} {error}", flush=True)
        print(f"{len(checks)} traps, {failed} sprung")
        return 1 if failed else 0

    class Foreign:
        bootstrap, foreign = sys.argv[1] if len(sys.argv) > 1 else "", True

    if Foreign.bootstrap:
        sys.exit(check_all(Foreign))
    with cairn(auto_create_topics_enable="false", max_request_partition_size_limit=2) as node:
        node.foreign = False
        code = check_all(node)
    sys.exit(code)


if __name__ == "__main__":
    main()
