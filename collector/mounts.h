/* mounts.h - the text of /proc/self/mounts (proc(5), getmntent(3)) -> what is mounted where. Pure;
 * what somebody calls a folder stands there. */
#ifndef CONNMON_MOUNTS_H
#define CONNMON_MOUNTS_H

#include <stdbool.h>
#include <stdio.h>

/* Whether @path, which is absolute, is where no server and no other process can keep us waiting: by
 * the type of the last of those that are mounted deepest above it. */
bool mounts_is_local(FILE *mounts, const char *path);

/* Where the first file system of @type is mounted, into @out; false: nowhere, or it does not fit.
 */
bool mounts_find(FILE *mounts, const char *type, char *out, size_t size);

#endif
