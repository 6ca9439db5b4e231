/* config_in.h -- what the files of this folder share. */
#ifndef NET_CONFIG_CONFIG_IN_H
#define NET_CONFIG_CONFIG_IN_H

#include "engine/base/err.h"
#include "net/config/config.h"

/* Text to value by the row's kind and limits. Fills number, items, count and text of *out, which
 * is all zeros; on error there is nothing to free. INVALID: `why` quotes and explains. */
enum err config_value_parse(const struct config_row *row, const char *text,
                            struct config_value *out, struct why *why);
void config_value_free(const struct config_row *row, struct config_value *v);
void config_number_print(const struct config_row *row, uint64_t v, char out[CONFIG_NAME_MAX]);

/* --insecure alone means --insecure=true. */
bool config_is_bool(const struct config_row *row);

void config_say(struct config *c, enum config_said what, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Memory, or the end of the process. */
char *config_copy(const char *text, size_t len);

#endif
