/* story_parts.h - what story_*.c share. */
#ifndef CONNMON_STORY_PARTS_H
#define CONNMON_STORY_PARTS_H

#include "chart.h"
#include "page.h"
#include "story.h"

struct story_page {
	const struct story *story;
	FILE *out;
	struct chart_span span; /* with the bands */
	struct chart_band *bands;
	struct err *err;
	bool failed; /* @err tells why; go on with nothing */
};

/* A chart is within these: its heading, what there is to say of it, and whatever is written
 * between. */
void story_figure(struct story_page *p, const char *id, const char *title, const char *note);

/* Ends it, with the rows of @part behind a click, as numbers. */
void story_figure_end(struct story_page *p, enum story_part part);

/* Says so, when there is nothing to draw. True then. */
bool story_nothing(struct story_page *p, bool there_is_nothing, const char *words);

/* The rows as a table that is seen at once. */
void story_table(struct story_page *p, enum story_part part, const char *caption);

void story_fail(struct story_page *p, int ret);

/* Where connections may be missing. -ENOMEM. */
int story_bands(struct story_page *p);

/* The parts, each a section or two. */
void story_put_time(struct story_page *p);
void story_put_failures(struct story_page *p);
void story_put_parties(struct story_page *p);
void story_put_map(struct story_page *p);
void story_put_connect(struct story_page *p);
void story_put_lives(struct story_page *p);

/* By what story.js knows the party @i: a letter and a number. */
void story_put_key(FILE *out, const struct parties *parties, int i);

/* " data-with=..." of a set of parties, to @out. */
void story_put_with(FILE *out, const struct parties *parties, const uint64_t *with);

#endif
