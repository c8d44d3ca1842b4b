#include "suggest.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "synonym.h"

#define MAX_WORD 63

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* The optimal string alignment distance, row by row: before[] is two rows up. */
unsigned suggest_distance(const char *a, const char *b)
{
	unsigned rows[3][MAX_WORD + 1];
	unsigned *before = rows[0], *above = rows[1], *row = rows[2];
	size_t n = strnlen(a, MAX_WORD), m = strnlen(b, MAX_WORD);

	for (size_t j = 0; j <= m; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *spare = before;

		before = above;
		above = row;
		row = spare;
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			row[j] = min3(above[j] + 1, row[j - 1] + 1,
				      above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
	}
	return row[m];
}

void suggest_try(struct suggestion *s, const char *candidate)
{
	size_t len = strnlen(s->word, MAX_WORD);
	size_t worst = len / 3 + 1; /* a third of the word may be wrong */
	unsigned cost;

	/* A part of a long name, as in "destinations", is nearer than its distance says. */
	if (synonym_of(s->word, candidate) || !strcasecmp(s->word, candidate))
		cost = 0;
	else if (len >= 3 && strstr(candidate, s->word))
		cost = 1;
	else
		cost = suggest_distance(s->word, candidate);
	if (cost <= worst && cost < len && (!s->best || cost < s->best_cost)) {
		s->best = candidate;
		s->best_cost = cost;
	}
}

int suggest_error(const struct suggestion *s, struct err *err, const char *what,
		  const char *otherwise)
{
	if (s->best)
		return err_set(err, -EINVAL, "unknown %s \"%s\"; did you mean \"%s\"?", what,
			       s->word, s->best);
	return err_set(err, -EINVAL, "unknown %s \"%s\"; %s", what, s->word, otherwise);
}
