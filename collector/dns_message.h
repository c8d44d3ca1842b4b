/*
 * dns_message.h - reads the answer to a DNS query as the claim it is: which addresses it gives for
 * the name that was asked for. Pure.
 *
 * The bytes may be anybody's. Facts: RFC 1035 4.1 (header, question, records, compression: a
 * pointer leads to a prior place, so each must lead further back than the one before it, and there
 * is no loop), 2.3.4 (a label has at most 63 bytes, a name 255, lengths included), 2.3.3 (upper and
 * lower case are the same); RFC 6891 6.1.1 (EDNS stands in the additional section, which is not
 * read).
 */
#ifndef CONNMON_DNS_MESSAGE_H
#define CONNMON_DNS_MESSAGE_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "escape.h"

#define DNS_PORT     53
#define DNS_MAX_NAME 255 /* bytes in a message */
#define DNS_MAX_TEXT                                                                               \
	253 /* of such a name without escapes; one that is longer with them is refused */
#define DNS_NAME_SIZE	ESCAPED_SIZE(DNS_MAX_NAME)
#define DNS_MAX_RECORDS 512 /* of an answer; one with more is refused */
#define DNS_MAX_CHAIN	16  /* names from the one that was asked for to the addresses */

/* What became of a packet; the later, the worthier to be told of one that holds several messages.
 */
enum dns_verdict {
	DNS_COPY,   /* another interface showed it before */
	DNS_PASSED, /* in order, and without an address for the name that was asked for */
	DNS_FRAGMENT,
	DNS_CUT, /* a part only of what was sent */
	DNS_MALFORMED,
	DNS_USED,
	DNS_VERDICTS,
};

struct dns_address {
	int family;	      /* 4 or 6 */
	struct in6_addr addr; /* of IPv4 the first 4 bytes, the others 0 */
};

struct dns_answer {
	/* What was asked for: lower case, without the last dot; escaped, a dot within a label as
	 * \x2e. */
	char name[DNS_NAME_SIZE];
	struct dns_address address[DNS_MAX_RECORDS]; /* v4-mapped ones as IPv4 */
	int n;
};

/* Fills in *@out when it returns DNS_USED. Else DNS_PASSED, DNS_CUT or DNS_MALFORMED. */
enum dns_verdict dns_message_read(const uint8_t *message, size_t len, struct dns_answer *out);

#endif
