/* A lie on its way to the disk stops the process: each encoder checks what its decoder refuses.
 * Method: encode it in a child, which has to end by abort(). */
#include "engine/log/format.h"
#include "tests/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static bool stops(void (*lie)(void))
{
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        lie();
        _exit(0);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        ;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

/* A lie is a function of nothing, so that the child needs no argument. */
#define LIE(name)                  \
    static void lie_##name(void);  \
    TEST(format_check, name)       \
    {                              \
        EXPECT(stops(lie_##name)); \
    }                              \
    static void lie_##name(void)

static uint8_t at[BLOCK_BYTES];

LIE(identity_of_no_kind)
{
    struct identity id = { 0 };
    identity_encode(&id, at);
}

LIE(identity_beyond_the_kinds)
{
    struct identity id = { .kind = (enum file_kind)5 };
    identity_encode(&id, at);
}

LIE(entry_of_another_length)
{
    struct entry e = { .len = 8192, .rows = 1 };
    entry_encode(&e, at, at);
}

LIE(entry_between_blocks)
{
    struct entry e = { .len = 4096, .ring_pos = 100 };
    entry_encode(&e, at + 16, at);
}

LIE(entry_longer_than_its_field)
{
    entry_bytes(UINT32_MAX, 0);
}

LIE(rows_beyond_their_entry)
{
    struct entry e = { .len = 4096, .rows = 63 };
    entry_rows_ok(&e, at);
}

LIE(row_of_a_reserved_kind)
{
    struct row row = { .kind = ROW_REPLACE };
    row_encode(&row, at);
}

LIE(head_without_a_generation)
{
    struct image_head h = { .pages = 1 };
    image_head_encode(&h, at);
}

LIE(part_row_with_its_start_beyond_its_end)
{
    struct part_row row = { .start_off = 1 };
    part_row_encode(&row, at);
}

LIE(extent_row_without_an_id)
{
    struct extent_row row = { .tiles = 0 };
    extent_row_encode(&row, at);
}

LIE(vol_row_without_slabs)
{
    struct vol_row row = { .number = 1 };
    vol_row_encode(&row, at);
}

LIE(section_without_a_kind)
{
    struct section s = { .len = 0 };
    section_encode(&s, at);
}

LIE(tile_without_bytes)
{
    struct tile t = { .at = 0 };
    tile_encode(&t, at);
}
