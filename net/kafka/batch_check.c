/* batch_check.c -- see batch_check.h. The order is Kafka's: what is damaged is told first. */
#include "net/kafka/batch_check.h"

#include "engine/base/le.h"

#define ATTR_CODEC         0x07u
#define ATTR_APPEND_TIME   0x08u
#define ATTR_TRANSACTIONAL 0x10u
#define ATTR_CONTROL       0x20u
#define CODEC_ZSTD         4u
#define ZSTD_FROM_VERSION  7
#define LENGTH_AT          8u
#define MAGIC_AT           16u
#define MAGIC              2
#define LENGTH_FROM        12u /* what a length counts begins here */
#define LENGTH_LEAST       14u /* a message of the oldest format */

static bool refuse(struct batch_check *b, enum kafka_error error, const char *what)
{
    b->error = error;
    why_set(&b->why, "%s", what);
    return true;
}

/* batch_verify() said no: is it damage, or a rule? What is not there whole is no batch, and one is
 * due; what is there has to be of a format there is, and undamaged. */
static enum kafka_error damage_name(struct bytes b)
{
    if (b.len <= MAGIC_AT)
        return KAFKA_INVALID_RECORD;
    int32_t bytes = (int32_t)be32_get(b.at + LENGTH_AT);
    int8_t magic = (int8_t)b.at[MAGIC_AT];
    if (bytes < (int32_t)LENGTH_LEAST || magic < 0 || magic > MAGIC)
        return KAFKA_CORRUPT_MESSAGE;
    if (LENGTH_FROM + (uint32_t)bytes > b.len || magic < MAGIC)
        return KAFKA_INVALID_RECORD;
    bool header = LENGTH_FROM + (uint32_t)bytes >= BATCH_HEADER_BYTES;
    return header && batch_crc_ok(b) ? KAFKA_INVALID_RECORD : KAFKA_CORRUPT_MESSAGE;
}

/* A producer's batch says that its records have the broker's time: it is made the producer's, with
 * the largest one as it says. */
static void times_own(struct batch_check *b)
{
    batch_time_set((uint8_t *)(uintptr_t)b->records.at, false, b->info.header_max_time);
    if (batch_verify(b->records, &b->info, &b->max_time, &b->why) != ERR_OK)
        b->error = damage_name(b->records);
}

static bool rules_check(struct batch_check *b)
{
    const struct batch_info *i = &b->info;
    if (i->bytes != b->records.len)
        return refuse(b, KAFKA_INVALID_RECORD, "one batch for each partition, and there are more");
    if (i->base_off != 0)
        return refuse(b, KAFKA_INVALID_RECORD, "the base offset of a new batch is 0");
    if (i->attributes & ATTR_TRANSACTIONAL)
        return refuse(b, KAFKA_TRANSACTIONAL_ID_DENIED,
                      "records of a transaction, and the request has no transactional id");
    if (i->attributes & ATTR_CONTROL)
        return refuse(b, KAFKA_INVALID_RECORD, "a client may not write control records");
    if (i->producer_id >= 0 && i->base_sequence < 0)
        return refuse(b, KAFKA_INVALID_RECORD, "a batch of a producer has a sequence number");
    if ((i->attributes & ATTR_CODEC) == CODEC_ZSTD && b->version < ZSTD_FROM_VERSION)
        return refuse(b, KAFKA_UNSUPPORTED_COMPRESSION_TYPE, "zstd needs Produce 7 or later");
    if (!(i->attributes & ATTR_APPEND_TIME))
        return false;
    if (b->append_time || i->header_max_time < 0)
        return refuse(b, KAFKA_INVALID_TIMESTAMP, "the broker's time is not a producer's to set");
    times_own(b);
    return b->error != KAFKA_NONE;
}

/* a - b, or the end of the range. */
static int64_t difference(int64_t a, int64_t b)
{
    int64_t d;
    return __builtin_sub_overflow(a, b, &d) ? (a < b ? INT64_MIN : INT64_MAX) : d;
}

static bool times_check(struct batch_check *b, int64_t min_time)
{
    if (b->append_time)
        return false;
    if (difference(b->max_time, b->now_ms) > b->after_max_ms)
        return refuse(b, KAFKA_INVALID_TIMESTAMP,
                      "a record is newer than message.timestamp.after.max.ms allows");
    if (difference(b->now_ms, min_time) > b->before_max_ms)
        return refuse(b, KAFKA_INVALID_TIMESTAMP,
                      "a record is older than message.timestamp.before.max.ms allows");
    return false;
}

static enum kafka_error unpack_error(enum err err)
{
    if (err == ERR_TOO_LARGE)
        return KAFKA_MESSAGE_TOO_LARGE;
    return err == ERR_NO_MEMORY ? kafka_error_of(err) : KAFKA_INVALID_RECORD;
}

void batch_check_end(struct batch_check *b)
{
    const struct unpack *u = &b->unpack;
    bool packed = b->info.attributes & ATTR_CODEC;
    if (u->err != ERR_OK) {
        refuse(b, unpack_error(u->err), u->why.text);
        return;
    }
    b->max_time = u->max_time;
    if (times_check(b, u->min_time))
        return;
    if (packed && !b->append_time && b->info.header_max_time != u->max_time)
        batch_time_set((uint8_t *)(uintptr_t)b->records.at, false, u->max_time);
}

void batch_check_far(struct batch_check *b, uint64_t bytes_max, const atomic_bool *gone)
{
    struct unpacker *with = NULL;
    b->unpack.bytes_max = min_u64(bytes_max, UNPACK_BYTES_MAX);
    b->unpack.gone = gone;
    unpack_run(&with, &b->unpack);
    unpacker_close(&with);
}

bool batch_check(struct batch_check *b, struct unpack_desk *with)
{
    b->error = KAFKA_NONE;
    b->why = (struct why){ "" };
    if (!b->records.len)
        return refuse(b, KAFKA_INVALID_RECORD, "one batch for each partition, and there is none");
    if (batch_verify_summed(b->records, b->sums, &b->info, &b->max_time, &b->why) != ERR_OK) {
        b->error = damage_name(b->records);
        return true;
    }
    if (rules_check(b))
        return true;
    if (!(b->info.attributes & ATTR_CODEC) && (b->append_time || b->before_max_ms == INT64_MAX)) {
        times_check(b, INT64_MAX);
        return true;
    }
    b->unpack = (struct unpack){ .batch = b->records, .find_ms = INT64_MAX };
    if (!unpack_near(with, &b->unpack))
        return false;
    batch_check_end(b);
    return true;
}
