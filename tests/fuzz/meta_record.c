/* meta_record.c -- hostile metadata: records, each after its length in two bytes, into the decider.
 *
 * Property: what decodes, encodes to something that decodes to the same; and whatever the records
 * are, the decider either refuses one or starts. */
#include <stdlib.h>

#include "engine/base/check.h"
#include "engine/base/le.h"
#include "engine/coord/meta.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool record_same(const struct meta_record *a, const struct meta_record *b)
{
    if (a->kind != b->kind || !id16_equal(a->id, b->id) || a->store != b->store ||
        a->partitions != b->partitions || a->first != b->first || a->name_len != b->name_len)
        return false;
    if (a->name_len && memcmp(a->name, b->name, a->name_len) != 0)
        return false;
    for (uint32_t i = 0; i < a->partitions; i++)
        if (meta_record_store(a, i) != meta_record_store(b, i))
            return false;
    return true; /* the settings are compared as bytes: record_tried() encodes both */
}

static void record_tried(struct bytes b)
{
    struct meta_record r, back;
    if (meta_record_decode(b, &r, NULL) != ERR_OK)
        return;
    uint32_t *stores = malloc((r.partitions + 1) * sizeof(*stores));
    for (uint32_t i = 0; i < r.partitions; i++)
        stores[i] = meta_record_store(&r, i);
    r.stores = stores;
    size_t len = meta_record_bytes(&r);
    uint8_t *again = malloc(len), *third = malloc(len);
    meta_record_encode(&r, again);
    check(meta_record_decode((struct bytes){ again, len }, &back, NULL) == ERR_OK);
    check(record_same(&r, &back));
    back.stores = stores;
    check(meta_record_bytes(&back) == len);
    meta_record_encode(&back, third);
    check(memcmp(again, third, len) == 0);
    free(third);
    free(again);
    free(stores);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct meta *m = meta_open(&(struct meta_opts){ 0 });
    struct meta_actions out = { 0 };
    enum err err = ERR_OK;
    while (size >= 2 && err == ERR_OK) {
        size_t len = min_u64(le16_get(data), size - 2);
        struct meta_event in = { .kind = META_EVENT_RECORD, .record = { data + 2, len } };
        record_tried(in.record);
        err = meta_step(m, &in, &out);
        check(out.count == 0);
        data += 2 + len;
        size -= 2 + len;
    }
    struct meta_event start = { .kind = META_EVENT_START };
    if (err == ERR_OK)
        check(meta_step(m, &start, &out) == ERR_OK);
    meta_actions_close(&out);
    meta_close(&m);
    return 0;
}
