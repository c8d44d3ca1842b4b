/*
 * locks.h - who holds which lock on a file, as /proc/locks tells everybody. So no file need be
 * opened, which others than root could not, nor be closed, which would drop SQLite's own locks.
 */
#ifndef CONNMON_LOCKS_H
#define CONNMON_LOCKS_H

#include <stdbool.h>
#include <sys/types.h>

/* The collector that records to the database @db_path, by its lock file; a killed one holds none
 * any more. False: none does, or it cannot be seen from here, as in another pid namespace. */
bool locks_find_collector(const char *db_path, pid_t *pid);

/* One of those, this process apart, who have a read transaction open on it: they keep its WAL
 * from being used again. Most are gone a moment later. */
bool locks_find_reader(const char *db_path, pid_t *pid);

#endif
