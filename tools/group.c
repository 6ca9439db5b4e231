/* group.c -- `shardlog group`: list, delete; group_describe.c and group_reset.c have the others. */
#include "tools/group.h"

static int list_command(int argc, char **argv);
static int delete_command(int argc, char **argv);

#define HELP_OUT "  -o json|table  how the answer is written; --json is -o json\n"

const struct command group_commands[] = {
    { "list", "", "all consumer groups", list_command, HELP_OUT HELP_REMOTE, NULL },
    { "describe", "NAME", "members of a group, and how far it is behind", group_describe_command,
      HELP_OUT HELP_REMOTE
      "\n"
      "  Of each partition: `committed`, the next record that the group wants; `end`, where "
      "readers\n"
      "  see it; and what lies between, as far as it can still be read:\n"
      "    records  offsets from committed, or from start if that is higher, to end\n"
      "    bytes    of the batches that hold them, as they are kept; of an extent that is passed\n"
      "             in part, its share by offsets\n"
      "    seconds  age of the first of these records, by its own time; of a compressed batch, of\n"
      "             its first record\n"
      "  `-`, in JSON null: nothing is committed there; the partition cannot be asked (state says\n"
      "  why); for seconds also a record without time, or one that cannot be read. The lag of the\n"
      "  group is the sum, for seconds the largest; `unknown` counts the partitions left out.\n"
      "\n"
      "  shardlog group describe billing\n",
      NULL },
    { "delete", "NAME...", "forget groups and all they have committed", delete_command,
      HELP_OUT HELP_REMOTE
      "\n"
      "  Of a group with members nothing is deleted: exit code 7. 8: some were, and some were "
      "not.\n",
      NULL },
    { "reset", "NAME", "set what a group without members has committed", group_reset_command,
      "  --to P         earliest, latest, an offset, @MS or @2026-11-26T09:00:00Z: the first "
      "record\n"
      "                 at or after that time, or the end\n"
      "  --shift N      from where it is: 100 forward, -100 back\n"
      "  --topic T      this topic alone, all its partitions; else where something is committed\n"
      "  --partition N  this one alone; with --topic\n"
      "  --write        do it; without it, nothing is written and the plan is "
      "shown\n" HELP_OUT HELP_REMOTE "\n"
      "  What lies outside the partition goes to its next end. With --write, a group that has\n"
      "  members is refused: exit code 7; stop them first. 1,000 partitions are set at once, all "
      "or\n"
      "  none of them; 8: some were set, and some were not.\n"
      "\n"
      "  shardlog group reset billing --to @2026-11-26T09:00:00Z\n"
      "  shardlog group reset billing --to earliest --topic events --write\n",
      NULL },
    { 0 },
};

/* ---- list ---- */

static void group_tell(void *arg, const struct sl_client_group *g)
{
    struct out_sheet *s = arg;
    char shown[GROUP_SHOWN_MAX];
    sheet_text(s, "%s", group_shown(g->id, shown));
    sheet_text(s, "%s", g->state);
    sheet_text(s, "%s", group_shown(g->protocol_type, shown));
}

static int list_command(int argc, char **argv)
{
    static const struct out_column columns[] = { { "group", "group", OUT_TEXT },
                                                 { "state", "state", OUT_TEXT },
                                                 { "type", "type", OUT_TEXT } };
    struct remote r = { 0 };
    struct out o;
    struct out_sheet s;
    bool json = false;
    const struct option_row rows[] = { OPTIONS_OUT(&json), OPTIONS_REMOTE(&r) };
    if (!options_take(rows, OPTION_COUNT(rows), &argc, argv) || !words_none(argc, argv))
        return EXIT_TROUBLE;
    int code = remote_open(&r);
    if (code == EXIT_CLEAN) {
        out_open(&o, stdout, json);
        sheet_open(&s, &o, "groups", NULL, columns, 3);
        enum sl_err err = sl_client_groups(r.client, group_tell, &s);
        sheet_close(&s);
        out_close(&o);
        code = remote_exit(&r, err, "groups");
    }
    remote_close(&r);
    return code;
}

/* ---- delete ---- */

static int groups_delete(struct remote *r, int count, char **names, struct out_sheet *s)
{
    int code = EXIT_CLEAN, done = 0;
    char shown[GROUP_SHOWN_MAX];
    for (int i = 0; i < count && code != EXIT_NO_ANSWER; i++) {
        enum sl_err err = sl_client_forget(r->client, names[i]);
        if (err == SL_ERR_OK) {
            sheet_text(s, "%s", group_shown(names[i], shown));
            done++;
        } else {
            code = remote_exit(r, err, group_shown(names[i], shown));
        }
    }
    return code != EXIT_CLEAN && done ? EXIT_PARTLY : code;
}

static int delete_command(int argc, char **argv)
{
    static const struct out_column columns[] = { { "group", "group", OUT_TEXT } };
    struct remote r = { 0 };
    struct out o;
    struct out_sheet s;
    bool json = false;
    const struct option_row rows[] = { OPTIONS_OUT(&json), OPTIONS_REMOTE(&r) };
    if (!options_take(rows, OPTION_COUNT(rows), &argc, argv))
        return EXIT_TROUBLE;
    if (!argc) {
        complain("which group?");
        return EXIT_TROUBLE;
    }
    int code = remote_open(&r);
    if (code == EXIT_CLEAN) {
        out_open(&o, stdout, json);
        sheet_open(&s, &o, "deleted", NULL, columns, 1);
        code = groups_delete(&r, argc, argv, &s);
        sheet_close(&s);
        out_close(&o);
    }
    remote_close(&r);
    return code;
}
