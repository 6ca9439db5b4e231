//go:build franz

// franz -- franz-go against a broker: every compression, a group that shares and goes on,
// administration.
//
//	franz HOST:PORT
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	topic   = "franz"
	group   = "franz-group"
	records = 2000
)

var codecs = []struct {
	name  string
	codec kgo.CompressionCodec
}{
	{"none", kgo.NoCompression()},
	{"gzip", kgo.GzipCompression()},
	{"snappy", kgo.SnappyCompression()},
	{"lz4", kgo.Lz4Compression()},
	{"zstd", kgo.ZstdCompression()},
}

func client(seed string, opts ...kgo.Opt) *kgo.Client {
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(seed)}, opts...)...)
	must(err)
	return c
}

// Partition i is written with compression i.
func produce(ctx context.Context, seed string, sent []content) {
	for p, c := range codecs {
		producer := client(seed, kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(c.codec),
			kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(5*time.Millisecond))
		var batch []*kgo.Record
		for i := 0; i < records; i++ {
			r := &kgo.Record{Partition: int32(p), Key: []byte(fmt.Sprint(i)),
				Value:   []byte(strings.Repeat(fmt.Sprintf("%s %d ", c.name, i), i%30)),
				Headers: []kgo.RecordHeader{{Key: "n", Value: []byte(fmt.Sprint(i))}}}
			sent[p].add(r.Key, r.Value)
			batch = append(batch, r)
		}
		must(producer.ProduceSync(ctx, batch...).FirstErr())
		producer.Close()
	}
}

type member struct {
	client *kgo.Client
	owned  map[int32]bool
}

func join(seed, id string) *member {
	return &member{client: client(seed, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
		kgo.ClientID(id), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(),
		kgo.SessionTimeout(6*time.Second)), owned: map[int32]bool{}}
}

// Polls both until got is what was sent; each member commits what it had.
func consume(ctx context.Context, members []*member, sent, got []content) {
	whole := func() bool {
		for p := range sent {
			if got[p].count < sent[p].count {
				return false
			}
		}
		return true
	}
	for !whole() {
		for _, m := range members {
			short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
			fetches := m.client.PollFetches(short)
			cancel()
			must(ctx.Err())
			fetches.EachRecord(func(r *kgo.Record) {
				check(r.Offset == got[r.Partition].count, "partition %d: offset %d, not %d", r.Partition,
					r.Offset, got[r.Partition].count)
				check(len(r.Headers) == 1 && string(r.Headers[0].Value) == string(r.Key), "a header is lost")
				got[r.Partition].add(r.Key, r.Value)
				m.owned[r.Partition] = true
			})
			must(m.client.CommitUncommittedOffsets(ctx))
		}
	}
	for p := range sent {
		check(got[p] == sent[p], "partition %d: what was consumed is not what was produced", p)
	}
}

// Both members are in, and every partition is somebody's, before anything is read: what one has read
// and not committed would come again.
func settled(ctx context.Context, admin *kadm.Client, members int) {
	for ; ; time.Sleep(100 * time.Millisecond) {
		described, err := admin.DescribeGroups(ctx, group)
		must(err)
		if g := described[group]; g.State == "Stable" && len(g.Members) == members {
			return
		}
	}
}

func administrate(ctx context.Context, admin *kadm.Client, sent []content) {
	ends, err := admin.ListEndOffsets(ctx, topic)
	must(err)
	committed, err := admin.FetchOffsets(ctx, group)
	must(err)
	for p := range sent {
		end, _ := ends.Lookup(topic, int32(p))
		at, _ := committed.Lookup(topic, int32(p))
		check(end.Offset == sent[p].count && at.At == end.Offset, "partition %d: end %d, committed %d of %d",
			p, end.Offset, at.At, sent[p].count)
	}
	value := "123456789"
	_, err = admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms",
		Value: &value}}, topic)
	must(err)
	configs, err := admin.DescribeTopicConfigs(ctx, topic)
	must(err)
	found := false
	for _, c := range configs[0].Configs {
		found = found || (c.Key == "retention.ms" && c.MaybeValue() == value)
	}
	check(found, "retention.ms was not changed")
	cut := kadm.Offsets{}
	cut.AddOffset(topic, 0, 100, -1)
	_, err = admin.DeleteRecords(ctx, cut)
	must(err)
	starts, err := admin.ListStartOffsets(ctx, topic)
	must(err)
	start, _ := starts.Lookup(topic, 0)
	check(start.Offset == 100, "the log starts at %d after records were deleted, not 100", start.Offset)
	_, err = admin.DeleteGroups(ctx, group)
	must(err)
	gone, err := admin.DeleteTopics(ctx, topic)
	must(err)
	must(gone[topic].Err)
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	seed := os.Args[1]
	sent, got := make([]content, len(codecs)), make([]content, len(codecs))
	plain := client(seed)
	admin := kadm.NewClient(plain)
	made, err := admin.CreateTopics(ctx, int32(len(codecs)), 1, nil, topic)
	must(err)
	must(made[topic].Err)

	produce(ctx, seed, sent)
	first, second := join(seed, "first"), join(seed, "second")
	settled(ctx, admin, 2)
	consume(ctx, []*member{first, second}, sent, got)
	check(len(first.owned) > 0 && len(second.owned) > 0 && len(first.owned)+len(second.owned) == len(codecs),
		"not shared: %v, %v", first.owned, second.owned)
	second.client.Close() // leaves: the other takes over where it was
	settled(ctx, admin, 1)
	produce(ctx, seed, sent)
	consume(ctx, []*member{first}, sent, got)
	first.client.Close()
	administrate(ctx, admin, sent)
	plain.Close()
	fmt.Println("franz-go: ok")
}
