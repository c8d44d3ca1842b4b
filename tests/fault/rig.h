/*
 * rig.h - the whole collector but for its kernel side, on a clock that stands still unless it is
 * moved: what it is told is known, so what it must have recorded is, too.
 *
 * fake.c stands in for probe.c, clock.c and netns.c. A play is always the same: two runs of the
 * collector one after the other, with processes, containers, listeners, connections that end and
 * that stay open, and a wall clock that is set. Between them a test lets something fail.
 */
#ifndef CONNMON_RIG_H
#define CONNMON_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector.h"

struct rig {
	char folder[64];
	char path[96]; /* of the database */
	/* Called when something has failed and is tried again for the third time: what fails for
	 * long is mended then. */
	void (*mend)(void);
	/* Called in the middle of the first run, and between the two. */
	void (*midway)(struct rig *r);
	void (*between)(struct rig *r);
	/* How far the wall clock is set in each phase. */
	int64_t (*step_ns)(struct rig *r);
	bool durable;
	const char *words;     /* in each message of a failure; NULL: any */
	unsigned int failures; /* messages of things that failed */
	unsigned int notes;    /* what else was said; of one kind never twice in 30 s */
	bool unfinished;       /* a run could not write all at its end, and said so */
};

void rig_setup(struct rig *r); /* its folder */
void rig_teardown(struct rig *r);

/* Plays, from an empty folder on or with what is in it. */
void rig_play(struct rig *r);

void rig_play_once(struct rig *r); /* the first run alone */

/* Asserts that all files are in order, and over all of them each connection of the play is
 * there exactly once, and nothing else; that what is open is open, and each account adds up.
 * @words: for the message, what had been done to it. */
void rig_assert_whole(struct rig *r, const char *words);

/* The same of what happened after rig_mark(), whether the database was set aside then or not: from
 * that moment on. How many were is the answer. Of one that was not, places that nobody reads may be
 * damaged. */
unsigned int rig_assert_goes_on(struct rig *r, const char *words);
void rig_mark(void);

/* A number out of the database at @path. */
long rig_number(const char *path, const char *sql);

/* Which of a long list of places to try: all of them with CONNMON_FAULT_ALL in the environment,
 * else every @stride-th from a begin that CONNMON_FAULT_SEED says (0). */
struct rig_places {
	unsigned int next, stride;
};
struct rig_places rig_places(unsigned int stride);

#endif
