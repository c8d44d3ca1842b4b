/* live.h - a report that is asked again and again, with what has changed since: --watch. */
#ifndef CONNMON_LIVE_H
#define CONNMON_LIVE_H

#include <stdint.h>

#include "err.h"
#include "request.h"

/* Whether --watch goes with what else is asked for, and standard output is a terminal: a
 * failure is a usage error. */
int live_check(const struct request *q, struct err *err);

/* Draws the report of @q until q or Ctrl-C (-EINTR). @now tells the time, in microseconds since
 * the epoch. What the first question fails with ends it; what a later one does is shown, and
 * the next is asked. */
int live_show(struct request *q, int64_t (*now)(void), struct err *err);

#endif
