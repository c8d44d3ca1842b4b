/* disk.h - a small file system for the database alone, in a mount namespace of ours, that can be
 * filled and given room again. */
#ifndef CONNMON_DISK_H
#define CONNMON_DISK_H

#include "node.h"

enum disk_kind {
	DISK_TMPFS, /* is made as small as what is in it, and enlarged */
	DISK_EXT4,  /* in a file; another file fills it, and is removed */
	DISK_QUOTA, /* of a btrfs in a file; another file uses it up, and it is raised */
};

struct disk {
	enum disk_kind kind;
	char mounted[72], folder[80], image[80];
	int quota_mib;
};

/* Mounts it in n->folder, and puts n->db_path on it. Fails when this machine cannot. */
void disk_make(struct disk *d, enum disk_kind kind, struct node *n);

/* Not a byte more can be written, or there is room again. */
void disk_fill(struct disk *d);
void disk_free(struct disk *d);

void disk_remove(struct disk *d);

#endif
