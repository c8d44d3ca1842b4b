/*
 * container.h - a cgroup's number -> its path -> the container it belongs to: whose, and
 * what people call it. What is found once is kept, so that a container which is gone
 * keeps its name.
 */
#ifndef CONNMON_CONTAINER_H
#define CONNMON_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "cgroup.h"
#include "container_name.h"

struct container {
	uint64_t cgroup_id;
	const char *runtime; /* NULL: no container; see container_path.h */
	/* Escaped; owned. "": there is none, or it is not to be had. */
	char *path;  /* of the cgroup, below the mount */
	char *name;  /* as its runtime calls it, else of its id the first 12 digits */
	char *id;    /* the runtime's, whole */
	char *pod;   /* namespace/name, else its uid */
	int64_t row; /* in table container; 0: not known; store's */
	UT_hash_handle hh;
};

struct containers {
	struct container *table; /* by cgroup_id, the oldest first; bounded */
	struct cgroups cgroups;
	struct name_reader *names; /* NULL: none are read */
};

void containers_init(struct containers *cs); /* without cgroup v2 all paths stay "" */

/* Learns of the cgroups and containers that are there. */
void containers_scan(struct containers *cs);

/* The entry of @cgroup_id, valid until the next call; NULL for the root cgroup, for
 * 0 (unknown), and when memory is short. */
struct container *containers_get(struct containers *cs, uint64_t cgroup_id);

/* Takes note of a cgroup that was made (@path below the mount, raw) or removed. */
void containers_changed(struct containers *cs, uint64_t cgroup_id, bool made, const char *path);

/* Forgets all rows: the transaction that made them was rolled back. */
void containers_forget_rows(struct containers *cs);

void containers_clear(struct containers *cs);

#endif
