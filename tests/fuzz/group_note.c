/* group_note.c -- a hostile group log: records, each after its length in two bytes, into the
 * decider.
 *
 * Property: what decodes, encodes to the same bytes, but for topics that are said again; and
 * whatever the records are, the decider either refuses one or starts, and lives on for an hour. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/le.h"
#include "engine/coord/group.h"
#include "engine/coord/group_note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void rows_again(struct group_writer *w, const struct group_note *n)
{
    struct bytes rows = n->rows, name, metadata;
    struct group_note_member m;
    struct group_note_offset o = { 0 };
    for (uint32_t i = 0; i < n->count; i++) {
        if (n->kind == GROUP_NOTE_GROUP) {
            group_note_member(&rows, &m);
            group_writer_member(w, &m);
            while (group_note_protocol(&m.protocols, &name, &metadata))
                check(name.at);
        } else {
            group_note_offset(&rows, n->kind, &o);
            group_writer_offset(w, n->kind, &o);
        }
    }
}

static void note_tried(struct bytes note)
{
    struct group_note n;
    struct bytes left = note;
    if (group_note_decode(&left, &n, NULL) != ERR_OK)
        return;
    size_t len = note.len - left.len;
    struct group_writer w = { 0 };
    group_writer_open(&w, &n);
    rows_again(&w, &n);
    if (n.kind != GROUP_NOTE_GONE)
        check(le32_get(w.at + w.count_at) == n.count);
    group_writer_close(&w);
    check(w.len <= len);
    if (n.kind == GROUP_NOTE_GROUP || n.kind == GROUP_NOTE_GONE)
        check(w.len == len && memcmp(w.at, note.at, len) == 0);
    free(w.at);
}

/* Appends end at once; every second one fails. */
static void perform(struct groups *gs, struct group_event in)
{
    struct group_actions out = { 0 };
    uint32_t done = 0;
    check(groups_step(gs, &in, &out) == ERR_OK);
    for (; done < out.count; done++) {
        struct group_action act = out.at[done];
        if (act.kind != GROUP_APPEND)
            continue;
        struct group_event e = in;
        e.kind = GROUP_EVENT_APPENDED;
        e.write = act.write;
        e.err = done % 2 ? ERR_NO_SPACE : ERR_OK;
        e.off = done;
        check(groups_step(gs, &e, &out) == ERR_OK);
    }
    group_actions_close(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct groups *gs = groups_open(&(struct group_opts){ .snapshot_bytes = 64 });
    struct group_actions out = { 0 };
    enum err err = ERR_OK;
    while (size >= 2 && err == ERR_OK) {
        size_t len = min_u64(le16_get(data), size - 2);
        struct group_event in = { .kind = GROUP_EVENT_RECORD, .record = { data + 2, len } };
        note_tried(in.record);
        err = groups_step(gs, &in, &out);
        check(out.count == 0);
        data += 2 + len;
        size -= 2 + len;
    }
    free((void *)groups_image(gs).at);
    for (uint64_t now = 0; err == ERR_OK && now <= 3600000; now += 450000)
        perform(gs, (struct group_event){ .kind = now ? GROUP_EVENT_TIME : GROUP_EVENT_START,
                                          .now_ms = now,
                                          .wall_ms = (int64_t)(1700000000000 + now) });
    group_actions_close(&out);
    groups_close(&gs);
    return 0;
}
