#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Our client against a real Apache Kafka: topics, a file produced with keys, read back through a group,
# compared; and the same data seen by Kafka's own tools. Exit code 77: skipped.
#   KAFKA_COMMAND  a command with `start DIR N`, `stop DIR` and Kafka's tools (else the test is skipped)
#   CAIRN          the cairn program; default build/dev/bin/cairn
set -euo pipefail

if [ -z "${KAFKA_COMMAND:-}" ]; then
  echo "skipped: KAFKA_COMMAND is not set"
  exit 77
fi
cairn=${CAIRN:-$(cd "$(dirname "$0")/../.." && pwd)/build/dev/bin/cairn}
work=$(mktemp -d)
export KAFKA_PORT=${KAFKA_PORT:-38192}
export KAFKA_HEAP_OPTS=${KAFKA_HEAP_OPTS:--Xmx512m}
export CAIRN_BOOTSTRAP=127.0.0.1:$KAFKA_PORT

finish() {
  $KAFKA_COMMAND stop "$work/kafka" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap finish EXIT

failed=0
check() { # name, then a command that must succeed
  local name=$1
  shift
  if "$@" >"$work/output" 2>&1; then
    echo "ok      $name"
  else
    echo "FAILED  $name"
    sed 's/^/        /' "$work/output"
    failed=1
  fi
}
same_lines() { cmp <(sort "$1") <(sort "$2"); }
run() { timeout 60 "$cairn" "$@"; }

$KAFKA_COMMAND start "$work/kafka" 1 >/dev/null
for i in $(seq 1 20000); do echo "key-$((i % 97)):line $i of the file"; done >"$work/in"

check "cluster info" run cluster info
check "topic create" run topic create events --partitions 4 -c retention.ms=3600000
describes_as_created() { run topic describe events --json | grep -q '"retention.ms":"3600000"'; }
check "topic describe" describes_as_created

check "produce a file with keys" run produce events "$work/in" --key-separator :
consume_group() { run consume events --group readers --exit -f '%k:%s\n' >"$1"; }
check "consume through a group" consume_group "$work/out"
check "what came out is what went in" same_lines "$work/in" "$work/out"

has_no_lag() { run group describe readers | grep -q ' lag 0 '; }
check "the group has read everything" has_no_lag
consume_group "$work/again"
check "nothing is read twice" test ! -s "$work/again"

in_order() { # every key's lines, in the order of the file
  for key in key-0 key-42 key-96; do
    cmp <(grep "^$key:" "$work/in") <(grep "^$key:" "$work/out")
  done
}
check "a key keeps its order" in_order

for codec in gzip snappy lz4 zstd; do
  run topic create "codec-$codec" -p 2
  check "produce with $codec" run produce "codec-$codec" "$work/in" -K : -z $codec
  consume_codec() { run consume "codec-$codec" --exit -f '%k:%s\n' >"$work/$codec"; }
  check "consume $codec" consume_codec
  check "$codec data is whole" same_lines "$work/in" "$work/$codec"
done

# Two members share the partitions, whatever the assignor.
for assignor in range roundrobin cooperative-sticky; do
  run consume events -g "shared-$assignor" --assignor $assignor -c 1000000 -f '%k:%s\n' \
    >"$work/one" & one=$!
  run consume events -g "shared-$assignor" --assignor $assignor -c 1000000 -f '%k:%s\n' \
    >"$work/two" & two=$!
  for _ in $(seq 100); do
    sleep 0.3
    [ "$(cat "$work/one" "$work/two" | sort -u | wc -l)" -ge 20000 ] &&
      run group describe "shared-$assignor" --json | grep -q '"lag":0' && break
  done
  shares() { # both members have partitions
    run group describe "shared-$assignor" --json | grep -o '"member":"[^"]*"' | sort -u | wc -l |
      grep -qx 2
  }
  check "two members share with $assignor" shares
  kill -INT $one $two 2>/dev/null || true
  wait $one $two || true
  sort -u "$work/one" "$work/two" >"$work/both"
  check "together they read everything ($assignor)" cmp <(sort "$work/in") "$work/both"
done

bootstrap=(--bootstrap-server "$CAIRN_BOOTSTRAP")
java_reads() {
  $KAFKA_COMMAND console-consumer "${bootstrap[@]}" --topic events --from-beginning \
    --max-messages 20000 --timeout-ms 20000 --formatter-property print.key=true \
    --formatter-property key.separator=: >"$work/java" 2>"$work/java.err" &&
    same_lines "$work/in" "$work/java"
}
check "Kafka's consumer reads what our producer wrote" java_reads

java_writes() {
  run topic create from-java -p 4
  head -2000 "$work/in" | $KAFKA_COMMAND console-producer "${bootstrap[@]}" --topic from-java \
    --reader-property parse.key=true --reader-property key.separator=: &&
    run consume from-java --exit -f '%p %k\n' | sort -u >"$work/java-places" &&
    run topic create from-cairn -p 4 &&
    head -2000 "$work/in" | run produce from-cairn -K : &&
    run consume from-cairn --exit -f '%p %k\n' | sort -u | cmp - "$work/java-places"
}
check "keys land where Kafka's producer puts them" java_writes

check "group reset" run group reset readers --topic events --to beginning
consume_group "$work/reset"
check "after a reset all is read again" same_lines "$work/in" "$work/reset"
check "config set" run config set topic events retention.ms=7200000
check "topic alter" run topic alter events --partitions 6
check "group delete" run group delete readers
check "topic delete" run topic delete events

exit $failed
