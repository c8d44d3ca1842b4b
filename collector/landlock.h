/*
 * landlock.h - which files can still be opened: the kernel refuses all others, whoever owns them.
 * https://docs.kernel.org/userspace-api/landlock.html
 */
#ifndef CONNMON_LANDLOCK_H
#define CONNMON_LANDLOCK_H

#include <stddef.h>

#include "err.h"

enum landlock_may {
	LANDLOCK_READ,	       /* files and folders below it, or the file itself */
	LANDLOCK_WRITE_FILE,   /* read and write this file */
	LANDLOCK_WRITE_FOLDER, /* and make, rename and remove files in it */
};

struct landlock_path {
	const char *path; /* one that does not exist is passed over */
	enum landlock_may may;
};

/* The version of Landlock that this kernel has; 0: none. */
int landlock_version(void);

/* For good: only these, no TCP socket (since version 4), no signal to others (6). After
 * no_new_privs. -ENOTSUP when the kernel has no Landlock. */
int landlock_enter(const struct landlock_path *paths, size_t n, struct err *err);

#endif
