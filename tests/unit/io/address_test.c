/* address_test.c -- addresses: what is read, what is written, what is refused. */
#include "engine/io/socket.h"
#include "tests/test.h"

#include <string.h>

TEST(address, text_and_value_agree)
{
    /* Goal: what is written reads back as the same value. Method: text in, value, text out. */
    static const char *const rows[][2] = {
        { "127.0.0.1:9700", "127.0.0.1:9700" },
        { "[::1]:9700", "[::1]:9700" },
        { "localhost:1", "127.0.0.1:1" },
        { "0.0.0.0:0", "0.0.0.0:0" },
        { "255.255.255.255:65535", "255.255.255.255:65535" },
        { "[::]:9092", "[::]:9092" },
        { "[2001:DB8:0:0::7]:80", "[2001:db8::7]:80" },
        { "[::ffff:127.0.0.1]:80", "[::ffff:127.0.0.1]:80" },
        { "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535",
          "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct io_address a, b;
        char text[IO_ADDRESS_TEXT_BYTES];
        REQUIRE_OK(io_address_parse(rows[i][0], &a, NULL));
        EXPECT_STR(io_address_text(&a, text), rows[i][1]);
        REQUIRE_OK(io_address_parse(text, &b, NULL));
        EXPECT(io_address_equal(&a, &b));
    }
}

TEST(address, what_is_not_one_is_refused_with_a_sentence)
{
    /* Goal: names, ranges and slips are refused with what to write; the output stays. */
#define NO_ADDRESS "is no address: write it like 127.0.0.1:9700 or [::1]:9700"
#define NO_PORT    "needs a port of 0 to 65535 after the colon"
#define NO_NAME    NULL /* the sentence about names */
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "", "'' " NO_ADDRESS },
        { "9700", "'9700' " NO_ADDRESS },
        { "127.0.0.1", "'127.0.0.1' " NO_ADDRESS },
        { "[::1]9700", "'[::1]9700' " NO_ADDRESS },
        { "[::1", "'[::1' " NO_ADDRESS },
        { "[::1]", "'[::1]' " NO_ADDRESS },
        { "[::1:1", "'[::1:1' " NO_ADDRESS },
        { "far.too.long.for.any.address.of.any.kind.that.a.listener:1",
          "'far.too.long.for.any.address.of.any.kind.that.a.listener:1' " NO_ADDRESS },
        { ":", NO_NAME },
        { ":9700", NO_NAME },
        { "*:9700", NO_NAME },
        { "::1:9700", NO_NAME },
        { "127.1:9700", NO_NAME },
        { "1.2.3:1", NO_NAME },
        { "256.0.0.1:9700", NO_NAME },
        { "[]:1", NO_NAME },
        { "[::1%lo]:9700", NO_NAME },
        { "[127.0.0.1]:9700", NO_NAME },
        { "[localhost]:9700", NO_NAME },
        { "example.com:9700", NO_NAME },
        { "127.0.0.1:", "'127.0.0.1:' " NO_PORT },
        { "127.0.0.1:65536", "'127.0.0.1:65536' " NO_PORT },
        { "127.0.0.1:-1", "'127.0.0.1:-1' " NO_PORT },
        { "127.0.0.1:1x", "'127.0.0.1:1x' " NO_PORT },
        { "127.0.0.1:http", "'127.0.0.1:http' " NO_PORT },
        { "127.0.0.1:000080", "'127.0.0.1:000080' " NO_PORT },
        { "127.0.0.1:97000000000000", "'127.0.0.1:97000000000000' " NO_PORT },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct io_address a = { .port = 7 };
        struct why why = { "" };
        EXPECT_ERR(io_address_parse(rows[i].text, &a, &why), ERR_INVALID);
        EXPECT(a.port == 7 && a.version == 0);
        if (rows[i].says)
            EXPECT_STR(why.text, rows[i].says);
        else
            EXPECT(strstr(why.text, "names are not looked up") != NULL);
    }
}

static struct io_address address(const char *text)
{
    struct io_address a;
    EXPECT_OK(io_address_parse(text, &a, NULL));
    return a;
}

TEST(address, loopback_and_any_are_known)
{
    static const char *const loopback[] = { "127.0.0.1:1", "127.9.9.9:1", "[::1]:1",
                                            "[::ffff:127.0.0.1]:1" };
    static const char *const others[] = { "10.0.0.1:1", "0.0.0.0:1", "[::]:1", "[::2]:1",
                                          "[::ffff:10.0.0.1]:1" };
    for (size_t i = 0; i < sizeof(loopback) / sizeof(loopback[0]); i++) {
        struct io_address a = address(loopback[i]);
        EXPECT(io_address_is_loopback(&a));
        EXPECT(!io_address_is_any(&a));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct io_address a = address(others[i]);
        EXPECT(!io_address_is_loopback(&a));
        EXPECT_EQ(io_address_is_any(&a), i == 1 || i == 2);
    }
    struct io_address none = { .version = 0 };
    EXPECT(!io_address_is_loopback(&none) && !io_address_is_any(&none));
    EXPECT(!io_address_equal(&none, &(struct io_address){ .version = 4 }));
}
