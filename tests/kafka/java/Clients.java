// Clients.java -- Kafka's own producer, consumer and admin client against a broker.
//
//     java -cp 'JARS/*' Clients.java HOST:PORT
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.MemberToRemove;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class Clients {
    static final String TOPIC = "java";
    static final String[] CODECS = {"none", "gzip", "snappy", "lz4", "zstd"};
    static final int RECORDS = 2000;
    static final long BASE_MS = System.currentTimeMillis() - 20 * 3_600_000L;
    static String broker;

    /** What a partition has: how many records, and the hash of their keys and values in order. */
    static final class Content {
        long count;
        final MessageDigest hash = sha256();

        void add(String key, String value) {
            count++;
            hash.update((key + "|" + value + "\n").getBytes(StandardCharsets.UTF_8));
        }

        @Override
        public String toString() {
            try {
                byte[] at = ((MessageDigest) hash.clone()).digest();
                return count + " records, " + HexFormat.of().formatHex(at, 0, 8);
            } catch (CloneNotSupportedException e) {
                throw new AssertionError(e);
            }
        }

        static MessageDigest sha256() {
            try {
                return MessageDigest.getInstance("SHA-256");
            } catch (java.security.NoSuchAlgorithmException e) {
                throw new AssertionError(e);
            }
        }
    }

    static void check(boolean ok, String text) {
        if (!ok) {
            throw new AssertionError(text);
        }
    }

    static void refused(KafkaFuture<?> future, Class<? extends Exception> why) throws Exception {
        try {
            future.get();
        } catch (ExecutionException e) {
            check(why.isInstance(e.getCause()), "wanted " + why + ", not " + e.getCause());
            return;
        }
        throw new AssertionError("wanted " + why + ", and it was done");
    }

    // ---- data ----

    /** Partition i is written with compression i; each record has a time of its own, a second apart. */
    static void produce(Content[] sent) throws Exception {
        for (int p = 0; p < CODECS.length; p++) {
            Map<String, Object> settings = Map.of("bootstrap.servers", broker, "compression.type", CODECS[p],
                    "linger.ms", 5);
            List<Future<RecordMetadata>> underWay = new ArrayList<>();
            long first = sent[p].count;
            try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
                for (int i = 0; i < RECORDS; i++) {
                    String key = Integer.toString(i);
                    String value = (CODECS[p] + " " + i + " ").repeat(i % 30);
                    sent[p].add(key, value);
                    underWay.add(producer.send(new ProducerRecord<>(TOPIC, p, BASE_MS + (first + i) * 1000, key, value,
                            List.of(new RecordHeader("n", key.getBytes(StandardCharsets.UTF_8))))));
                }
            }
            for (int i = 0; i < RECORDS; i++) {
                check(underWay.get(i).get().offset() == first + i, "record " + i + " got another offset");
            }
        }
    }

    static KafkaConsumer<String, String> member(String name, Class<?> assignor, boolean isStatic) {
        Map<String, Object> settings = new HashMap<>(Map.of("bootstrap.servers", broker, "group.id", "java-group",
                "client.id", name, "auto.offset.reset", "earliest", "enable.auto.commit", false, "session.timeout.ms",
                6000, "heartbeat.interval.ms", 500, "partition.assignment.strategy", assignor.getName()));
        if (isStatic) {
            settings.put("group.instance.id", name);
        }
        var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
        consumer.subscribe(List.of(TOPIC));
        return consumer;
    }

    static int poll(KafkaConsumer<String, String> consumer, Content[] got) {
        int count = 0;
        for (ConsumerRecord<String, String> r : consumer.poll(Duration.ofMillis(100))) {
            if (r.offset() < got[r.partition()].count) {
                continue; // its last owner could not commit it any more
            }
            check(r.offset() == got[r.partition()].count, "partition " + r.partition() + ": offset " + r.offset());
            check(r.timestamp() == BASE_MS + r.offset() * 1000, "another time: " + r.timestamp());
            String n = new String(r.headers().lastHeader("n").value(), StandardCharsets.UTF_8);
            check(n.equals(r.key()), "a header is lost");
            got[r.partition()].add(r.key(), r.value());
            count++;
        }
        return count;
    }

    /** The members share all partitions, and nobody's are anybody else's. */
    static boolean shared(Collection<KafkaConsumer<String, String>> members) {
        Set<TopicPartition> all = new java.util.HashSet<>();
        int sum = 0;
        for (var m : members) {
            all.addAll(m.assignment());
            sum += m.assignment().size();
            if (m.assignment().isEmpty()) {
                return false;
            }
        }
        return sum == CODECS.length && all.size() == sum;
    }

    /** What was polled; a rebalance under way ends with another poll. */
    static boolean commit(KafkaConsumer<String, String> member) {
        try {
            member.commitSync();
            return true;
        } catch (RebalanceInProgressException e) {
            return false;
        }
    }

    /** Reads with all members until they have what was sent; commits. */
    static void consume(List<KafkaConsumer<String, String>> members, Content[] sent, Content[] got) {
        long until = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        boolean whole = false;
        while (!whole || !shared(members)) {
            check(System.nanoTime() < until, "not consumed within a minute: " + Arrays.toString(got));
            for (var m : members) {
                if (poll(m, got) > 0) {
                    commit(m);
                }
            }
            whole = true;
            for (int p = 0; p < sent.length; p++) {
                whole &= got[p].count >= sent[p].count;
            }
        }
        check(Arrays.toString(got).equals(Arrays.toString(sent)), Arrays.toString(got) + " of " + Arrays.toString(sent));
        for (var m : members) {
            while (!commit(m)) {
                check(poll(m, got) == 0, "more than was sent");
            }
        }
    }

    /** A static member stays one when it is closed. */
    static void remove(String instance) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker))) {
            admin.removeMembersFromConsumerGroup("java-group",
                    new RemoveMembersFromConsumerGroupOptions(Set.of(new MemberToRemove(instance)))).all().get();
        }
    }

    /** Members come, leave, and are gone without a word; whoever is left goes on where they were. */
    static void group(Class<?> assignor, boolean isStatic, Content[] sent, Content[] got) throws Exception {
        var first = member("first", assignor, isStatic);
        consume(List.of(first), sent, got);
        var second = member("second", assignor, isStatic);
        produce(sent);
        consume(List.of(first, second), sent, got);
        second.close();
        if (isStatic) { // it comes back to what was its, without a rebalance
            second = member("second", assignor, true);
            produce(sent);
            consume(List.of(first, second), sent, got);
            second.close();
            remove("second");
        }
        produce(sent);
        consume(List.of(first), sent, got);
        first.close();
        if (isStatic) {
            remove("first");
        }
    }

    static void times() {
        Map<String, Object> settings = Map.of("bootstrap.servers", broker);
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            for (int p = 0; p < CODECS.length; p++) {
                var at = new TopicPartition(TOPIC, p);
                var found = consumer.offsetsForTimes(Map.of(at, BASE_MS + 500_001)).get(at);
                check(found.offset() == 501, CODECS[p] + ": the record of a time: " + found);
            }
        }
    }

    // ---- administration ----

    static void topics(Admin admin) throws Exception {
        var results = admin.createTopics(List.of(new NewTopic(TOPIC, CODECS.length, (short) 1),
                new NewTopic("many", 1, (short) 3), new NewTopic("bad name", 1, (short) 1),
                new NewTopic("odd", 1, (short) 1).configs(Map.of("no.such.setting", "1")))).values();
        results.get(TOPIC).get();
        refused(results.get("many"), InvalidReplicationFactorException.class);
        refused(results.get("bad name"), InvalidTopicException.class);
        refused(results.get("odd"), InvalidConfigurationException.class);
        refused(admin.createTopics(List.of(new NewTopic(TOPIC, 1, (short) 1))).all(), TopicExistsException.class);
        var described = admin.describeTopics(List.of(TOPIC)).allTopicNames().get().get(TOPIC);
        check(described.partitions().size() == CODECS.length, described.toString());
        check(admin.describeCluster().nodes().get().size() == 1, "nodes");
        var topic = new ConfigResource(ConfigResource.Type.TOPIC, TOPIC);
        admin.incrementalAlterConfigs(Map.of(topic, List.of(new AlterConfigOp(new ConfigEntry("retention.ms", "86400000"),
                AlterConfigOp.OpType.SET)))).all().get();
        var entry = admin.describeConfigs(List.of(topic)).all().get().get(topic).get("retention.ms");
        check(entry.value().equals("86400000") && !entry.isDefault(), entry.toString());
    }

    static void groups(Admin admin, Content[] sent) throws Exception {
        check(admin.listGroups().all().get().stream().anyMatch(g -> g.groupId().equals("java-group")), "not listed");
        var described = admin.describeConsumerGroups(List.of("java-group")).all().get().get("java-group");
        check(described.groupState() == GroupState.EMPTY, described.toString());
        var committed = admin.listConsumerGroupOffsets("java-group").partitionsToOffsetAndMetadata().get();
        for (int p = 0; p < sent.length; p++) {
            long at = committed.get(new TopicPartition(TOPIC, p)).offset();
            check(at == sent[p].count, "partition " + p + ": " + at + " is committed of " + sent[p]);
        }
        var zero = new TopicPartition(TOPIC, 0);
        admin.alterConsumerGroupOffsets("java-group", Map.of(zero, new OffsetAndMetadata(7))).all().get();
        committed = admin.listConsumerGroupOffsets("java-group").partitionsToOffsetAndMetadata().get();
        check(committed.get(zero).offset() == 7, committed.toString());
        admin.deleteConsumerGroupOffsets("java-group", Set.of(zero)).all().get();
        admin.deleteConsumerGroups(List.of("java-group")).all().get();
        check(admin.listGroups().all().get().isEmpty(), "a deleted group is listed");
    }

    static long offset(Admin admin, int partition, OffsetSpec spec) throws Exception {
        var at = new TopicPartition(TOPIC, partition);
        return admin.listOffsets(Map.of(at, spec)).partitionResult(at).get().offset();
    }

    static void records(Admin admin, Content[] sent) throws Exception {
        for (int p = 0; p < sent.length; p++) {
            check(offset(admin, p, OffsetSpec.earliest()) == 0, "the first offset");
            check(offset(admin, p, OffsetSpec.latest()) == sent[p].count, "the last offset");
            check(offset(admin, p, OffsetSpec.maxTimestamp()) == sent[p].count - 1, "the offset of the largest time");
        }
        var zero = new TopicPartition(TOPIC, 0);
        var deleted = admin.deleteRecords(Map.of(zero, RecordsToDelete.beforeOffset(100))).lowWatermarks().get(zero);
        check(deleted.get().lowWatermark() == 100, "records were not deleted");
        check(offset(admin, 0, OffsetSpec.earliest()) == 100, "the log does not start where records were deleted");
        refused(admin.createPartitions(Map.of(TOPIC, NewPartitions.increaseTo(1))).all(), InvalidPartitionsException.class);
        admin.createPartitions(Map.of(TOPIC, NewPartitions.increaseTo(CODECS.length + 2))).all().get();
        var described = admin.describeTopics(List.of(TOPIC)).allTopicNames().get().get(TOPIC);
        check(described.partitions().size() == CODECS.length + 2, described.toString());
        admin.deleteTopics(List.of(TOPIC)).all().get();
        refused(admin.deleteTopics(List.of(TOPIC)).all(), UnknownTopicOrPartitionException.class);
        check(!admin.listTopics().names().get().contains(TOPIC), "a deleted topic is listed");
    }

    public static void main(String[] words) {
        broker = words[0];
        try {
            all();
        } catch (Throwable e) {
            e.printStackTrace();
            System.exit(1);
        }
        System.out.println("java: ok");
    }

    static void all() throws Exception {
        Content[] sent = new Content[CODECS.length];
        Content[] got = new Content[CODECS.length];
        for (int p = 0; p < CODECS.length; p++) {
            sent[p] = new Content();
            got[p] = new Content();
        }
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker))) {
            topics(admin);
            produce(sent);
            group(RangeAssignor.class, false, sent, got);
            group(CooperativeStickyAssignor.class, true, sent, got);
            times();
            groups(admin, sent);
            records(admin, sent);
        }
    }
}
