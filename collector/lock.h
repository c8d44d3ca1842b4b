/* lock.h - one collector for one database. */
#ifndef CONNMON_LOCK_H
#define CONNMON_LOCK_H

#include "err.h"

/*
 * Takes the lock file of an existing database, "<its real path>.lock", which nobody
 * else can open. Returns a
 * descriptor that holds the lock until it is closed (or the process ends); the
 * file itself stays. -EBUSY with the holder's pid when another collector has it.
 */
int lock_database(const char *db_path, struct err *err);

/* Removes the lock file of a database that is gone; by who holds the lock, and before it is let
 * go. */
void lock_remove(const char *db_path);

#endif
