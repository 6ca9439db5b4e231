/* space.max was accepted at 1 GiB, which is less than one volume file and its head: such a node
 * started and refused every append. Goal: a limit that holds no volume is a fault, and the smallest
 * one that holds a volume is none. */
#include <stdio.h>

#include "net/config/config.h"
#include "tests/test.h"

static void counted(void *arg, enum config_said what, const char *line)
{
    (void)line;
    *(uint32_t *)arg += what == CONFIG_FAULT;
}

static uint32_t faults_with(const char *text)
{
    struct config c;
    uint32_t faults = 0;
    config_open(&c, counted, &faults);
    config_file(&c, "f", (struct bytes){ (const uint8_t *)text, strlen(text) });
    config_check(&c);
    config_close(&c);
    return faults;
}

TEST(r0060, space_without_volume)
{
    EXPECT_EQ(faults_with("space.max = 1 GiB\n"), 1u);
    EXPECT_EQ(faults_with("space.max = 1048640 KiB\n"), 0u);
    EXPECT_EQ(faults_with("space.max = 0\n"), 0u);
}
