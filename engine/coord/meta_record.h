/* meta_record.h -- the records of the metadata log, as bytes and decoded.
 *
 * docs/METADATA.md is the specification. Each is the value of one record of the system partition;
 * the batch around it carries the CRC. Little endian, versioned, and a decoder believes nothing.
 *
 * Thread     pure functions; any thread.
 * Fails      CORRUPT for bytes that cannot be one of ours, UNSUPPORTED for a version, kind or
 *            setting that this program does not know: starting on half of it would be worse.
 */
#ifndef COORD_META_RECORD_H
#define COORD_META_RECORD_H

#include "engine/coord/settings.h"

#define TOPIC_NAME_MAX        249u
#define TOPIC_PARTITIONS_MAX  131072u /* their placement fits in a batch of 1 MiB */
#define STORES_MAX            4096u   /* numbers of stores are below; no engine needs more */
#define META_RECORD_VERSION   1u
#define META_RECORD_BYTES_MAX (1024u + 4u * TOPIC_PARTITIONS_MAX)

enum meta_record_kind {
    META_STORE = 1, /* a store belongs to this engine: number, id */
    META_TOPIC,     /* a topic exists: id, name, settings, a store for each partition */
    META_SETTINGS,  /* a topic's settings from now on */
    META_DELETE,    /* a topic is no more; its stores are to drop its partitions */
    META_GONE,      /* every store's tombstone is durable: forget the topic */
    META_GROWTH,    /* a topic has more partitions: a store for each of them */
    META_KIND_END
};

struct meta_record {
    enum meta_record_kind kind;
    struct id16 id;            /* of the store, or of the topic */
    uint32_t store;            /* STORE */
    const char *name;          /* TOPIC; decoded: points into the record, name_len long */
    uint32_t name_len;         /* TOPIC */
    uint32_t partitions;       /* TOPIC; GROWTH: how many more */
    uint32_t first;            /* GROWTH: the first of them, as many as there were */
    const uint32_t *stores;    /* TOPIC GROWTH, encoding: partitions of them */
    const uint8_t *stores_raw; /* TOPIC GROWTH, decoded: meta_record_store() reads it */
    struct settings settings;  /* TOPIC SETTINGS */
};

/* Bytes that it takes. */
size_t meta_record_bytes(const struct meta_record *r);
/* Writes exactly meta_record_bytes(r) bytes. */
void meta_record_encode(const struct meta_record *r, uint8_t *at);
enum err meta_record_decode(struct bytes b, struct meta_record *out, struct why *why);
/* The store of the i-th partition of a decoded TOPIC or GROWTH. */
uint32_t meta_record_store(const struct meta_record *r, uint32_t i);

#endif
