# SPDX-License-Identifier: Apache-2.0
"""Kafka's protocol by hand, in as few lines as the process tests need: frames as old or as odd as a test
wants them, which no client library would send."""
import socket
import struct
import time

PRODUCE, FETCH, LIST_OFFSETS, METADATA = 0, 1, 2, 3
API_VERSIONS, CREATE_TOPICS, DELETE_TOPICS, INIT_PRODUCER_ID = 18, 19, 20, 22
OFFSET_COMMIT, OFFSET_FETCH, FIND_COORDINATOR, JOIN_GROUP, HEARTBEAT, SYNC_GROUP = 8, 9, 10, 11, 12, 14
DESCRIBE_GROUPS, DELETE_RECORDS, OFFSET_FOR_LEADER_EPOCH, DESCRIBE_CONFIGS, CREATE_PARTITIONS = 15, 21, 23, 32, 37
INCREMENTAL_ALTER_CONFIGS, DESCRIBE_TOPIC_PARTITIONS = 44, 75
NOT_LEADER_OR_FOLLOWER = 6
FIRST_FLEXIBLE = {PRODUCE: 9, FETCH: 12, LIST_OFFSETS: 6, METADATA: 9, API_VERSIONS: 3, CREATE_TOPICS: 5,
                  DELETE_TOPICS: 4, INIT_PRODUCER_ID: 2, OFFSET_COMMIT: 8, OFFSET_FETCH: 6, FIND_COORDINATOR: 3,
                  JOIN_GROUP: 6, HEARTBEAT: 4, SYNC_GROUP: 4, DESCRIBE_GROUPS: 5, DELETE_RECORDS: 2,
                  OFFSET_FOR_LEADER_EPOCH: 4, DESCRIBE_CONFIGS: 4, CREATE_PARTITIONS: 2, INCREMENTAL_ALTER_CONFIGS: 1,
                  DESCRIBE_TOPIC_PARTITIONS: 0}


def crc32c(data, _table=[]):
    if not _table:
        for i in range(256):
            for _ in range(8):
                i = i >> 1 ^ (0x82F63B78 if i & 1 else 0)
            _table.append(i)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def uvarint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def varint(value):
    return uvarint((value << 1 ^ value >> 63) & (1 << 64) - 1)


def string(text):
    if text is None:
        return struct.pack(">h", -1)
    encoded = text.encode()
    return struct.pack(">h", len(encoded)) + encoded


def data(value):
    """Bytes with a length of four bytes, as old versions have them."""
    return struct.pack(">i", len(value)) + value


def array(items):
    return struct.pack(">i", len(items)) + b"".join(items)


def compact_array(items):
    return uvarint(len(items) + 1) + b"".join(items)


def compact(data):
    data = data.encode() if isinstance(data, str) else data
    return b"\0" if data is None else uvarint(len(data) + 1) + data


def record_batch(values, first_timestamp=None, producer=(-1, -1, -1), attributes=0, keys=None, payload=None):
    """A batch v2 of the values; `payload` replaces the records section as it is."""
    now = int(time.time() * 1000) if first_timestamp is None else first_timestamp
    records = b""
    for delta, value in enumerate(values):
        key = keys[delta] if keys else None
        body = b"\0" + varint(0) + varint(delta)
        body += varint(-1) if key is None else varint(len(key)) + key
        body += varint(-1) if value is None else varint(len(value)) + value
        body += varint(0)
        records += varint(len(body)) + body
    records = records if payload is None else payload
    tail = struct.pack(">hiqqqhii", attributes, len(values) - 1, now, now, *producer, len(values)) + records
    return struct.pack(">qiibI", 0, len(tail) + 9, -1, 2, crc32c(tail)) + tail


def batches(data):
    """(base offset, [values]) of uncompressed batches; what is cut short at the end is left out."""
    at = 0
    while at + 61 <= len(data):
        base, length = struct.unpack_from(">qi", data, at)
        if at + 12 + length > len(data):
            break
        count, cursor, values = struct.unpack_from(">i", data, at + 57)[0], Cursor(data[at + 61:at + 12 + length]), []
        for _ in range(count):
            cursor.varint(), cursor.take(1), cursor.varint(), cursor.varint()
            key = cursor.varint()
            cursor.take(max(key, 0))
            size = cursor.varint()
            values.append(cursor.take(size) if size >= 0 else None)
            for _ in range(cursor.varint()):
                cursor.take(cursor.varint())
                cursor.take(max(cursor.varint(), 0))
        yield base, values
        at += 12 + length


class Cursor:
    """Reads an answer from its front."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        assert self.at + size <= len(self.data), f"{size} bytes wanted, {len(self.data) - self.at} left"
        self.at += size
        return self.data[self.at - size:self.at]

    def number(self, code):
        return struct.unpack(">" + code, self.take(struct.calcsize(">" + code)))[0]

    def uvarint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def varint(self):
        value = self.uvarint()
        return (value >> 1) ^ -(value & 1)

    def string(self):
        size = self.number("h")
        return None if size < 0 else self.take(size).decode()

    def compact(self):
        size = self.uvarint() - 1
        return None if size < 0 else self.take(size)

    def tags(self):
        found = {}
        for _ in range(self.uvarint()):
            tag, size = self.uvarint(), self.uvarint()
            found[tag] = self.take(size)
        return found


class Client:
    """One connection."""

    def __init__(self, bootstrap, seconds=10):
        host, port = bootstrap.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.correlation = 0

    def close(self):
        self.socket.close()

    def send(self, key, version, body, client_id="wire"):
        self.correlation += 1
        flexible = version >= FIRST_FLEXIBLE.get(key, 99)
        header = struct.pack(">hhi", key, version, self.correlation) + string(client_id) + (b"\0" if flexible else b"")
        self.socket.sendall(struct.pack(">i", len(header) + len(body)) + header + body)
        return self.correlation

    def read(self, size):
        data = bytearray()
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise ConnectionError("the broker closed the connection")
            data += part
        return bytes(data)

    def receive(self, key=None, version=0):
        """The next answer as (correlation id, cursor); the tags of its header are skipped if it has any."""
        cursor = Cursor(self.read(struct.unpack(">i", self.read(4))[0]))
        correlation = cursor.number("i")
        if key is not None and key != API_VERSIONS and version >= FIRST_FLEXIBLE.get(key, 99):
            cursor.tags()
        return correlation, cursor

    def call(self, key, version, body, client_id="wire"):
        sent = self.send(key, version, body, client_id)
        correlation, cursor = self.receive(key, version)
        assert correlation == sent, f"answer {correlation} to request {sent}"
        return cursor

    def create_topic(self, name, partitions=1, replicas=1, **configs):
        body = struct.pack(">i", 1) + string(name) + struct.pack(">ih", partitions, replicas) + struct.pack(">i", 0)
        body += struct.pack(">i", len(configs))
        for key, value in configs.items():
            body += string(key.replace("_", ".")) + string(str(value))
        answer = self.call(CREATE_TOPICS, 2, body + struct.pack(">ib", 10000, 0))
        answer.take(8), answer.string()
        return answer.number("h")

    def partitions(self, topic):
        """{partition: (leader, ISR)} by Metadata 5."""
        answer = self.call(METADATA, 5, array([string(topic)]) + b"\0")
        answer.take(4)
        for _ in range(answer.number("i")):
            answer.take(4), answer.string(), answer.take(4), answer.string()
        answer.string(), answer.take(8)
        assert answer.number("h") == 0
        answer.string(), answer.take(1)
        found = {}
        for _ in range(answer.number("i")):
            answer.take(2)
            index, leader = answer.number("i"), answer.number("i")
            replicas, isr, offline = ([answer.number("i") for _ in range(answer.number("i"))] for _ in range(3))
            found[index] = (leader, isr)
        return found

    def produce_body(self, topic, partition, batch, acks=-1, timeout=10000):
        return (string(None) + struct.pack(">hii", acks, timeout, 1) + string(topic) +
                struct.pack(">iii", 1, partition, len(batch)) + batch)

    def produce(self, topic, partition, batch, acks=-1, version=3):
        """(error code, base offset)"""
        answer = self.call(PRODUCE, version, self.produce_body(topic, partition, batch, acks))
        return self.produce_answer(answer)

    @staticmethod
    def produce_answer(answer):
        answer.take(4), answer.string(), answer.take(8)
        return answer.number("h"), answer.number("q")

    def fetch(self, topic, partition, offset, max_bytes=1 << 20, wait_ms=100, min_bytes=1, replica=-1):
        """(error code, high watermark, record bytes) by Fetch 4. Replica -2 reads whichever replica it asks."""
        body = struct.pack(">iiiibi", replica, wait_ms, min_bytes, max_bytes, 0, 1) + string(topic)
        answer = self.call(FETCH, 4, body + struct.pack(">iiqi", 1, partition, offset, max_bytes))
        answer.take(8), answer.string(), answer.take(8)
        code, high_watermark = answer.number("h"), answer.number("q")
        answer.take(8)
        for _ in range(max(answer.number("i"), 0)):
            answer.take(16)
        return code, high_watermark, answer.take(max(answer.number("i"), 0))

    def read_all(self, topic, partition=0, offset=0, patience=20):
        """Every (offset, value) from `offset` to the high watermark. After a crash the partition may still recover."""
        records = []
        deadline = time.monotonic() + patience
        while True:
            code, high_watermark, data = self.fetch(topic, partition, offset)
            if code == NOT_LEADER_OR_FOLLOWER and time.monotonic() < deadline:
                time.sleep(0.05)
                continue
            assert code == 0, code
            if offset >= high_watermark:
                return records
            for base, values in batches(data):
                for delta, value in enumerate(values):
                    if base + delta >= offset:
                        records.append((base + delta, value))
            assert records and records[-1][0] >= offset, f"nothing at {offset} below {high_watermark}"
            offset = records[-1][0] + 1
