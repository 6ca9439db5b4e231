//go:build sarama

// sarama -- sarama against a broker: every compression, a group that goes on where it was,
// administration.
//
//	sarama HOST:PORT
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

const (
	topic   = "sarama"
	group   = "sarama-group"
	records = 2000
)

var codecs = []sarama.CompressionCodec{sarama.CompressionNone, sarama.CompressionGZIP,
	sarama.CompressionSnappy, sarama.CompressionLZ4, sarama.CompressionZSTD}

func settings() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.V2_8_0_0
	c.ClientID = "sarama-test"
	c.Producer.Return.Successes = true
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	return c
}

// Partition i is written with compression i; every second time by an idempotent producer.
func produce(seed string, sent []content, idempotent bool) {
	for p, codec := range codecs {
		c := settings()
		c.Producer.Compression = codec
		c.Producer.Flush.Frequency = 5 * time.Millisecond
		if idempotent {
			c.Producer.Idempotent = true
			c.Net.MaxOpenRequests = 1
		}
		producer, err := sarama.NewSyncProducer([]string{seed}, c)
		must(err)
		var batch []*sarama.ProducerMessage
		for i := 0; i < records; i++ {
			key := []byte(fmt.Sprint(i))
			value := []byte(strings.Repeat(fmt.Sprintf("%s %d ", codec, i), i%30))
			sent[p].add(key, value)
			batch = append(batch, &sarama.ProducerMessage{Topic: topic, Partition: int32(p),
				Key: sarama.ByteEncoder(key), Value: sarama.ByteEncoder(value),
				Headers: []sarama.RecordHeader{{Key: []byte("n"), Value: key}}})
		}
		must(producer.SendMessages(batch))
		must(producer.Close())
	}
}

// A member of the group: reads until everything that was sent is there.
type reader struct {
	lock      sync.Mutex
	sent, got []content
	whole     context.CancelFunc
}

func (r *reader) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (r *reader) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (r *reader) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case m, open := <-claim.Messages():
			if !open {
				return nil
			}
			r.one(m)
			s.MarkMessage(m, "")
		case <-s.Context().Done():
			return nil
		}
	}
}

func (r *reader) one(m *sarama.ConsumerMessage) {
	r.lock.Lock()
	defer r.lock.Unlock()
	got := &r.got[m.Partition]
	check(m.Offset == got.count, "partition %d: offset %d, not %d", m.Partition, m.Offset, got.count)
	check(len(m.Headers) == 1 && string(m.Headers[0].Value) == string(m.Key), "a header is lost")
	got.add(m.Key, m.Value)
	for p := range r.sent {
		if r.got[p].count < r.sent[p].count {
			return
		}
	}
	r.whole()
}

func consume(seed string, sent, got []content) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	g, err := sarama.NewConsumerGroup([]string{seed}, group, settings())
	must(err)
	must(g.Consume(ctx, []string{topic}, &reader{sent: sent, got: got, whole: cancel}))
	must(g.Close())
	for p := range sent {
		check(got[p] == sent[p], "partition %d: %d records of %d, or others", p, got[p].count, sent[p].count)
	}
}

func administrate(seed string, sent []content) {
	admin, err := sarama.NewClusterAdmin([]string{seed}, settings())
	must(err)
	committed, err := admin.ListConsumerGroupOffsets(group, nil)
	must(err)
	for p := range sent {
		block := committed.GetBlock(topic, int32(p))
		check(block != nil && block.Offset == sent[p].count, "partition %d: not committed to its end", p)
	}
	groups, err := admin.ListConsumerGroups()
	must(err)
	check(groups[group] == "consumer", "the group is not listed: %v", groups)
	value := "123456789"
	must(admin.IncrementalAlterConfig(sarama.TopicResource, topic, map[string]sarama.IncrementalAlterConfigsEntry{
		"retention.ms": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &value}}, false))
	entries, err := admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: topic,
		ConfigNames: []string{"retention.ms"}})
	must(err)
	check(len(entries) == 1 && entries[0].Value == value, "retention.ms was not changed: %v", entries)
	must(admin.DeleteRecords(topic, map[int32]int64{0: 100}))
	plain, err := sarama.NewClient([]string{seed}, settings())
	must(err)
	start, err := plain.GetOffset(topic, 0, sarama.OffsetOldest)
	must(err)
	check(start == 100, "the log starts at %d after records were deleted, not 100", start)
	must(plain.Close())
	must(admin.DeleteConsumerGroup(group))
	must(admin.DeleteTopic(topic))
	must(admin.Close())
}

func main() {
	seed := os.Args[1]
	sent, got := make([]content, len(codecs)), make([]content, len(codecs))
	admin, err := sarama.NewClusterAdmin([]string{seed}, settings())
	must(err)
	must(admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: int32(len(codecs)), ReplicationFactor: 1}, false))
	must(admin.Close())
	for _, idempotent := range []bool{false, true} {
		produce(seed, sent, idempotent)
		consume(seed, sent, got)
	}
	administrate(seed, sent)
	fmt.Println("sarama: ok")
}
