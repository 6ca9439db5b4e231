/* net/native/hello.c: versions, features, shards. */
#include "net/native/hello.h"

#include "tests/test.h"

static const struct hello_server server = {
    .version_min = 2,
    .version_max = 4,
    .known = { .ignorable = 1, .read_only = 2, .refuse = 4 },
    .frame_max = 1 << 20,
    .shards = 3,
    .shard = 1,
    .requests_max = 100,
    .text = "test",
};

static struct hello_request hello_some(void)
{
    return (struct hello_request){
        .version_min = 1, .version_max = 9, .frame_max = 1 << 20, .wanted_shard = SHARD_ANY
    };
}

static enum err hello_try(const struct hello_request *ask, struct hello_answer *tell)
{
    struct fault fault = { 0 };
    enum err err = hello_judge(ask, &server, tell, &fault);
    if (err)
        EXPECT(fault.kind != FAULT_NONE && fault.err == err && !fault.lost);
    return err;
}

TEST(native_hello, takes_the_highest_version_of_both)
{
    struct hello_request ask = hello_some();
    struct hello_answer tell = { 0 };
    EXPECT_OK(hello_try(&ask, &tell));
    EXPECT_EQ(tell.version, 4);
    ask.version_max = 3;
    EXPECT_OK(hello_try(&ask, &tell));
    EXPECT_EQ(tell.version, 3);
    ask.version_max = 1;
    EXPECT_ERR(hello_try(&ask, &tell), ERR_UNSUPPORTED);
    ask.version_min = 5, ask.version_max = 9;
    EXPECT_ERR(hello_try(&ask, &tell), ERR_UNSUPPORTED);
    ask.version_min = 3, ask.version_max = 2; /* upside down */
    EXPECT_ERR(hello_try(&ask, &tell), ERR_UNSUPPORTED);
}

TEST(native_hello, features_by_class)
{
    struct hello_request ask = hello_some();
    struct hello_answer tell = { 0 };
    ask.ignorable = 1 | 8;
    ask.read_only = 2;
    ask.refuse = 4;
    EXPECT_OK(hello_try(&ask, &tell));
    EXPECT_EQ(tell.ignorable, 1);
    EXPECT_EQ(tell.read_only, 2);
    EXPECT_EQ(tell.refuse, 4);
    EXPECT_EQ(tell.access, 0);
    ask.read_only = 2 | 16;
    EXPECT_OK(hello_try(&ask, &tell));
    EXPECT_EQ(tell.access, 1);
    ask.refuse = 4 | 32;
    EXPECT_ERR(hello_try(&ask, &tell), ERR_UNSUPPORTED);
}

TEST(native_hello, shard_is_the_wanted_one)
{
    struct hello_request ask = hello_some();
    struct hello_answer tell = { 0 };
    EXPECT_OK(hello_try(&ask, &tell));
    EXPECT_EQ(tell.shard, 1);
    ask.wanted_shard = 2;
    EXPECT_OK(hello_try(&ask, &tell));
    EXPECT_EQ(tell.shard, 2);
    ask.wanted_shard = 3;
    EXPECT_ERR(hello_try(&ask, &tell), ERR_INVALID);
}

TEST(native_hello, refuses_what_it_cannot_do)
{
    struct hello_request ask = hello_some();
    struct hello_answer tell = { 0 };
    ask.auth_mechanism = text_of("PLAIN");
    EXPECT_ERR(hello_try(&ask, &tell), ERR_UNSUPPORTED);
    ask = hello_some();
    ask.frame_max = FRAME_MAX_LEAST - 1;
    EXPECT_ERR(hello_try(&ask, &tell), ERR_INVALID);
}

TEST(native_hello, client_judges_the_answer)
{
    struct hello_request ask = hello_some();
    struct hello_answer tell = { 0 };
    struct feature_words known = { 0 };
    struct fault fault;
    bool read_only = true;
    EXPECT_OK(hello_try(&ask, &tell));
    EXPECT_OK(hello_accept(&ask, &tell, &known, &read_only, &fault));
    EXPECT(!read_only);
    tell.read_only = 64;
    EXPECT_OK(hello_accept(&ask, &tell, &known, &read_only, &fault));
    EXPECT(read_only);
    tell.refuse = 64;
    EXPECT_ERR(hello_accept(&ask, &tell, &known, &read_only, &fault), ERR_UNSUPPORTED);
    tell.refuse = 0;
    tell.auth = 1;
    EXPECT_ERR(hello_accept(&ask, &tell, &known, &read_only, &fault), ERR_UNSUPPORTED);
    tell.auth = 0;
    tell.version = 10;
    EXPECT_ERR(hello_accept(&ask, &tell, &known, &read_only, &fault), ERR_UNSUPPORTED);
}
