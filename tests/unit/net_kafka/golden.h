/* tests/wire/data as values: bytes of Kafka's own Java classes, and what they mean. */
#ifndef NET_KAFKA_GOLDEN_H
#define NET_KAFKA_GOLDEN_H

#include "net/kafka/api.h"

struct golden {
    const struct kafka_api *api; /* NULL: of a header */
    struct kafka_what what;
    const char *kind;   /* as in tests/wire/README.md */
    struct bytes bytes; /* each in a block of its own, so that a sanitizer sees its end */
    struct bytes again; /* what it is encoded to: `bytes`, but for unknown tags */
    const char *values;
    char name[64]; /* "fetch response 12 full" */
};

/* All of them; static memory. Ends the program if a file is missing or makes no sense. */
const struct golden *goldens(unsigned *count);

/* Hex digits, blanks between them, in a block of exactly their size: the caller's to free(). */
struct bytes hex_bytes(const char *hex);

/* What a decoded struct of this shape and version holds, as the files say it: the text's length. */
size_t struct_told(const struct kafka_what *what, const void *from, char *out, size_t cap);

/* Memory for a struct and its lists. */
#define STRUCT_BYTES_MAX 1024u
#define ARENA_BYTES      (64u << 10)
struct space {
    _Alignas(max_align_t) uint8_t to[STRUCT_BYTES_MAX];
    _Alignas(max_align_t) uint8_t lists[ARENA_BYTES];
    struct kafka_arena arena;
    struct kafka_fault fault;
};
/* Decodes into *s, from scratch. */
enum err space_decode(struct space *s, const struct kafka_what *what, struct bytes from);

#endif
