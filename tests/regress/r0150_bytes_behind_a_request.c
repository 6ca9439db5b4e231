/* librdkafka 2.16 asks for the metadata of all topics with three bytes behind the body: its null
 * list takes four bytes where version 12 has one. The request was refused and the connection cut,
 * so the client never came up. Kafka passes over what is behind a body. Goal: so do we. Method: the
 * bytes as that client sends them. */
#include "net/kafka/api.h"
#include "tests/test.h"

TEST(r0150, bytes_behind_a_request)
{
    static const uint8_t frame[] = { 0,   3,   0,   12,  0, 0, 0, 3, 0, 7, 'r', 'd', 'k',
                                     'a', 'f', 'k', 'a', 0, 0, 0, 0, 0, 1, 0,   0 };
    struct kafka_request q;
    struct kafka_fault fault = { .kind = KAFKA_FAULT_NONE };
    struct kafka_metadata_request ask;
    REQUIRE_OK(kafka_request_open((struct bytes){ frame, sizeof(frame) }, &q, &fault));
    EXPECT_OK(kafka_request_decode(&q, &ask, NULL, &fault));
    EXPECT(!ask.topics.at); /* null: all of them */
}
