/* banner.c -- see banner.h: one function for each paragraph. */
#include "tools/banner.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "tools/out.h"

/* A line that is being built. */
struct page {
    char text[BANNER_LINE_MAX];
    size_t len;
    bool cut;
    void (*line)(void *arg, bool warning, const char *text);
    void *arg;
};

static void add(struct page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct page *p, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(p->text + p->len, sizeof(p->text) - p->len, fmt, args);
    va_end(args);
    p->len += n > 0 ? (size_t)n : 0;
    p->cut |= p->len >= sizeof(p->text);
    p->len = p->cut ? sizeof(p->text) - 1 : p->len;
}

static void end_as(struct page *p, bool warning)
{
    if (p->cut)
        memcpy(p->text + sizeof(p->text) - 4, "...", 4);
    p->line(p->arg, warning, p->text);
    p->len = 0;
    p->cut = false;
}

static void end(struct page *p)
{
    end_as(p, false);
}

static void bytes_add(struct page *p, uint64_t v, const char *after)
{
    char text[32];
    text_bytes(text, sizeof(text), v);
    add(p, "%s%s", text, after);
}

/* "12 ms", "0.085 ms": no more digits than mean something. */
static void ms_add(struct page *p, uint64_t ns)
{
    if (ns >= 10 * MS_NS)
        add(p, "%.0f ms", (double)ns / MS_NS);
    else
        add(p, "%.3f ms", (double)ns / MS_NS);
}

/* ---- paragraphs ---- */

static void features_say(struct page *p, const struct banner *b)
{
    const struct {
        const char *name;
        bool found;
    } rows[] = {
        { "io_uring", b->features.io_uring },   { "defer_taskrun", b->features.defer_taskrun },
        { "dsync", b->features.dsync },         { "direct", b->features.direct },
        { "fallocate", b->features.fallocate }, { "msg_ring", b->features.msg_ring },
        { "recv_ring", b->features.recv_ring }, { "page_cache", b->features.page_cache },
    };
    bool any = false;
    add(p, "kernel: ");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].found) {
            add(p, "%s%s", any ? ", " : "", rows[i].name);
            any = true;
        }
    if (!any)
        add(p, "none of the features that are used where they exist");
    end(p);
}

static void node_say(struct page *p, const struct banner *b)
{
    char id[33];
    id_text(b->cluster, id);
    add(p, "node %" PRIu32 " of cluster %s: %" PRIu32 " shard%s", b->node, id, b->shards,
        b->shards == 1 ? "" : "s");
    for (uint32_t i = 0; b->cpus && i < b->shards; i++)
        add(p, "%s%" PRIu32, i ? ", " : b->shards > 1 ? ", on cores " : ", on core ", b->cpus[i]);
    end(p);
}

static void memory_say(struct page *p, const struct banner *b)
{
    uint64_t total = 0;
    if (!b->memory_count)
        return;
    add(p, "memory: ");
    for (uint32_t i = 0; i < b->memory_count; i++) {
        add(p, "%s", i ? ", " : "");
        bytes_add(p, b->memory[i].bytes, " ");
        add(p, "%s", b->memory[i].what);
        total += b->memory[i].bytes;
    }
    add(p, ": ");
    bytes_add(p, total, " planned");
    if (b->memory_machine) {
        add(p, ", ");
        bytes_add(p, b->memory_machine, " in the machine");
    }
    end(p);
    if (b->memory_machine && total > b->memory_machine) {
        add(p, "more memory is planned than there is: lower memory.tail or memory.network");
        end_as(p, true);
    }
}

static void store_open_say(struct page *p, const struct banner_store *s)
{
    add(p, "%" PRIu32 " partition%s, %" PRIu64 " journal entr%s replayed in ", s->partitions,
        s->partitions == 1 ? "" : "s", s->entries, s->entries == 1 ? "y" : "ies");
    ms_add(p, s->open_ns);
    if (s->sync_ns) {
        add(p, ", a sync takes ");
        ms_add(p, s->sync_ns);
    }
    if (s->damaged)
        add(p, "; DAMAGED: %" PRIu32 " of them, `shardlog check` says where", s->damaged);
}

static void stores_say(struct page *p, const struct banner *b)
{
    for (uint32_t i = 0; i < b->store_count; i++) {
        const struct banner_store *s = &b->stores[i];
        add(p, "%.400s/store-%02" PRIu32 ": ", s->dir, s->number);
        if (s->error)
            add(p, "DOES NOT OPEN, its partitions are unavailable: %s", s->error);
        else
            store_open_say(p, s);
        end_as(p, s->error || s->damaged);
    }
}

static void listeners_say(struct page *p, const struct banner *b)
{
    bool reach = false;
    for (uint32_t i = 0; i < b->listener_count; i++) {
        const struct banner_listener *l = &b->listeners[i];
        for (uint32_t a = 0; a < l->count; a++) {
            char text[IO_ADDRESS_TEXT_BYTES];
            add(p, "%s on %s", l->what, io_address_text(&l->addresses[a], text));
            end(p);
            reach |= !io_address_is_loopback(&l->addresses[a]);
        }
        if (!l->count) {
            add(p, "%s: nowhere", l->what);
            end(p);
        }
    }
    if (!reach)
        return;
    add(p, "insecure: whoever reaches these addresses may read and write everything");
    end_as(p, true);
}

const char *durability_text(enum durability d)
{
    static const char *const texts[] = {
        [DURABILITY_MEMORY] = "memory: an acknowledged record is lost when the process ends",
        [DURABILITY_WRITTEN] = "written: an acknowledged record survives kill and kernel crash, "
                               "not a power cut",
        [DURABILITY_SYNCED] = "synced: an acknowledged record survives a power cut, if the disk "
                              "honours flushes",
    };
    return texts[d];
}

void banner_say(const struct banner *b, void (*line)(void *arg, bool warning, const char *text),
                void *arg)
{
    struct page p = { .line = line, .arg = arg };
    features_say(&p, b);
    node_say(&p, b);
    memory_say(&p, b);
    stores_say(&p, b);
    listeners_say(&p, b);
    add(&p, "topics are %s", durability_text(b->durability));
    end(&p);
    add(&p, "ready in %.0f ms", (double)b->ready_ns / MS_NS);
    end(&p);
}
