/*
 * cgroup.h - a cgroup's number -> its path, also of one that is gone.
 *
 * Cgroup v2 only: on a host that has both versions, its part of them. The number is also
 * the inode number of the cgroup's folder and its file handle, so that there are three
 * ways to the path: what was told when the cgroup was made or removed, a walk of the tree
 * at the start, and, for what was not told, open_by_handle_at (CAP_DAC_READ_SEARCH).
 *
 * Paths are raw, and begin with "/": below the mount.
 */
#ifndef CONNMON_CGROUP_H
#define CONNMON_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "decode.h"

#define ROOT_CGROUP_ID 1

struct cgroup_path;

struct cgroups {
	struct cgroup_path *live; /* hash tables by number, the oldest first; bounded */
	struct cgroup_path *gone;
	int mount_fd; /* of the cgroup v2 file system; -1: none */
};

void cgroups_init(struct cgroups *cs); /* without cgroup v2 no path is found */
void cgroups_clear(struct cgroups *cs);

/* Learns all that are there now, and calls @each (unless NULL) for them. */
void cgroups_walk(struct cgroups *cs, void (*each)(void *ctx, uint64_t id, const char *path),
		  void *ctx);

/* Takes note of a cgroup that was made or removed. @path is "" when it was not told. */
void cgroups_made(struct cgroups *cs, uint64_t id, const char *path);
void cgroups_removed(struct cgroups *cs, uint64_t id, const char *path);

/* Writes the path of @id, "" when it is not to be had. */
void cgroups_path(const struct cgroups *cs, uint64_t id, char path[CGROUP_PATH_LEN]);

#endif
