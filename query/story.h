/*
 * story.h - one page about what a node did: the rows of several reports, all of one moment, and
 * charts of them. To add a part, write a row in story.c, and in story_page.c what becomes of it.
 */
#ifndef CONNMON_STORY_H
#define CONNMON_STORY_H

#include <stdio.h>

#include "coverage.h"
#include "embed.h"
#include "err.h"
#include "parties.h"
#include "request.h"
#include "rows.h"

/* What it asks that no report does, in the form of one (report.h); "story" is what the command
 * says of itself. */
extern const struct embed query_story[]; /* generated */

enum story_part {
	STORY_SUMMARY,
	STORY_TIMELINE,
	STORY_FAILED,	/* by how, over time */
	STORY_FAILURES, /* by whom */
	STORY_PROGRAMS,
	STORY_CONTAINERS,
	STORY_DESTINATIONS,
	STORY_CLIENTS,
	STORY_CONNECT,
	STORY_NEW,
	STORY_LONG,
	STORY_OPEN,
	STORY_GAPS,
	STORY_PARTS,
};

/* All zero but for the request: not asked yet. */
struct story {
	struct request *q;
	struct rows *rows[STORY_PARTS];
	struct parties parties;
	struct coverage coverage;
	int64_t every_us; /* how long a column over time is */
};

/* Asks all of it, in one read transaction; what only the database knows of the window is then
 * set in the request. Fails as ask_report() does. */
int story_ask(struct story *s, struct err *err);

/* Writes the page. -ENOSPC and the like. */
int story_write(const struct story *s, FILE *out, struct err *err);

void story_release(struct story *s);

#endif
