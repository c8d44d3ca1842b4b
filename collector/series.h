/*
 * series.h - totals of intervals of one width that are over, made from connection in small
 * steps behind a watermark, in the table extent. Part of the store; hourly.c says which there
 * are.
 *
 * An interval's rows are read by key and summed in memory (tally.h), then the sums are written,
 * first those by peer, and the last transaction moves the watermark. Nothing else is kept: what
 * a crash leaves half written is written over when the interval is done anew.
 */
#ifndef CONNMON_SERIES_H
#define CONNMON_SERIES_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct series_kind {
	int64_t width_us;
	int64_t kept;	  /* intervals that are wanted; what is older is not made. 0: all are */
	bool peers_in;	  /* what comes in has sums by peer, too */
	const char *what; /* for messages */
	/* SQL: asks for the watermark; sets it to ?1, and what there is nothing before to ?2 (0: no
	 * change); puts a row of either table. */
	const char *until, *set_marks, *put_peer, *put_program;
};

struct series;

/* @db is borrowed, and has no transaction open now. */
int series_new(sqlite3 *db, const struct series_kind *kind, struct series **out, struct err *err);
void series_free(struct series *s); /* NULL is allowed */

/* What @from sums is taken over by @to, whose intervals are longer, so that it need not read
 * those rows again: as long as it can, from memory. @to is borrowed. */
void series_feed(struct series *from, struct series *to);

/* How many sums are kept in memory at a time: 2 to 2^24; as it is made 64 K, which is 11 MB. */
void series_set_room(struct series *s, size_t max_keys);

/* A step, outside of any transaction: at most SERIES_READ_ROWS rows of connection or one
 * transaction. What ended before @now_us has its row by now. Returns 1 when there is more to do,
 * 0 when not; negative as store_write(): to be tried again. */
int series_step(struct series *s, int64_t now_us, struct err *err);
#define SERIES_READ_ROWS  256
#define SERIES_WRITE_ROWS 1000 /* in one transaction */

/* No row may get a key below this one: the intervals before are finished, whatever the wall
 * clock says. */
int64_t series_floor_us(const struct series *s);

#endif
