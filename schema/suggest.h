/*
 * suggest.h - "did you mean ...?" for a word that is in none of our tables.
 *
 *	struct suggestion s = {.word = "fialures"};
 *	for each candidate: suggest_try(&s, candidate);
 *	return suggest_error(&s, err, "report", "...");
 */
#ifndef CONNMON_SUGGEST_H
#define CONNMON_SUGGEST_H

#include "err.h"

struct suggestion {
	const char *word; /* borrowed */
	const char *best; /* borrowed; NULL while no candidate is near enough */
	unsigned best_cost;
};

/* Also what other programs call so is near: see synonym.h. */
void suggest_try(struct suggestion *s, const char *candidate);

/* Fills *err with: unknown WHAT "WORD"; did you mean "BEST"?  Without a near
 * candidate @otherwise follows the semicolon. Returns -EINVAL. */
int suggest_error(const struct suggestion *s, struct err *err, const char *what,
		  const char *otherwise);

/* How many single-letter changes lead from @a to @b: insert, delete, replace, swap
 * two neighbours. Words longer than 63 bytes are compared by their beginning. */
unsigned suggest_distance(const char *a, const char *b);

#endif
