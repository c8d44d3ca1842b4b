#include "full.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* SQLite has one table of system calls for the whole process; so this is of it, too. */
static bool by_quota;

static ssize_t seen(ssize_t n)
{
	if (n < 0 && (errno == EDQUOT || errno == ENOSPC)) {
		by_quota = errno == EDQUOT;
		errno = ENOSPC;
	}
	return n;
}

static ssize_t write_seen(int fd, const void *from, size_t n)
{
	return seen(write(fd, from, n));
}

static ssize_t pwrite_seen(int fd, const void *from, size_t n, off_t at)
{
	return seen(pwrite(fd, from, n, at));
}

static ssize_t pwrite64_seen(int fd, const void *from, size_t n, off64_t at)
{
	return seen(pwrite64(fd, from, n, at));
}

void full_watch(void)
{
	static const struct {
		const char *name;
		sqlite3_syscall_ptr call;
	} calls[] = {
		{"write", (sqlite3_syscall_ptr)write_seen},
		{"pwrite", (sqlite3_syscall_ptr)pwrite_seen},
		{"pwrite64", (sqlite3_syscall_ptr)pwrite64_seen},
	};
	sqlite3_vfs *vfs = sqlite3_vfs_find("unix");

	/* Those that this SQLite does not use it does not have. */
	for (size_t i = 0; vfs && vfs->iVersion >= 3 && i < sizeof(calls) / sizeof(calls[0]); i++)
		if (vfs->xGetSystemCall(vfs, calls[i].name))
			vfs->xSetSystemCall(vfs, calls[i].name, calls[i].call);
}

const char *full_words(void)
{
	return by_quota ? FULL_QUOTA : FULL_DISK;
}
