#include "ahead.h"

void ahead_clear(struct ahead *a)
{
	tally_free(a->tally);
	a->tally = NULL;
}

static int64_t begin_of(const struct ahead *a, int64_t us)
{
	return us / a->width_us * a->width_us;
}

/* Whether all that ended before @begin_us, in its long interval, is known. */
static bool is_known(const struct ahead *a, int64_t empty_us, int64_t begin_us)
{
	return a->tally && begin_of(a, a->until_us - 1) == begin_of(a, begin_us) &&
	       a->until_us >= empty_us;
}

void ahead_add(struct ahead *a, const struct tally *from, int64_t empty_us, int64_t begin_us,
	       int64_t end_us)
{
	struct err ignored;

	if (!is_known(a, empty_us, begin_us)) {
		ahead_clear(a);
		if (empty_us > begin_of(a, begin_us) ||
		    tally_new(a->max_keys, &a->tally, &ignored) != 0)
			return;
	}
	a->until_us = end_us;
	if (!tally_is_whole(from) || tally_merge(from, a->tally, true, &ignored) != 0)
		ahead_clear(a);
}

struct tally *ahead_take(struct ahead *a, int64_t begin_us, int64_t *until_us)
{
	struct tally *tally = a->tally;

	if (!tally || begin_of(a, a->until_us - 1) != begin_us)
		return NULL;
	*until_us = a->until_us;
	a->tally = NULL;
	return tally;
}
