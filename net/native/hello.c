/* hello.c -- see hello.h; each rule is a function of a few lines. */
#include "net/native/hello.h"

static enum err hello_versions(const struct hello_request *ask, const struct hello_server *server,
                               uint16_t *version, struct fault *fault)
{
    uint16_t most = ask->version_max < server->version_max ? ask->version_max : server->version_max;
    if (most < server->version_min)
        return fault_set(fault, FAULT_VERSIONS, "version_max", ask->version_max,
                         server->version_min);
    if (most < ask->version_min)
        return fault_set(fault, FAULT_VERSIONS, "version_min", ask->version_min,
                         server->version_max);
    *version = most;
    return ERR_OK;
}

static enum err features_check(uint64_t wanted, uint64_t known, struct fault *fault)
{
    if (wanted & ~known)
        return fault_set(fault, FAULT_FEATURE, "refuse", wanted, known);
    return ERR_OK;
}

static enum err frame_max_check(uint32_t frame_max, struct fault *fault)
{
    if (frame_max < FRAME_MAX_LEAST)
        return fault_set(fault, FAULT_SMALL, "frame_max", frame_max, FRAME_MAX_LEAST);
    return ERR_OK;
}

static enum err hello_shard(const struct hello_request *ask, const struct hello_server *server,
                            uint32_t *shard, struct fault *fault)
{
    *shard = ask->wanted_shard == SHARD_ANY ? server->shard : ask->wanted_shard;
    if (*shard >= server->shards)
        return fault_set(fault, FAULT_RANGE, "wanted_shard", *shard, server->shards - 1);
    return ERR_OK;
}

enum err hello_judge(const struct hello_request *ask, const struct hello_server *server,
                     struct hello_answer *tell, struct fault *fault)
{
    uint16_t version = 0;
    uint32_t shard = 0;
    TRY(hello_versions(ask, server, &version, fault));
    TRY(features_check(ask->refuse, server->known.refuse, fault));
    TRY(frame_max_check(ask->frame_max, fault));
    TRY(hello_shard(ask, server, &shard, fault));
    if (ask->auth_mechanism.len)
        return fault_set(fault, FAULT_MECHANISM, "auth_mechanism", ask->auth_mechanism.len, 0);
    *tell = (struct hello_answer){ .version = version,
                                   .access = (ask->read_only & ~server->known.read_only) != 0,
                                   .frame_max = server->frame_max,
                                   .ignorable = ask->ignorable & server->known.ignorable,
                                   .read_only = ask->read_only & server->known.read_only,
                                   .refuse = ask->refuse,
                                   .shards = server->shards,
                                   .shard = shard,
                                   .requests_max = server->requests_max,
                                   .idle_ms = server->idle_ms,
                                   .cluster = server->cluster,
                                   .node = server->node,
                                   .server = text_of(server->text) };
    return ERR_OK;
}

enum err hello_accept(const struct hello_request *ask, const struct hello_answer *tell,
                      const struct feature_words *known, bool *read_only, struct fault *fault)
{
    if (tell->version < ask->version_min)
        return fault_set(fault, FAULT_VERSIONS, "version", ask->version_min, tell->version);
    if (tell->version > ask->version_max)
        return fault_set(fault, FAULT_VERSIONS, "version", ask->version_max, tell->version);
    TRY(features_check(tell->refuse, known->refuse, fault));
    TRY(frame_max_check(tell->frame_max, fault));
    if (tell->auth)
        return fault_set(fault, FAULT_MECHANISM, "auth", tell->auth_mechanisms.len, 0);
    *read_only = tell->access || tell->read_only & ~known->read_only;
    return ERR_OK;
}
