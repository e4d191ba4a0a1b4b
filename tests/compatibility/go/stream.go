// SPDX-License-Identifier: Apache-2.0

// A steady producer and a member of a group, for a cluster whose nodes are killed meanwhile: a line for each
// acknowledgement, failure, assignment and record read. It produces until its input ends, and reads until SIGTERM.
// Usage: client BOOTSTRAP stream TOPIC GROUP IDENTITY RATE; values are `<identity>.<number>`.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

type lines struct {
	lock sync.Mutex
	out  *bufio.Writer
}

func (to *lines) say(format string, args ...any) {
	to.lock.Lock()
	defer to.lock.Unlock()
	fmt.Fprintf(to.out, format+"\n", args...)
	to.out.Flush()
}

func streamOut(told *lines, topic, identity string, rate int) {
	producer := client(kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(kgo.NoCompression()))
	defer producer.Close()
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	ticks := time.NewTicker(time.Second / time.Duration(rate))
	defer ticks.Stop()
	for number := 0; ; number++ {
		select {
		case <-ended:
			must(producer.Flush(context.Background()), "flush")
			told.say("flushed")
			return
		case <-ticks.C:
		}
		record := kgo.StringRecord(fmt.Sprintf("%s.%d", identity, number))
		producer.Produce(context.Background(), record, func(done *kgo.Record, err error) {
			if err != nil {
				told.say("fail %d %v", number, err)
			} else {
				told.say("ack %d %d %d", number, done.Partition, done.Offset)
			}
		})
	}
}

func stream(topic, group, identity, perSecond string) {
	rate, err := strconv.Atoi(perSecond)
	must(err, "rate")
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	told := &lines{out: bufio.NewWriter(os.Stdout)}
	go streamOut(told, topic, identity, rate)
	changed := func(context.Context, *kgo.Client, map[string][]int32) { told.say("assigned") }
	reader := client(kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.HeartbeatInterval(500*time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.AutoCommitInterval(500*time.Millisecond),
		kgo.OnPartitionsAssigned(changed), kgo.OnPartitionsRevoked(changed), kgo.OnPartitionsLost(changed))
	defer reader.Close()
	for {
		fetches := reader.PollFetches(ctx)
		if ctx.Err() != nil {
			return
		}
		fetches.EachError(func(_ string, partition int32, err error) { told.say("error %d %v", partition, err) })
		fetches.EachRecord(func(record *kgo.Record) {
			told.say("read %d %d %s", record.Partition, record.Offset, record.Value)
		})
	}
}
