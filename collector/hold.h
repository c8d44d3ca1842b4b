/*
 * hold.h - the locks of SQLite's one writer, taken once and never let go: else who may just read
 * the database could keep the collector from writing, for a lock on a byte of the shm needs no
 * more than to open it. Part of the store.
 *
 * In the shm, https://www.sqlite.org/walformat.html (2.3.1): WAL_WRITE_LOCK is byte 120,
 * WAL_CKPT_LOCK 121.
 */
#ifndef CONNMON_HOLD_H
#define CONNMON_HOLD_H

#include <sqlite3.h>
#include <stdbool.h>
#include <sys/types.h>

#include "err.h"

/* From now on every database that this process opens by SQLite keeps these locks, once it has
 * them. For a process that opens each only once, and is its only writer. */
int hold_all(struct err *err);

/* Takes what @db does not have yet. -EBUSY: somebody has it. Does nothing without hold_all(). */
int hold_take(sqlite3 *db, struct err *err);

/* Who holds a lock that the writer of the database @path needs to begin, though just to read: no
 * SQLite does that for longer than a moment. Not for a database that this process has open. */
bool hold_find_intruder(const char *path, pid_t *pid);

#endif
