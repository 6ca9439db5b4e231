/* group_note.h -- what the log of a group coordinator says, as bytes and decoded.
 *
 * docs/FORMAT.md ("Groups") is the specification. The value of one record is one or more notes,
 * one behind the other; the batch around it carries the CRC. Little endian, versioned, and a
 * decoder believes nothing: what it takes can be walked to its end without a further check.
 *
 * Thread     pure functions; any thread.
 * Memory     decoded views point into the note; a writer's bytes are the caller's, free().
 * Fails      CORRUPT for bytes that cannot be one of ours, UNSUPPORTED for a version or kind that
 *            this program does not know: starting on half of it would be worse.
 */
#ifndef COORD_GROUP_NOTE_H
#define COORD_GROUP_NOTE_H

#include "engine/base/err.h"
#include "engine/base/types.h"

#define GROUP_NOTE_VERSION  1u
#define GROUP_TEXT_MAX      32767u /* bytes of any text: what Kafka's classic encoding holds */
#define GROUP_PROTOCOLS_MAX 64u    /* of a member; consumers have one to four */

enum group_note_kind {
    GROUP_NOTE_GROUP = 1, /* a generation of a group: its members, all of them */
    GROUP_NOTE_OFFSETS,   /* committed offsets; others stay */
    GROUP_NOTE_FORGET,    /* offsets that are no more */
    GROUP_NOTE_GONE,      /* the group, with all of its offsets, is no more */
    GROUP_NOTE_END
};

struct group_note {
    enum group_note_kind kind;
    struct bytes group;
    /* GROUP */
    struct bytes protocol_type, protocol, leader; /* null: none */
    int64_t time_ms;
    int32_t generation;
    bool assigned; /* its leader has assigned */
    /* GROUP: members. OFFSETS FORGET: offsets. */
    uint32_t count;
    struct bytes rows; /* what group_note_member() or group_note_offset() takes from */
};

struct group_note_member {
    struct bytes id, instance; /* instance null: not static */
    struct bytes client_id, client_host;
    int32_t timeout_ms, rebalance_ms;
    struct bytes protocols; /* what group_note_protocol() takes from */
    struct bytes assignment;
};

struct group_note_offset {
    struct bytes topic;
    int32_t partition, leader_epoch;
    int64_t off;
    int64_t commit_ms, expire_ms; /* expire below 0: not by itself */
    struct bytes metadata;
};

/* Takes the next note off `left`, whole and checked. */
enum err group_note_decode(struct bytes *left, struct group_note *out, struct why *why);
/* The next row of a decoded note; `rows` starts as note.rows, and there are note.count of them.
 * `out` is that of the row before: its topic may hold for the next one. */
void group_note_member(struct bytes *rows, struct group_note_member *out);
void group_note_offset(struct bytes *rows, enum group_note_kind kind,
                       struct group_note_offset *out);
/* The next protocol of a member; false: there are no more. */
bool group_note_protocol(struct bytes *protocols, struct bytes *name, struct bytes *metadata);

/* Bytes that a row takes at most. */
size_t group_note_member_bytes(const struct group_note_member *m);
size_t group_note_offset_bytes(const struct group_note_offset *o);
size_t group_note_head_bytes(struct bytes group); /* of a note without rows, at most, but for
                                                   * the three texts of GROUP */

/* ---- writing ---- */

/* Notes under construction; `{0}` is an empty one. */
struct group_writer {
    uint8_t *at;
    size_t len, cap;
    size_t note;        /* where the open note begins */
    size_t count_at;    /* where its number of rows is */
    struct bytes topic; /* of the row before */
};

/* Opens a note, of which count and rows are ignored; then its rows; then closes it. */
void group_writer_open(struct group_writer *w, const struct group_note *n);
void group_writer_member(struct group_writer *w, const struct group_note_member *m);
void group_writer_offset(struct group_writer *w, enum group_note_kind kind,
                         const struct group_note_offset *o); /* o->topic lives until close */
void group_writer_close(struct group_writer *w);
void group_writer_raw(struct group_writer *w, struct bytes note); /* whole, as it was decoded */
/* For the protocols of a member: a list under construction, with neither open nor close. */
void group_writer_protocol(struct group_writer *w, struct bytes name, struct bytes metadata);

#endif
