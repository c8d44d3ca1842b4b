/* who.h - which process that is, for a message. */
#ifndef CONNMON_WHO_H
#define CONNMON_WHO_H

#include <stddef.h>
#include <sys/types.h>

/* "process 12 (sqlite3, user 1000)", fit for a terminal; of 0: one that cannot be seen from here,
 * in another pid namespace say. */
void who_is(pid_t pid, char *out, size_t size);

#endif
