#include "dns_claim.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum rank { OLD, SEEMS_LATER, CURRENT };

static enum rank rank_of(const struct dns_claim *c, int64_t at_us)
{
	if (c->first_us > at_us)
		return SEEMS_LATER;
	return at_us <= c->last_us + DNS_CLAIM_HOLD_US ? CURRENT : OLD;
}

/* When it was last answered before the moment; else how long after, turned round. */
static int64_t answered_us(const struct dns_claim *c, int64_t at_us)
{
	int64_t between_us, guess_us;

	if (c->first_us > at_us)
		return at_us - c->first_us;
	if (c->last_us <= at_us)
		return c->last_us;
	between_us = (c->last_us - c->first_us) / (c->answers > 2 ? c->answers - 1 : 1);
	guess_us = at_us - between_us;
	return guess_us > c->first_us ? guess_us : c->first_us;
}

static bool is_better(const struct dns_claim *a, const struct dns_claim *b, int64_t at_us)
{
	enum rank a_rank = rank_of(a, at_us), b_rank = rank_of(b, at_us);
	int64_t a_us = answered_us(a, at_us), b_us = answered_us(b, at_us);

	if (a_rank != b_rank)
		return a_rank > b_rank;
	return a_us != b_us ? a_us > b_us : strcmp(a->name, b->name) < 0;
}

const struct dns_claim *dns_claim_at(const struct dns_claim *claims, int n, int64_t at_us)
{
	const struct dns_claim *best = NULL;

	for (int i = 0; i < n; i++) {
		const struct dns_claim *c = &claims[i];

		if (c->first_us <= at_us + DNS_CLAIM_SLACK_US &&
		    (!best || is_better(c, best, at_us)))
			best = c;
	}
	return best;
}
