/*
 * place.h - where the database is: in a folder that nobody else may write, as regular files of
 * our own. Root writes there, so nobody must be able to have it write elsewhere.
 */
#ifndef CONNMON_PLACE_H
#define CONNMON_PLACE_H

#include <limits.h>
#include <stdbool.h>

#include "err.h"
#include "privilege.h"

/*
 * What @path leads to, into @real: absolute and without links. Every folder on the way must belong
 * to root, to us, to who we become (@who) or to who called sudo, and nobody else may write it; one
 * as /tmp, where each may remove only what is his own, may be on the way. Links must belong to
 * them, too. -EPERM with what to do; -ENOENT when a folder is missing.
 */
int place_find(const char *path, const struct privilege *who, char real[PATH_MAX], struct err *err);

/* The database @real, its -wal, -shm, -journal and its lock file are, if they exist, regular files
 * of ours that have no second name and that nobody else may write. -EPERM with what to do. */
int place_check(const char *real, const struct privilege *who, struct err *err);

/* Makes the database, empty, @who's, if it does not exist. Returns 1 when it did: then nobody else
 * can open it, nor what SQLite makes beside it, until place_share(). */
int place_make(const char *real, const struct privilege *who, struct err *err);

/* Now that all locks are ours, the group may read it: 0640. */
void place_share(const char *real);

/* Gives all these files to @who. */
int place_give(const char *real, const struct privilege *who, struct err *err);

/* Whether the folder of @real is for the database alone, as far as one can see: it holds no other
 * folder. */
bool place_is_own(const char *real);

/* The folder of @real. */
void place_folder(const char *real, char folder[PATH_MAX]);

#endif
