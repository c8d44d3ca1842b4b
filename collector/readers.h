/*
 * readers.h - who keeps a read transaction open on the database, and so keeps its WAL from
 * being used again: whoever holds one of SQLite's locks for readers on the shm.
 */
#ifndef CONNMON_READERS_H
#define CONNMON_READERS_H

#include <stdbool.h>
#include <sys/types.h>

struct readers {
	int fd; /* of the shm; -1: not opened yet */
};

#define READERS_NONE ((struct readers){.fd = -1})

/* One of them into *@pid, outside of any transaction of ours; 0: nobody that this process can
 * see, in another pid namespace say. False: there is none.
 *
 * @path is the database, which this process has open with SQLite. The shm is then kept open, too:
 * to close it would drop SQLite's locks on it. */
bool readers_find(struct readers *r, const char *path, pid_t *pid);

/* After the database was closed. */
void readers_close(struct readers *r);

#endif
