/*
 * ahead.h - what is known of a long interval that is not over yet: the sums of shorter ones
 * within it, so that their rows need not be read again (series.c). Pure.
 */
#ifndef CONNMON_AHEAD_H
#define CONNMON_AHEAD_H

#include <stddef.h>
#include <stdint.h>

#include "tally.h"

/* Zeroed but for the first two. */
struct ahead {
	int64_t width_us;    /* of a long one; a multiple of that of the short ones */
	size_t max_keys;     /* in memory */
	struct tally *tally; /* NULL: nothing is known */
	int64_t until_us;    /* what ended before, in a long interval, was added to the tally */
};

void ahead_clear(struct ahead *a);

/* In @from are all rows that ended from @begin_us on and before @end_us, and there is none from
 * @empty_us up to there. If it is in parts, nothing of its long interval is known any more. */
void ahead_add(struct ahead *a, const struct tally *from, int64_t empty_us, int64_t begin_us,
	       int64_t end_us);

/* What is known of the long interval that begins at @begin_us, which is then the caller's to go on
 * with from *@until_us; NULL: nothing. */
struct tally *ahead_take(struct ahead *a, int64_t begin_us, int64_t *until_us);

#endif
