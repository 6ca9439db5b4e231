/* row.c -- see row.h. */
#include "bench/common/row.h"

#include <stdio.h>
#include <string.h>

#include "bench/common/common.h"

void row_add(struct row_result *r, double ours, double theirs)
{
    ratios_add(&r->ratio, theirs > 0 ? ours / theirs : 0);
    ratios_add(&r->ours, ours);
    ratios_add(&r->theirs, theirs);
}

bool row_met(const struct row_result *r)
{
    struct median m = ratios_median(&r->ratio);
    if (r->or_below > 0 && r->ours.count && median_of(r->ours.at, r->ours.count) <= r->or_below)
        return true;
    return r->ratio.count && (r->at_least ? m.at >= r->goal : m.at <= r->goal);
}

/* "at most 0.13, or 1 ms"; a goal of 0 with the alternative is the alternative. */
static void required_text(char *text, size_t bytes, const struct row_result *r)
{
    int len = snprintf(text, bytes, "%s ", r->at_least ? "at least" : "at most");
    if (!r->or_below)
        snprintf(text + len, bytes - (size_t)len, "%.2f", r->goal);
    else if (r->goal > 0)
        snprintf(text + len, bytes - (size_t)len, "%.3g, or %.3g %s", r->goal, r->or_below,
                 r->unit);
    else
        snprintf(text + len, bytes - (size_t)len, "%.3g %s", r->or_below, r->unit);
}

static void ratios_text(char *text, size_t bytes, const struct row_result *r)
{
    struct median m = ratios_median(&r->ratio);
    snprintf(text, bytes, "%.2f [%.2f, %.2f] of %u pairs, %.4g against %.4g %s", m.at, m.low,
             m.high, r->ratio.count, median_of(r->ours.at, r->ours.count),
             median_of(r->theirs.at, r->theirs.count), r->unit);
}

void row_print(const struct row_result *r, const struct row_result *beside, const char *what)
{
    char required[64], text[160], more[200] = "";
    struct median m = ratios_median(&r->ratio);
    bool noise = m.low <= r->goal && r->goal <= m.high;
    ratios_text(text, sizeof(text), r);
    if (beside && beside->ratio.count) {
        snprintf(more, sizeof(more), "; %s: ", what);
        ratios_text(more + strlen(more), sizeof(more) - strlen(more), beside);
    }
    required_text(required, sizeof(required), r);
    say("result|%s|%s|%s%s%s|%s", r->name, required, text, noise ? "; within noise" : "", more,
        row_met(r) ? "pass" : "FAIL");
}

void row_print_json(const struct row_result *r)
{
    struct median m = ratios_median(&r->ratio);
    say("{\"row\": \"%s\", \"goal\": %.3f, \"at_least\": %s, \"pairs\": %u, \"ratio\": %.4f, "
        "\"low\": %.4f, \"high\": %.4f, \"ours\": %.6g, \"ceiling\": %.6g, \"unit\": \"%s\", "
        "\"met\": %s}",
        r->name, r->goal, r->at_least ? "true" : "false", r->ratio.count, m.at, m.low, m.high,
        median_of(r->ours.at, r->ours.count), median_of(r->theirs.at, r->theirs.count), r->unit,
        row_met(r) ? "true" : "false");
}
