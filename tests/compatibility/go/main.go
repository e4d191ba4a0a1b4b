// SPDX-License-Identifier: Apache-2.0

// A Go client doing a day's work with franz-go: admin, produce, group consume, rebalance.
// Usage: client BOOTSTRAP; prints one line a check and ends with 1 on the first failure. (See also stream.go.)
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const records = 10000

func must(err error, what string) {
	if err != nil {
		fmt.Printf("FAILED %s: %v\n", what, err)
		os.Exit(1)
	}
}

func expect(good bool, what string, args ...any) {
	if !good {
		fmt.Printf("FAILED "+what+"\n", args...)
		os.Exit(1)
	}
}

// ask tries an administrative request until it succeeds or the time is up: what kadm asks of a node that was just
// killed fails, and its user asks again. An answer of `done` says that an earlier attempt did it.
func ask(ctx context.Context, what string, done error, request func() error) {
	err := request()
	for attempt := 0; err != nil && ctx.Err() == nil; attempt++ {
		if attempt > 0 && done != nil && errors.Is(err, done) {
			return
		}
		time.Sleep(200 * time.Millisecond)
		err = request()
	}
	must(err, what)
}

func client(options ...kgo.Opt) *kgo.Client {
	created, err := kgo.NewClient(append(options, kgo.SeedBrokers(strings.Split(os.Args[1], ",")...))...)
	must(err, "new client")
	return created
}

func produce(ctx context.Context, topic string) {
	producer := client(kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(kgo.ZstdCompression()))
	defer producer.Close()
	for i := range records {
		record := kgo.KeySliceRecord([]byte(fmt.Sprint(i%97)), []byte(fmt.Sprint(i)))
		producer.Produce(ctx, record, func(_ *kgo.Record, err error) { must(err, "produce") })
	}
	must(producer.Flush(ctx), "flush")
	fmt.Println("ok produce, idempotent, zstd")
}

func member(group, topic string) *kgo.Client {
	return client(kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.HeartbeatInterval(200*time.Millisecond))
}

func consume(ctx context.Context, admin *kadm.Client, group, topic string) {
	first, seen, last := member(group, topic), 0, map[string]int{}
	for seen < records {
		fetches := first.PollFetches(ctx)
		must(fetches.Err0(), "poll")
		fetches.EachRecord(func(record *kgo.Record) {
			var value int
			fmt.Sscan(string(record.Value), &value)
			previous, known := last[string(record.Key)]
			expect(!known || value > previous, "order of key %s: %d after %d", record.Key, value, previous)
			last[string(record.Key)] = value
			seen++
		})
	}
	expect(seen == records, "%d records read", seen)
	ask(ctx, "commit", nil, func() error { return first.CommitUncommittedOffsets(ctx) })
	var lags kadm.DescribedGroupLags
	ask(ctx, "lag", nil, func() (err error) {
		if lags, err = admin.Lag(ctx, group); err == nil {
			err = lags.Error()
		}
		return err
	})
	expect(lags[group].Lag.Total() == 0, "lag is %d", lags[group].Lag.Total())
	fmt.Println("ok a group consumes all in order and commits")

	second := member(group, topic)
	var sizes []int
	for ctx.Err() == nil {
		var described kadm.DescribedGroups
		ask(ctx, "describe group", nil, func() (err error) {
			described, err = admin.DescribeGroups(ctx, group)
			return err
		})
		sizes = nil
		for _, one := range described[group].Members {
			if assigned, ok := one.Assigned.AsConsumer(); ok && len(assigned.Topics) > 0 {
				sizes = append(sizes, len(assigned.Topics[0].Partitions))
			}
		}
		if len(sizes) == 2 && sizes[0] == 3 && sizes[1] == 3 {
			break
		}
		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		first.PollFetches(short)
		second.PollFetches(short)
		cancel()
	}
	expect(ctx.Err() == nil, "no rebalance to 3 and 3: %v", sizes)
	second.Close()
	first.Close()
	fmt.Println("ok a second member takes half")
}

func main() {
	if len(os.Args) == 7 && os.Args[2] == "stream" {
		stream(os.Args[3], os.Args[4], os.Args[5], os.Args[6])
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 150*time.Second)
	defer cancel()
	admin := kadm.NewClient(client())
	defer admin.Close()
	topic := fmt.Sprintf("go-%d", time.Now().UnixNano())
	ask(ctx, "create topic", kerr.TopicAlreadyExists, func() error {
		_, err := admin.CreateTopic(ctx, 6, -1, map[string]*string{"retention.ms": kadm.StringPtr("3600000")}, topic)
		return err
	})
	var configs kadm.ResourceConfigs
	ask(ctx, "describe configs", nil, func() (err error) {
		if configs, err = admin.DescribeTopicConfigs(ctx, topic); err == nil {
			err = configs[0].Err
		}
		return err
	})
	for _, config := range configs[0].Configs {
		expect(config.Key != "retention.ms" || config.MaybeValue() == "3600000", "retention.ms is %s", config.MaybeValue())
	}
	fmt.Println("ok admin creates and describes")
	produce(ctx, topic)
	var ends kadm.ListedOffsets
	ask(ctx, "end offsets", nil, func() (err error) {
		if ends, err = admin.ListEndOffsets(ctx, topic); err == nil {
			err = ends.Error()
		}
		return err
	})
	total := int64(0)
	ends.Each(func(offset kadm.ListedOffset) { total += offset.Offset })
	expect(total == records, "the ends sum up to %d", total)
	consume(ctx, admin, topic+"-group", topic)
	ask(ctx, "delete group", kerr.GroupIDNotFound, func() error {
		_, err := admin.DeleteGroup(ctx, topic+"-group")
		return err
	})
	ask(ctx, "delete topic", kerr.UnknownTopicOrPartition, func() error {
		_, err := admin.DeleteTopic(ctx, topic)
		return err
	})
	fmt.Println("ok admin deletes")
}
