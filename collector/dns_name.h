/* dns_name.h - an address that was answered for a name, as the store writes it, and the account of
 * the packets that said so. */
#ifndef CONNMON_DNS_NAME_H
#define CONNMON_DNS_NAME_H

#include <stdint.h>

#include "dns_message.h"

struct dns_name {
	struct dns_address address;
	struct dns_address server; /* where the answer came from */
	int64_t first_boot_ns, last_boot_ns;
	uint64_t answers; /* since it was written last */
	const char *name; /* as of struct dns_answer */
};

/* Of packets from port 53, since the run began. The columns of dns_account. */
struct dns_counters {
	uint64_t verdict[DNS_VERDICTS]; /* packets read */
	uint64_t dropped;		/* not read: the kernel had no room */
	uint64_t overflow;		/* names that found no room */
};

#endif
