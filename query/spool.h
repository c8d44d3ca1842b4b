/*
 * spool.h - bytes that are added at the end and read again: the first MiB in memory, what is
 * more in a file that has no name, so that the system takes it back whatever happens. It is
 * made in $TMPDIR, else /var/tmp, else /tmp, as SQLite does it for what it sorts: /tmp may
 * be memory.
 */
#ifndef CONNMON_SPOOL_H
#define CONNMON_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define SPOOL_MEMORY_BYTES (1u << 20)

/* All zero but for fd, which is -1: empty. */
struct spool {
	int fd;		  /* -1 as long as all is in memory */
	uint64_t in_file; /* bytes; what follows them is in memory */
	char *memory;
	size_t used, room; /* of memory */
};

#define SPOOL_EMPTY ((struct spool){.fd = -1})

/* Adds @len bytes. -ENOMEM; -ENOSPC and the like when the file cannot take them. */
int spool_add(struct spool *s, const void *bytes, size_t len, struct err *err);

/* All that was added. */
uint64_t spool_size(const struct spool *s);

/* Copies @len bytes from @at on, which must all be there. -EIO and the like. */
int spool_read(const struct spool *s, uint64_t at, char *out, size_t len, struct err *err);

void spool_release(struct spool *s); /* leaves it empty */

#endif
