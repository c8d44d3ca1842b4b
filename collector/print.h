/* print.h - the live view: one line for each connection attempt, as it happens. */
#ifndef CONNMON_PRINT_H
#define CONNMON_PRINT_H

#include <stdint.h>
#include <stdio.h>

#include "connection.h"

struct print {
	FILE *out;	  /* borrowed */
	uint64_t skipped; /* lines since the last one shown */
};

void print_header(struct print *p);

/* Local time, process, and the ends: what this node opens as "->" to the peer's
 * port, what it accepts as "<-" at its own. Flushed at once; the caller looks at
 * ferror(). @at_boot_ns + @offset_ns is the wall clock. An output that takes no more
 * for now (a pager, a stopped terminal) does not hold us up: the line is skipped, and
 * how many were is told as soon as it takes some again. */
void print_connection(struct print *p, const struct connection *c, int64_t at_boot_ns,
		      int64_t offset_ns);

#endif
