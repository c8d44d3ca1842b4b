/* check.h - whether this machine has all that the collector needs, each with the remedy. */
#ifndef CONNMON_CHECK_H
#define CONNMON_CHECK_H

#include <stdbool.h>

#include "options.h"

struct check_line {
	const char *need;
	enum { CHECK_OK, CHECK_NOTE, CHECK_FAIL } state; /* CHECK_NOTE: it can be done without */
	char text[560];
};

/* Calls @each with a line for each need. Nothing on the disk is made or changed; the programs are
 * attached for a moment. Returns how many failed. */
int check_all(const struct options *o, void (*each)(void *ctx, const struct check_line *line),
	      void *ctx);

#endif
