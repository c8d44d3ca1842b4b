/*
 * timespec.h - moments as people write them, and back. A moment is in microseconds
 * since the Unix epoch, from 1970 to the year 9999; a duration is in microseconds.
 *
 *	90s 15m 1h 7d 2w                    that long ago
 *	now today yesterday                 the last two: midnight, local time
 *	10:30 10:30:15                      today, local time; but see timespec_parse_past()
 *	2026-01-31 '2026-01-31 10:00[:00]'  local time; T may stand for the blank
 *	2026-01-31T10:00:00.5Z ...+02:00    RFC 3339
 *	@1769853600                         seconds since the epoch
 *
 * Local time is that of $TZ. A local time that a clock change skips or repeats is
 * taken as mktime() takes it. "now" is passed in, so that tests need no clock.
 */
#ifndef CONNMON_TIMESPEC_H
#define CONNMON_TIMESPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

#define US_PER_S INT64_C(1000000)

/* Room for timespec_format(). */
#define TIMESPEC_SIZE 40

int timespec_parse(const char *text, int64_t now_us, int64_t *out_us, struct err *err);

/* The same, but a time of day that is still to come is yesterday's; then *@shifted. */
int timespec_parse_past(const char *text, int64_t now_us, int64_t *out_us, bool *shifted,
			struct err *err);

/* 90s 15m 1h 7d 2w; a number needs its unit. */
int timespec_parse_duration(const char *text, int64_t *out_us, struct err *err);

/* Of what length, in microseconds, the parts of a window of @width_us should be: round, and some
 * dozens of them. */
int64_t timespec_interval(int64_t width_us);

enum timespec_style {
	TIMESPEC_LOCAL,	  /* 2026-01-31 11:00:00.123 */
	TIMESPEC_UTC,	  /* 2026-01-31 10:00:00.123Z */
	TIMESPEC_RFC3339, /* 2026-01-31T10:00:00.123Z, UTC, as the views have it */
};

/* As people read it, who asked for UTC or not. */
static inline enum timespec_style timespec_for_people(bool utc)
{
	return utc ? TIMESPEC_UTC : TIMESPEC_LOCAL;
}

/* Whether it is one at all: what a file holds may be any number. */
bool timespec_is_moment(int64_t us);

/* Writes a moment to @out, rounded to milliseconds as SQLite does; the bare number
 * when it is out of range. Returns @out. */
const char *timespec_format(int64_t us, enum timespec_style style, char out[TIMESPEC_SIZE]);

/* The same without milliseconds, cut. */
const char *timespec_format_s(int64_t us, enum timespec_style style, char out[TIMESPEC_SIZE]);

#endif
