/*
 * dns_claim.h - which name an address had at a moment, of those that DNS answers claimed.
 *
 * Of each name there are the first answer, the last one and how many there were; of what came
 * between nothing is kept. The rule:
 *
 *   1. A name that was answered before the moment can be it, and none that was answered only
 *      later: nobody connects by an answer that comes later. But where the clocks of packets and
 *      connections differ, an answer may seem to be later, by DNS_CLAIM_SLACK_US at most.
 *   2. A name whose last answer is at most DNS_CLAIM_HOLD_US before the moment, or after it, goes
 *      first; then what seems to be later; then what was last answered earlier. That still counts,
 *      however old: a program may keep an address for as long as it runs.
 *   3. Of several, it is the one that was answered last before the moment. Of a name that was
 *      answered before and after, that time is taken to be as long before as lies between two
 *      of its answers on average, but not before the first.
 *   4. Else the one that comes first in the alphabet.
 */
#ifndef CONNMON_DNS_CLAIM_H
#define CONNMON_DNS_CLAIM_H

#include <stdint.h>

#define DNS_CLAIM_SLACK_US INT64_C(2000000)
#define DNS_CLAIM_HOLD_US  INT64_C(300000000)

/* Beyond are no moments, so that sums of them do not overflow. */
#define DNS_CLAIM_MAX_US (INT64_C(1) << 60)

struct dns_claim {
	const char *name;
	int64_t first_us, last_us; /* 0 to DNS_CLAIM_MAX_US, as is a moment */
	int64_t answers;
};

/* Of the @n claims of one address the one that held at @at_us; NULL when none did. */
const struct dns_claim *dns_claim_at(const struct dns_claim *claims, int n, int64_t at_us);

#endif
