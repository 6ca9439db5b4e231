/* verify_files.c -- which files are there, and whether they belong together.
 *
 * Store, cluster, node, features and geometry are equal in every identity block; the journal's is
 * taken as the store's where it verifies, else the first one that does. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/array.h"
#include "engine/log/grow.h"
#include "engine/log/verify_in.h"

struct verify_file *verify_file(struct verify *v, enum file_kind kind, uint32_t number)
{
    for (uint32_t i = 0; i < v->file_count; i++)
        if (v->files[i].kind == kind && v->files[i].number == number)
            return &v->files[i];
    return NULL;
}

static void file_found(struct verify *v, const char *name, enum find_kind kind, const char *text)
{
    struct find f = { .kind = kind };
    snprintf(f.file, sizeof(f.file), "%s", name);
    if (kind == FOUND_IDENTITY)
        f.len = BLOCK_BYTES;
    if (text)
        why_set(&f.why, "%s", text);
    verify_found(v, &f);
}

static void file_add(struct verify *v, const char *name, enum file_kind kind, uint32_t number)
{
    v->files = array_grow(v->files, &v->file_cap, v->file_count + 1ull, sizeof(*v->files));
    struct verify_file *f = &v->files[v->file_count++];
    *f = (struct verify_file){ .kind = kind, .number = number };
    snprintf(f->name, sizeof(f->name), "%s", name);
}

static bool is_leftover(const char *name)
{
    size_t len = strlen(name);
    return len > 4 && strcmp(name + len - 4, ".tmp") == 0;
}

static void file_seen(const char *name, void *arg)
{
    struct verify *v = arg;
    uint32_t number;
    if (strcmp(name, "journal") == 0)
        file_add(v, name, FILE_JOURNAL, 0);
    else if (strcmp(name, "image") == 0)
        file_add(v, name, FILE_IMAGE, 0);
    else if (strcmp(name, "tails") == 0)
        file_add(v, name, FILE_TAILS, 0);
    else if (vol_number(name, &number))
        file_add(v, name, FILE_VOLUME, number);
    else
        file_found(v, name, is_leftover(name) ? FOUND_LEFTOVER : FOUND_STRANGER, NULL);
}

static int file_order(const void *a, const void *b)
{
    const struct verify_file *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* Reads one identity block; what is wrong with it alone is reported here. */
static enum err file_identity(struct verify *v, struct verify_file *f, uint8_t *block)
{
    struct io_stat st;
    struct why why = { "" };
    uint64_t got;
    int fd;
    v->counts->files++;
    TRY(verify_open(v, f->name, &fd));
    enum err err = io_fd_stat(v->io, fd, &st);
    if (!err)
        err = verify_read(v->io, fd, block, BLOCK_BYTES, 0, &got);
    io_fd_close(v->io, fd);
    if (err)
        return err;
    f->bytes = st.bytes;
    enum err bad = got == BLOCK_BYTES ? identity_decode(block, &f->id, &why) : ERR_CORRUPT;
    f->whole = bad == ERR_OK && f->id.kind == f->kind && f->id.file_number == f->number;
    if (bad == ERR_UNSUPPORTED)
        file_found(v, f->name, FOUND_OPEN, why.text);
    else if (bad)
        file_found(v, f->name, FOUND_IDENTITY, why.text);
    else if (!f->whole)
        file_found(v, f->name, FOUND_FOREIGN, "its identity block is that of another file");
    return ERR_OK;
}

static bool same_store(const struct identity *a, const struct identity *b)
{
    return id16_equal(a->store, b->store) && id16_equal(a->cluster, b->cluster) &&
           a->node == b->node && memcmp(&a->geometry, &b->geometry, sizeof(a->geometry)) == 0 &&
           memcmp(&a->features, &b->features, sizeof(a->features)) == 0;
}

static uint64_t file_bytes_min(const struct verify_file *f)
{
    switch (f->kind) {
    case FILE_JOURNAL:
        return f->id.geometry.journal_bytes;
    case FILE_VOLUME:
        return vol_bytes(&f->id.geometry);
    default:
        return f->id.file_bytes;
    }
}

static void files_compare(struct verify *v)
{
    for (uint32_t i = 0; i < v->file_count && !v->identified; i++) {
        v->identified = v->files[i].whole;
        v->id = v->files[i].id;
    }
    for (uint32_t i = 0; i < v->file_count; i++) {
        struct verify_file *f = &v->files[i];
        if (!f->whole)
            continue;
        if (!same_store(&v->id, &f->id)) {
            file_found(v, f->name, FOUND_FOREIGN, "its identity block names another store");
            f->whole = false;
        } else if (f->bytes < file_bytes_min(f)) {
            file_found(v, f->name, FOUND_FOREIGN, "the file is shorter than it was made");
            f->whole = false;
        }
    }
}

static void files_present(struct verify *v)
{
    static const struct {
        enum file_kind kind;
        const char *name;
    } wanted[] = { { FILE_JOURNAL, "journal" }, { FILE_IMAGE, "image" }, { FILE_TAILS, "tails" } };
    v->readable = true;
    for (uint32_t i = 0; i < 3; i++) {
        const struct verify_file *f = verify_file(v, wanted[i].kind, 0);
        if (!f)
            file_found(v, wanted[i].name, FOUND_MISSING, NULL);
        v->readable &= f && f->whole;
    }
}

enum err verify_files(struct verify *v)
{
    TRY(io_dir_list(v->io, v->dir, file_seen, v));
    if (!v->file_count) {
        why_set(v->why, "no store here: none of its files is in this directory");
        return ERR_NOT_FOUND;
    }
    qsort(v->files, v->file_count, sizeof(*v->files), file_order);
    uint8_t *block = io_buffer_take(BLOCK_BYTES);
    enum err err = block ? ERR_OK : ERR_NO_MEMORY;
    for (uint32_t i = 0; i < v->file_count && !err; i++)
        err = file_identity(v, &v->files[i], block);
    io_buffer_give(block);
    files_compare(v);
    files_present(v);
    return err;
}
