/* vfs.h - the file system as SQLite sees it, with calls that fail when they are told to. */
#ifndef CONNMON_FAULT_VFS_H
#define CONNMON_FAULT_VFS_H

#include <stdbool.h>

enum vfs_call {
	VFS_READ = 1,
	VFS_WRITE = 2,
	VFS_SYNC = 4,
	VFS_TRUNCATE = 8,
	VFS_LOCK = 16,
	VFS_SHM = 32, /* mapped or locked */
	VFS_OPEN = 64,
	VFS_OTHER = 128, /* a call of vfs_meet() */
};

enum vfs_fault {
	VFS_EIO,
	VFS_FULL,  /* the disk is */
	VFS_SHORT, /* the same, after half of it was written */
	VFS_KILL,  /* instead of it, the process is killed */
};

/* Puts it between SQLite and the file system, for the whole program. */
void vfs_install(void);

/* The @n-th of @calls (bits) fails, and with @lasting all those after it until vfs_mend(). */
void vfs_break(unsigned int calls, enum vfs_fault fault, unsigned int n, bool lasting);
void vfs_mend(void);

/* For what is not SQLite's and may fail, or be a place to be killed at, too: whether it fails. */
bool vfs_meet(void);

/* Whether it has come to that since vfs_break(). */
bool vfs_broke(void);

/* Whether a WAL that is open holds what was not synced: a power cut may lose that. And how many
 * were closed so. */
bool vfs_unsynced(void);
unsigned int vfs_left_unsynced(void);

#endif
