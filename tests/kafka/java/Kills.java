// Kills.java -- Kafka's idempotent producer and a group of two of its consumers, while their broker is
// killed again and again.
//
//     java -cp 'JARS/*' Kills.java HOST:PORT STOP    goes on until the file STOP is there
//
// Nothing is lost, nothing is there twice, the order is kept; the group goes on, and what it has
// committed at the end is the end.
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.IntegerDeserializer;
import org.apache.kafka.common.serialization.IntegerSerializer;

public class Kills {
    static final String TOPIC = "kills", GROUP = "kills-group";
    static final int PARTITIONS = 4;

    static String broker;
    static final Map<TopicPartition, Map<Long, Integer>> acked = new ConcurrentHashMap<>();
    static final Map<TopicPartition, Map<Long, Integer>> seen = new ConcurrentHashMap<>();
    static final AtomicReference<Throwable> failure = new AtomicReference<>();

    static void check(boolean ok, String text) {
        if (!ok) {
            throw new AssertionError(text);
        }
    }

    static void note(Map<TopicPartition, Map<Long, Integer>> book, TopicPartition at, long offset, int value) {
        Integer before = book.computeIfAbsent(at, k -> new ConcurrentHashMap<>()).put(offset, value);
        check(before == null || before == value, at + " " + offset + ": " + before + ", then " + value);
    }

    /** Values 0, 1, 2, ... over all partitions; every one is acknowledged in the end. */
    static int produce(Path stop) throws Exception {
        Map<String, Object> settings = Map.of("bootstrap.servers", broker, "linger.ms", 5, "delivery.timeout.ms", 180000,
                "max.block.ms", 180000, "reconnect.backoff.max.ms", 500);
        int sent = 0;
        try (var producer = new KafkaProducer<>(settings, new IntegerSerializer(), new IntegerSerializer())) {
            for (; !Files.exists(stop); sent++) {
                int value = sent;
                producer.send(new ProducerRecord<>(TOPIC, value % PARTITIONS, value, value), (at, error) -> {
                    if (error != null) {
                        failure.compareAndSet(null, error);
                    } else {
                        note(acked, new TopicPartition(at.topic(), at.partition()), at.offset(), value);
                    }
                });
                Thread.sleep(1);
            }
        }
        return sent;
    }

    static Thread member(String name, AtomicBoolean going) {
        Thread thread = new Thread(() -> {
            Map<String, Object> settings = Map.of("bootstrap.servers", broker, "group.id", GROUP, "client.id", name,
                    "auto.offset.reset", "earliest", "session.timeout.ms", 6000, "heartbeat.interval.ms", 500,
                    "auto.commit.interval.ms", 500, "reconnect.backoff.max.ms", 500);
            try (var consumer = new KafkaConsumer<>(settings, new IntegerDeserializer(), new IntegerDeserializer())) {
                consumer.subscribe(List.of(TOPIC));
                while (going.get()) {
                    for (ConsumerRecord<Integer, Integer> r : consumer.poll(Duration.ofMillis(100))) {
                        note(seen, new TopicPartition(r.topic(), r.partition()), r.offset(), r.value());
                    }
                }
            } catch (Throwable e) {
                failure.compareAndSet(null, e);
            }
        }, name);
        thread.start();
        return thread;
    }

    /** What was acknowledged is 0 to sent - 1, once, in the order of each partition. */
    static void judge(int sent) {
        boolean[] there = new boolean[sent];
        for (var at : acked.entrySet()) {
            List<Long> offsets = new ArrayList<>(at.getValue().keySet());
            offsets.sort(null);
            int last = -1;
            for (long offset : offsets) {
                int value = at.getValue().get(offset);
                check(value > last, at.getKey() + ": " + value + " after " + last);
                check(offset == value / PARTITIONS, at.getKey() + ": value " + value + " at offset " + offset);
                there[value] = true;
                last = value;
            }
        }
        for (int i = 0; i < sent; i++) {
            check(there[i], i + " was never acknowledged");
        }
    }

    public static void main(String[] words) {
        broker = words[0];
        try {
            System.out.println("java, kills: " + all(Path.of(words[1])) + " records: ok");
        } catch (Throwable e) {
            e.printStackTrace();
            System.exit(1);
        }
    }

    static int all(Path stop) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker))) {
            admin.createTopics(List.of(new NewTopic(TOPIC, PARTITIONS, (short) 1))).all().get();
            AtomicBoolean going = new AtomicBoolean(true);
            Thread[] members = {member("one", going), member("two", going)};
            int sent = produce(stop);
            judge(sent);
            for (int i = 0; i < 600 && !seen.equals(acked); i++) {
                Thread.sleep(100);
            }
            check(seen.equals(acked), "what was read is not what was acknowledged");
            going.set(false);
            for (Thread m : members) {
                m.join(30000);
            }
            check(failure.get() == null, "" + failure.get());
            var committed = admin.listConsumerGroupOffsets(GROUP).partitionsToOffsetAndMetadata().get();
            for (var at : acked.entrySet()) {
                long end = at.getValue().size();
                check(committed.get(at.getKey()).offset() == end, at.getKey() + ": committed " + committed + ", not " + end);
            }
            return sent;
        }
    }
}
