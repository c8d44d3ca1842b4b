/*
 * watch.h - ends a question that takes too long, or that Ctrl-C ends, whatever SQLite is doing.
 *
 * SQLite looks for sqlite3_interrupt() between the steps of its own machine. A sort, a
 * pattern or the planning of a wild statement may take seconds within one step. So first it
 * is asked to stop, and what has not ended soon after ends the program: a reader has nothing
 * that must be left in order.
 *
 * Between watch_begin() and watch_end() SIGINT and SIGALRM are ours. One at a time.
 */
#ifndef CONNMON_WATCH_H
#define CONNMON_WATCH_H

#include <sqlite3.h>
#include <stdint.h>

#include "err.h"

/* Called by a signal handler when SQLite does not stop, so it may call but what is safe there,
 * and must end the program. @words is what to print, NULL after Ctrl-C. NULL: to go on waiting;
 * then the second Ctrl-C is lost, too. */
extern void (*watch_give_up)(const char *words);

/* For a prompt, which is to go on: the first Ctrl-C and the end of the time only interrupt. */
void watch_be_patient(void);

/* From now on @timeout_us (0: any time) may pass. */
void watch_begin(int64_t timeout_us);

/* What is to be interrupted; NULL before it is closed. */
void watch_db(sqlite3 *db);

/* The question has ended with @ret. Returns that, or -EINTR after Ctrl-C, or -ETIMEDOUT with
 * what to do when it failed because its time was over. */
int watch_end(int ret, struct err *err);

#endif
