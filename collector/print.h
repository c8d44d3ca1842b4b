/* print.h - the live view: one line for each connection attempt, as it happens. */
#ifndef CONNMON_PRINT_H
#define CONNMON_PRINT_H

#include <stdint.h>
#include <stdio.h>

#include "connection.h"

void print_header(FILE *out);

/* Local time, process, and the ends: what this node opens as "->" to the peer's
 * port, what it accepts as "<-" at its own. Flushed at once; the caller looks at
 * ferror(). @at_boot_ns + @offset_ns is the wall clock. */
void print_connection(FILE *out, const struct connection *c, int64_t at_boot_ns, int64_t offset_ns);

#endif
