/* address_test.c -- text to addresses and back, and who can reach them. */
#include "net/config/address.h"

#include "tests/test.h"

TEST(address, text_and_back)
{
    /* Goal: what is printed is what was meant, and parses to the same. */
    static const struct {
        const char *text, *prints;
        bool loopback;
    } rows[] = {
        { "127.0.0.1:9700", "127.0.0.1:9700", true },
        { "127.255.0.9:0", "127.255.0.9:0", true },
        { "0.0.0.0:9700", "0.0.0.0:9700", false },
        { "128.0.0.1:65535", "128.0.0.1:65535", false },
        { "[::1]:9700", "[::1]:9700", true },
        { "[0:0:0:0:0:0:0:1]:1", "[::1]:1", true },
        { "[::]:9700", "[::]:9700", false },
        { "[::2]:9700", "[::2]:9700", false },
        { "[fe80::1]:9", "[fe80::1]:9", false },
        { "[::ffff:127.0.0.1]:7", "[::ffff:127.0.0.1]:7", true },
        { "[::ffff:10.0.0.1]:7", "[::ffff:10.0.0.1]:7", false },
        { "[::127.0.0.1]:7", "[::127.0.0.1]:7", false },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct io_address a, b;
        char text[IO_ADDRESS_TEXT_BYTES];
        EXPECT_OK(address_parse(rows[i].text, &a, NULL));
        EXPECT_STR(io_address_text(&a, text), rows[i].prints);
        EXPECT_OK(address_parse(text, &b, NULL));
        EXPECT(io_address_equal(&a, &b));
        EXPECT_EQ(io_address_is_loopback(&a), rows[i].loopback);
    }
}

TEST(address, refused)
{
    /* Goal: names, ranges and slips are refused with what to write. */
#define NO_ADDRESS "is no address: write it like 127.0.0.1:9700 or [::1]:9700"
#define NO_PORT    "needs a port of 0 to 65535 after the colon"
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "", "'' " NO_ADDRESS },
        { "9700", "'9700' " NO_ADDRESS },
        { "127.0.0.1", "'127.0.0.1' " NO_ADDRESS },
        { "[::1]9700", "'[::1]9700' " NO_ADDRESS },
        { "[::1", "'[::1' " NO_ADDRESS },
        { "[::1]", "'[::1]' " NO_ADDRESS },
        { "localhost:9700", NULL },
        { "*:9700", NULL },
        { ":9700", NULL },
        { "::1:9700", NULL },
        { "127.1:9700", NULL },
        { "256.0.0.1:9700", NULL },
        { "[::1%lo]:9700", NULL },
        { "[127.0.0.1]:9700", NULL },
        { "127.0.0.1:", "'127.0.0.1:' " NO_PORT },
        { "127.0.0.1:65536", "'127.0.0.1:65536' " NO_PORT },
        { "127.0.0.1:-1", "'127.0.0.1:-1' " NO_PORT },
        { "127.0.0.1:http", "'127.0.0.1:http' " NO_PORT },
        { "127.0.0.1:97000000000000", "'127.0.0.1:97000000000000' " NO_PORT },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct io_address a = { .port = 7 };
        struct why why = { "" };
        EXPECT_ERR(address_parse(rows[i].text, &a, &why), ERR_INVALID);
        EXPECT_EQ(a.port, 7);
        if (rows[i].says)
            EXPECT_STR(why.text, rows[i].says);
        else
            EXPECT(strstr(why.text, "names are not looked up") != NULL);
    }
}
