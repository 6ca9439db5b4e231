/* unpack_in.h -- between the formats (unpack.c) and the records in them (unpack_records.c). */
#ifndef KAFKA_UNPACK_IN_H
#define KAFKA_UNPACK_IN_H

#include "net/kafka/unpack.h"

enum record_part {
    RECORD_LENGTH,
    RECORD_ATTRIBUTES,
    RECORD_TIME,
    RECORD_OFFSET,
    RECORD_KEY,
    RECORD_VALUE,
    RECORD_HEADERS,
    RECORD_HEADER_KEY,
    RECORD_HEADER_VALUE,
};

/* Takes records apart, however they are cut into pieces. */
struct records {
    struct unpack *u;
    struct batch_info info;
    enum record_part part;
    uint64_t number; /* the varint that is being read ... */
    uint32_t shift;  /* ... and its bits so far */
    uint64_t left;   /* bytes of the record */
    uint64_t skip;   /* bytes of a key or a value */
    uint32_t headers;
    uint32_t count; /* records so far */
    int64_t time;
};
void records_open(struct records *r, struct unpack *u, const struct batch_info *info);
/* False: u->err. */
bool records_feed(struct records *r, const uint8_t *at, size_t len);
/* All was fed. */
void records_end(struct records *r);
bool unpack_bad(struct unpack *u, const char *what);

#endif
