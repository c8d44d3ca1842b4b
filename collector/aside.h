/*
 * aside.h - a database that cannot be gone on with is set aside: renamed together with
 * its WAL and shm, so that nothing of it is lost and its name is free for a new one.
 */
#ifndef CONNMON_ASIDE_H
#define CONNMON_ASIDE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "note.h"

#define ASIDE_CORRUPT "corrupt" /* it is damaged */
#define ASIDE_PINNED  "pinned"	/* a reader's snapshot keeps its WAL from being reused */

#define ASIDE_WHY_SIZE 16

/*
 * Renames the database @path, which nobody here has open, to "<its real path>.<@why>-<UTC time>",
 * as in h.db.corrupt-20260131T100000Z, which is put into @name; -wal and -shm likewise. A file of
 * that name is never overwritten: then the name is that of a later second.
 * @now_us: microseconds since the epoch. *@from_us: when the file was made, as far as the
 * file system knows, at most @now_us. Errors: what rename() says;
 * then aside_finish() does what is left.
 */
int aside_move(const char *path, const char *why, int64_t now_us, char name[PATH_MAX],
	       int64_t *from_us, struct err *err);

/*
 * Does the rest of aside_move() when that was killed, or failed, after it had renamed the database:
 * the WAL goes where the database went. To be called before one is made, for SQLite deletes the
 * WAL of an empty database. Where nothing is left over it does nothing.
 */
int aside_finish(const char *path, struct err *err);

/*
 * Of the newest database that was set aside for @path: why, and when that began, as far as the file
 * system and its name know, microseconds since the epoch. False: there is none.
 */
bool aside_newest(const char *path, char why[ASIDE_WHY_SIZE], int64_t *from_us);

/* Of those that were set aside so for @why, keeps the newest @keep, and notes each that is
 * removed. What cannot be listed or removed stays. */
void aside_keep(const char *path, const char *why, unsigned int keep, const struct note *n);

#endif
