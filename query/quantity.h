/*
 * quantity.h - numbers as people write them, in the unit of a column (see render.h):
 *
 *	_us      200us 5ms 1.5s 2m 1h 7d 2w; bare: microseconds
 *	_bytes   512 10K 1.5M 2G, as the tables show them: K is 1024; a B or iB may follow
 *	_pct     5 or 5%
 *	others   10, 2.5, 10k, 3M: k is 1000
 */
#ifndef CONNMON_QUANTITY_H
#define CONNMON_QUANTITY_H

#include <stdbool.h>

/* Reads @text for the column @name. False when it is no number of that kind. */
bool quantity_parse(const char *text, const char *name, double *out);

#endif
