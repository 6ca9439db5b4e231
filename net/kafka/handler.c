/* handler.c -- the table of handlers, by API key. */
#include "net/kafka/handler.h"

static const struct handler handlers[] = {
#define HANDLER(shapes, start_, hurry_, free_, frame_) \
    { .key = KAFKA_KEY_##shapes, .start = start_, .hurry = hurry_, .free = free_, .frame = frame_ },
#include "net/kafka/handler.def"
#undef HANDLER
};

const struct handler *handler_of(int16_t key)
{
    for (uint32_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
        if (handlers[i].key == key)
            return &handlers[i];
    return NULL;
}
