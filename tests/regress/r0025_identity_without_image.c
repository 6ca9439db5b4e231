/* A repair could not read the image while it made a volume's identity block anew: it took the
 * opening in it for 0, and wrote the block of another file. The store opened never again.
 * Goal: such a repair fails and writes nothing. Method: reads of the image fail; then a repair. */
#include "tests/unit/log/damage.h"

#define EIO_ 5

extern const struct io_site *const __start_io_sites[], *const __stop_io_sites[];

TEST(r0025, identity_without_image)
{
    struct damage d;
    struct repair_report report;
    damage_open(&d, 25);
    damage_flip(&d, d.vol, 33);
    for (const struct io_site *const *s = __start_io_sites; s < __stop_io_sites; s++)
        if (strstr((*s)->file, "log/image.c"))
            sim_fault(d.f.node, *s, EIO_, 0);
    EXPECT_ERR(repair_run(d.f.io, d.f.dir, &report, &d.f.why), ERR_IO);
    EXPECT_EQ(report.identities, 0);
    sim_fault_clear(d.f.node);
    REQUIRE_OK(repair_run(d.f.io, d.f.dir, &report, &d.f.why));
    EXPECT_EQ(report.identities, 1);
    REQUIRE_OK(fixture_start(&d.f));
    for (uint32_t b = 0; b < DAMAGE_BOOKS; b++)
        fixture_verify(&d.f, b, 1 << 20);
    damage_close(&d);
}
