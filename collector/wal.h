/*
 * wal.h - how long the WAL may become, and who makes it long: a reader whose transaction
 * stays open keeps all that was written since from being written back. Part of the store.
 */
#ifndef CONNMON_WAL_H
#define CONNMON_WAL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "note.h"

struct wal;

/* @db is borrowed, *@note copied. WAL and shm may have @room bytes together; 0: no bound. */
int wal_new(sqlite3 *db, uint64_t room, const struct note *note, struct wal **out, struct err *err);
void wal_free(struct wal *w); /* after db_close(), see readers.h; NULL is allowed */

/* Whether half of its room is taken, although it was tried to write it back. A reader that is
 * in the way is noted once in 30 s. */
bool wal_is_long(struct wal *w);

/* Before a transaction that writes about @bytes. -EMLINK: there is no room for it. */
int wal_make_room(struct wal *w, uint64_t bytes, struct err *err);

/* What was committed before this survives a power cut. -EIO: the disk would not say so. */
int wal_sync(sqlite3 *db, struct err *err);

/* Writes it back, if nobody is in the way, and gives its space back. */
bool wal_truncate(struct wal *w);

/* The same for the database @path that was set aside, if nobody reads it any more, it takes no more
 * than a moment, and its files grow by no more than @room bytes meanwhile. True: they take less
 * room now. */
bool wal_fold(const char *path, uint64_t room);

#endif
