/*
 * dns_names.h - names and addresses that were seen lately: what is new is written with the next
 * flush, what is only seen again about once a minute, all together, for a row that is renewed costs
 * a page of the database (measured: a sixth of the bytes of writing them as they come).
 *
 * Bounded: DNS_NAMES_HELD names, of which DNS_NAMES_NEW may be new in a flush. What finds no room
 * is counted, and comes with its next answer.
 */
#ifndef CONNMON_DNS_NAMES_H
#define CONNMON_DNS_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "dns_name.h"

#define DNS_NAMES_HELD	16384
#define DNS_NAMES_BYTES (8u << 20) /* what they take at most, all together */
#define DNS_NAMES_NEW	4096	   /* which bounds what a flood of answers writes */

struct dns_names;

struct dns_names *dns_names_new(uint64_t seed); /* NULL: no memory */
void dns_names_free(struct dns_names *names);	/* NULL is allowed */

/* @server said so @at_boot_ns. Returns how many of its addresses found no room. */
int dns_names_add(struct dns_names *names, const struct dns_answer *answer,
		  const struct dns_address *server, int64_t at_boot_ns);

/* What is to be written now; @all: also what was seen again since, however lately. Borrowed until
 * the next call of any of these functions. Returns how many. */
size_t dns_names_unwritten(struct dns_names *names, int64_t now_boot_ns, bool all,
			   const struct dns_name *const **out);

/* All that dns_names_unwritten() told is in the database. */
void dns_names_written(struct dns_names *names);

/* The database is another one, which knows none of them. */
void dns_names_forget_rows(struct dns_names *names);

#endif
