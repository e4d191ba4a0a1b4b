# SPDX-License-Identifier: Apache-2.0
"""kafka-python as a steady producer and a member of a group, for a cluster whose nodes are killed meanwhile: a line
for each acknowledgement, failure, assignment and record read. It produces until its input ends, and reads until it
is ended. Idempotent, as it is by default.

    stream.py BOOTSTRAP stream TOPIC GROUP IDENTITY RATE     values are `<identity>.<number>`
"""
import sys
import threading

import kafka

BOOTSTRAP, _, TOPIC, GROUP, IDENTITY, RATE = sys.argv[1:]
COMMON = {"bootstrap_servers": BOOTSTRAP.split(","), "reconnect_backoff_max_ms": 500}
SAYING = threading.Lock()


def say(*words):
    with SAYING:
        print(*words, flush=True)


def produce(ended):
    producer, number = kafka.KafkaProducer(**COMMON, linger_ms=2), 0
    while not ended.wait(1 / int(RATE)):
        future = producer.send(TOPIC, f"{IDENTITY}.{number}".encode())
        future.add_callback(lambda number, told: say("ack", number, told.partition, told.offset), number)
        future.add_errback(lambda number, error: say("fail", number, error), number)
        number += 1
    producer.flush(120)
    say("flushed")


class Changes(kafka.ConsumerRebalanceListener):
    def on_partitions_revoked(self, revoked):
        say("assigned")

    def on_partitions_assigned(self, assigned):
        say("assigned")


def consume():
    """A poll that ends before its group is joined begins anew: on a busy machine it wants time."""
    consumer = kafka.KafkaConsumer(**COMMON, group_id=GROUP, auto_offset_reset="earliest", auto_commit_interval_ms=500,
                                   session_timeout_ms=8000, heartbeat_interval_ms=500)
    consumer.subscribe([TOPIC], listener=Changes())
    try:
        while True:
            for partition, records in consumer.poll(2000).items():
                for record in records:
                    say("read", partition.partition, record.offset, record.value.decode())
    finally:
        say("assigned")
        consumer.close(timeout_ms=2000)


def consume_on():
    """A poll throws where a node that was killed refuses a connection: whoever uses it begins again."""
    while True:
        try:
            consume()
        except kafka.errors.KafkaError as failure:
            print("consumer:", repr(failure), file=sys.stderr, flush=True)


def main():
    ended = threading.Event()
    threading.Thread(target=produce, args=(ended,)).start()
    threading.Thread(target=consume_on, daemon=True).start()
    sys.stdin.read()
    ended.set()
    threading.Event().wait()


main()
