/*
 * span.h - from when to when a report asks, in the words there are for it:
 *
 *	--since TIME --until TIME    TIME as in timespec.h, or "boot"
 *	--last 1h                    --since 1h --until now
 *	--at 03:20 --around 5m       from 03:15 to 03:25
 *	--cursor-file FILE           what ended since the last run, see cursor.h
 *
 * A time of day that is still to come is yesterday's, for who asks at 09:00 about 23:50 means
 * last night. That of --until is today's when --since is: it may well be a little ahead.
 *
 * "boot" is the last boot of the node that the history knows of: the history may be another
 * node's, so it is found in the database, once that is open.
 */
#ifndef CONNMON_SPAN_H
#define CONNMON_SPAN_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "options.h"
#include "report.h"

/* Adds --last, --at and --around as @span_group, --cursor-file as @window_group. */
void span_add_options(struct option_set *set, unsigned span_group, unsigned window_group);

/* Sets since and until in @out. -EINVAL with the option's name and what is wrong, or when
 * two that are given exclude each other. */
int span_read(const struct report *report, const struct options *given, int64_t now_us,
	      struct report_args *out, struct err *err);

/* Makes moments of what counts from the boot. -ENODATA when the history knows of no boot;
 * REPORT_USAGE when since is then after until. */
int span_settle(const struct report *report, struct report_args *args, sqlite3 *db,
		struct err *err);

/* Whether something counts from the boot still. */
bool span_is_open(const struct report_args *args);

/* Sets both, as numbers and as the report's parameters. */
void span_set(const struct report *report, struct report_args *args, int64_t since_us,
	      int64_t until_us);

#endif
