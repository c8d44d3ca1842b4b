/*
 * regularity.h - how regular moments come, as RITA (github.com/activecm/rita, "timestamp
 * score" of its beacon analysis) scores it: the mean of two numbers from 0 to 1 over the
 * intervals between them,
 *
 *	1 - |(Q1 + Q3 - 2 Q2) / (Q3 - Q1)|    Bowley's skewness: late as often as early?
 *	1 - MAD / Q2, at least 0              median absolute deviation: how far off the median?
 *
 * where Q1, Q2 and Q3 are the quartiles. Both are robust: some that are missed or come twice
 * do not spoil it. The first says nothing of quartiles that lie close together, and is 1 then:
 * in RITA closer than 10 s; here, with intervals of any length, than a tenth of the median.
 */
#ifndef CONNMON_REGULARITY_H
#define CONNMON_REGULARITY_H

#include <stddef.h>
#include <stdint.h>

#define REGULARITY_MIN 4 /* moments: with fewer there are no quartiles to speak of */

struct regularity {
	double interval; /* the median, in the unit of the moments */
	double score;	 /* 0 to 1; 0 when all are the same moment */
};

/* Of at least two moments, in any order; they are overwritten. */
struct regularity regularity_of(int64_t *moments, size_t n);

#endif
