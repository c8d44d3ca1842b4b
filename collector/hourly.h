/*
 * hourly.h - totals of finished hours: hourly and hourly_program, made from connection in
 * small steps behind a watermark (extent.totals_until_hour). Part of the store.
 */
#ifndef CONNMON_HOURLY_H
#define CONNMON_HOURLY_H

#include <sqlite3.h>
#include <stdint.h>

#include "err.h"

struct hourly;

/* @db is borrowed. */
int hourly_new(sqlite3 *db, struct hourly **out, struct err *err);
void hourly_free(struct hourly *h); /* NULL is allowed */

/* Goes on for about @budget_ns, outside of any transaction. Returns 1 when there is more to
 * do, 0 when not; negative as store_write(): to be tried again. */
int hourly_step(struct hourly *h, int64_t now_us, int64_t budget_ns, struct err *err);

/* No row may get a key below this one: the hours before are finished, whatever the wall
 * clock says. */
int64_t hourly_floor_us(const struct hourly *h);

#endif
