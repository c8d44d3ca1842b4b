/*
 * container.h - a cgroup's number -> its path -> the container it belongs to.
 *
 * The number of a cgroup (v2) is also its file handle in the cgroup file system,
 * so that its path can be had without walking the tree; needs CAP_DAC_READ_SEARCH.
 */
#ifndef CONNMON_CONTAINER_H
#define CONNMON_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "decode.h"
#include "escape.h"

#define CONTAINER_NAME_LEN 64
#define ROOT_CGROUP_ID	   1

struct container {
	uint64_t cgroup_id;
	char *path;	     /* below the mount, escaped; "" when it is gone */
	const char *runtime; /* NULL: no container */
	char name[ESCAPED_SIZE(CONTAINER_NAME_LEN)]; /* escaped; "" when no container */
	int64_t row;				     /* in table container; 0: not known; store's */
	UT_hash_handle hh;
};

struct containers {
	struct container *table;
	int mount_fd; /* of the cgroup v2 file system; -1: none */
};

void containers_init(struct containers *cs); /* without cgroup v2 all paths stay "" */

/* The entry of @cgroup_id, valid until the next call; NULL for the root cgroup, for
 * 0 (unknown), and when memory is short. */
struct container *containers_get(struct containers *cs, uint64_t cgroup_id);

/* Takes note of a cgroup that was made (@path below the mount, raw) or removed. */
void containers_changed(struct containers *cs, uint64_t cgroup_id, bool made, const char *path);

/* Forgets all rows: the transaction that made them was rolled back. */
void containers_forget_rows(struct containers *cs);

void containers_clear(struct containers *cs);

/* Recognises the container in a cgroup path, as docker, containerd, CRI-O, podman,
 * LXC and systemd-nspawn name theirs. Neither text is escaped. @name needs CONTAINER_NAME_LEN + 1
 * bytes: of an id the first 12 digits. Pure. */
bool container_parse(const char *path, const char **runtime, char *name);

#endif
