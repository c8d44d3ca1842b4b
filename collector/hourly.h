/*
 * hourly.h - totals of what is over: of each hour, and of the last five minutes and those
 * before (series.h). Part of the store.
 */
#ifndef CONNMON_HOURLY_H
#define CONNMON_HOURLY_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* Sums of five minutes are made and kept for about two hours: what begins or ends within an hour
 * and is not older is then answered by them, and by rows only for what they do not cover at
 * either end. */
#define RECENT_US   300000000LL
#define RECENT_KEPT 24

struct hourly;

/* @db is borrowed, and has no transaction open now. */
int hourly_new(sqlite3 *db, struct hourly **out, struct err *err);
void hourly_free(struct hourly *h); /* NULL is allowed */

void hourly_set_room(struct hourly *h, size_t max_keys); /* as series_set_room() */

/* Goes on for about @budget_ns, as series_step(); with 0 for one step of it. */
int hourly_step(struct hourly *h, int64_t now_us, int64_t budget_ns, struct err *err);

int64_t hourly_floor_us(const struct hourly *h); /* as series_floor_us() */

#endif
