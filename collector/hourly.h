/*
 * hourly.h - totals of finished hours: hourly and hourly_program, made from connection in
 * small steps behind a watermark (extent.totals_until_hour). Part of the store.
 *
 * An hour's rows are read by key and summed in memory (tally.h), then the sums are written, first
 * those by peer, and the last transaction moves the watermark. Nothing else is
 * kept: what a crash leaves half written is written over when the hour is done anew.
 */
#ifndef CONNMON_HOURLY_H
#define CONNMON_HOURLY_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct hourly;

/* @db is borrowed, and has no transaction open now. */
int hourly_new(sqlite3 *db, struct hourly **out, struct err *err);
void hourly_free(struct hourly *h); /* NULL is allowed */

/* How many sums are kept in memory at a time: 2 to 2^24; as it is made 64 K, which is 11 MB. */
void hourly_set_room(struct hourly *h, size_t max_keys);

/* Goes on for about @budget_ns, outside of any transaction; with 0 for HOURLY_READ_ROWS rows of
 * connection or one transaction. What ended before @now_us has its row by now. Returns 1 when
 * there is more to do, 0 when not; negative as store_write(): to be tried again. */
int hourly_step(struct hourly *h, int64_t now_us, int64_t budget_ns, struct err *err);
#define HOURLY_READ_ROWS  256
#define HOURLY_WRITE_ROWS 1000 /* in one transaction */

/* No row may get a key below this one: the hours before are finished, whatever the wall
 * clock says. */
int64_t hourly_floor_us(const struct hourly *h);

#endif
