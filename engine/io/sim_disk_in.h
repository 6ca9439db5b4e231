/* sim_disk_in.h -- the lasting half of the simulated world: a disk down to one 4 KiB page.
 *
 * What a crash leaves is decided from what is kept here and from one fate drawn for it.
 *
 * Owner      the disk owns its inodes and directories; an inode lives while anything refers to it.
 * Thread     the one thread of the world.
 * Invariant  a chain of sheets has at most one that is on_media, and it is the oldest
 *            a page with a sheet that is not on_media is listed in inode.dirty, once
 *            a page that is written but not durably so is listed in inode.fresh, once
 */
#ifndef IO_SIM_DISK_IN_H
#define IO_SIM_DISK_IN_H

#include "engine/base/check.h"
#include "engine/base/list.h"
#include "engine/io/io.h"
#include "engine/io/sim.h"

#define SIM_CHUNK_PAGES 128u
#define SIM_SECTOR      512u

/* One version of one block: what some write put there. */
struct sim_sheet {
    struct sim_sheet *older; /* towards the media; also the link of free sheets and of captures */
    uint32_t seq;            /* the disk's count when it landed */
    bool on_media;           /* the oldest of a chain, and flushed */
    bool buffered;           /* only in the kernel's page cache: a device flush misses it */
    alignas(64) uint8_t data[BLOCK_BYTES];
};

/* A block of a file. The chain from `newest` ends with the version on media; a chain without an
 * on_media sheet stands on zeros. */
struct sim_page {
    struct sim_sheet *newest; /* NULL: zeros */
    uint32_t written_seq;     /* when `written` became true; valid while not durable */
    uint32_t doom_seq;        /* buffered versions up to here never reach the media */
    bool written;             /* initialised, as the running kernel knows it */
    bool written_durable;     /* initialised, as the media know it */
    bool dirty;               /* listed in inode.dirty */
    bool cached;              /* a buffered read brought it into the page cache */
};

struct sim_chunk {
    struct sim_page page[SIM_CHUNK_PAGES];
};

/* A set of page numbers, in order of arrival. */
struct sim_pages {
    uint32_t *at;
    uint32_t count, cap;
};

struct sim_inode {
    struct node in_disk;
    struct sim_disk *disk;
    struct sim_dir *dir;           /* NULL: a regular file */
    uint64_t id;                   /* never reused on a disk */
    uint32_t refs;                 /* names now, names on media, changes, descriptors, flights */
    uint32_t live;                 /* names now and descriptors: its blocks count as used */
    uint64_t size, size_durable;   /* bytes */
    uint64_t alloc, alloc_durable; /* bytes from 0 that fallocate gave; blocks below are no holes */
    uint32_t size_seq, alloc_seq;  /* when each last changed */
    uint64_t hole_pages;           /* pages written at or beyond alloc */
    bool cached;                   /* pages of it may be in the page cache */
    struct sim_chunk **chunks;
    uint32_t chunk_count;
    struct sim_pages dirty; /* pages with a version that is not on media */
    struct sim_pages fresh; /* pages written, but not durably so */
    struct list writes;     /* flights of living processes, by in_inode: overlap check */
    int locked_fd;          /* of the living process; -1: it has no lock */
    uint32_t late_locked;   /* late flights of a killed process that still hold the lock */
};

struct sim_name {
    char *text;
    struct sim_inode *inode;
};

struct sim_names {
    struct sim_name *at;
    uint32_t count, cap;
};

/* A change of a directory that its media do not know: `from` goes, then `to` names `inode`. */
struct sim_change {
    uint32_t seq;
    char *from, *to; /* either may be NULL */
    struct sim_inode *inode;
};

struct sim_dir {
    struct node in_disk;
    struct sim_inode *inode;
    char *path; /* without a slash at the end */
    struct sim_names now, durable;
    struct sim_change *changes;
    uint32_t change_count, change_cap;
};

/* What one crash does to what was not durable. Drawn once per disk and crash. */
struct sim_fate {
    enum sim_fate_style {
        FATE_DROP,   /* media only */
        FATE_KEEP,   /* everything that completed */
        FATE_CUT,    /* everything before one moment: a device that writes back in order */
        FATE_WRITE,  /* each write kept or dropped as a whole */
        FATE_BLOCK,  /* each 4 KiB block */
        FATE_SECTOR, /* each 512 B sector */
        FATE_STYLE_COUNT
    } style;
    enum sim_fate_meta {
        META_DROP, /* the last synced state */
        META_KEEP, /* the file system committed everything early */
        META_CUT,  /* one journal: everything before one moment */
        META_EACH, /* every file and directory for itself, in order */
        META_COUNT
    } meta;
    uint32_t keep; /* of 16: chance of a version */
    uint32_t cut_seq;
    uint64_t salt;
};

struct sim_disk {
    struct node in_node;
    struct sim *sim;
    struct sim_node *node;
    char name[64]; /* first component of its paths */
    struct rng rng;
    uint32_t seq; /* landed writes and changes of metadata so far */
    uint64_t device;
    uint64_t inode_next;
    struct list inodes, dirs, flights;
    uint64_t dirty_pages; /* size of the volatile cache */
    uint64_t bus_free_ns; /* bandwidth is shared: when the last transfer ends */
    /* Its character, drawn from the seed. */
    bool fua;         /* a dsync write makes itself durable and nothing else */
    bool sync_whole;  /* a sync flushes the whole device, else the file alone */
    uint32_t scale16; /* latency in sixteenths of the ordinary */
    uint64_t flush_ns;
    bool quota; /* the limit of its space is a quota: nobody is told how much is left */
};

/* How far a landing write comes by itself. */
enum sim_reach {
    REACH_CACHE,  /* the kernel's page cache: a descriptor without O_DIRECT */
    REACH_DEVICE, /* the device's volatile cache */
    REACH_MEDIA,  /* FUA */
};

/* sim_inode.c: the content of a file. */
struct sim_inode *sim_inode_open(struct sim_disk *disk);
void sim_inode_hold(struct sim_inode *inode);
void sim_inode_drop(struct sim_inode *inode); /* frees it when nothing refers to it */
struct sim_page *sim_inode_page(const struct sim_inode *inode, uint64_t number); /* may be NULL */
void sim_inode_read(const struct sim_inode *inode, uint64_t pos, void *buf, uint64_t len);
uint64_t sim_inode_new_blocks(const struct sim_inode *inode, uint64_t pos, uint64_t len);
bool sim_inode_overwrites(const struct sim_inode *inode, uint64_t pos, uint64_t len);
/* A captured write lands: its first `len` bytes become the newest version. Consumes `sheets`. */
void sim_inode_write(struct sim_inode *inode, struct sim_sheet *sheets, uint64_t pos, uint64_t len,
                     enum sim_reach reach);
void sim_inode_allocate(struct sim_inode *inode, uint64_t len);
/* Versions up to seq reach the media; those in the page cache only if the sync is this file's. */
void sim_inode_flush(struct sim_inode *inode, uint32_t seq, bool own);
void sim_inode_commit(struct sim_inode *inode, uint32_t seq, uint64_t size, uint64_t alloc);
uint64_t sim_inode_used(const struct sim_inode *inode);
void sim_inode_patch(struct sim_inode *inode, uint64_t pos, const void *buf, uint64_t len);

/* Page cache: reads through a descriptor without O_DIRECT fill it, direct writes clear it. */
void sim_inode_cache_fill(struct sim_inode *inode, uint64_t pos, uint64_t len, bool ahead);
bool sim_inode_cache_holds(const struct sim_inode *inode, uint64_t pos, uint64_t len);
bool sim_inode_cache_has(const struct sim_inode *inode, uint64_t pos, uint64_t len); /* any */
bool sim_inode_cache_clear(struct sim_inode *inode, uint64_t pos,
                           uint64_t len); /* was any there? */

/* sim_fate.c: what a crash, or a failed sync, does to a file. */
struct sim_fate sim_fate_draw(struct sim_disk *disk);
uint32_t sim_fate_meta_cut(const struct sim_fate *fate, struct sim_disk *disk);
void sim_inode_end(struct sim_inode *inode, const struct sim_fate *fate, enum sim_end end);
void sim_inode_sync_failed(struct sim_inode *inode, const struct sim_fate *fate, uint32_t seq);

/* sim_dir.c: names. Results are 0 or a negative errno. */
struct sim_dir *sim_dir_open(struct sim_disk *disk, const char *path);
void sim_dir_free(struct sim_dir *dir);
struct sim_dir *sim_dir_find(struct sim_disk *disk, const char *path);
struct sim_inode *sim_dir_lookup(const struct sim_dir *dir, const char *name);
int sim_dir_create(struct sim_dir *dir, const char *name, struct sim_inode **out);
int sim_dir_rename(struct sim_dir *dir, const char *from, const char *to);
int sim_dir_unlink(struct sim_dir *dir, const char *name);
void sim_dir_link_durably(struct sim_dir *dir, const char *name, struct sim_inode *inode);
void sim_dir_unlink_durably(struct sim_dir *dir, const char *name);
void sim_dir_commit(struct sim_dir *dir, uint32_t seq); /* names on media follow, up to seq */
void sim_dir_end(struct sim_dir *dir, uint32_t cut_seq);

/* sim_disk.c: one device with its file system. */
struct sim_disk *sim_disk_of_path(struct sim_node *node, const char *path); /* made when new */
void sim_disk_close(struct sim_disk *disk);
uint64_t sim_disk_latency(struct sim_disk *disk, enum io_verb verb, uint64_t bytes);
void sim_disk_flush(struct sim_disk *disk, struct sim_inode *inode, uint32_t seq);
void sim_disk_sync_failed(struct sim_disk *disk, struct sim_inode *inode, uint32_t seq);
void sim_disk_end(struct sim_disk *disk, enum sim_end end);

#endif
