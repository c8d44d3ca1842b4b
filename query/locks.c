#include "locks.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* In the shm, https://www.sqlite.org/walformat.html (2.3.1, WAL_READ_LOCK): 0 to 4. */
#define FIRST_READ_LOCK 123
#define LAST_READ_LOCK	127

/* "1: POSIX  ADVISORY  WRITE 18606 fe:00:11044813 120 120"; the end may be EOF. */
static bool holds(const char *line, const struct stat *file, long first, long last, pid_t *pid)
{
	unsigned int its_major, its_minor;
	unsigned long long inode;
	char end[24];
	long from, to;
	int holder;

	if (sscanf(line, "%*d: %*s %*s %*s %d %x:%x:%llu %ld %23s", &holder, &its_major, &its_minor,
		   &inode, &from, end) != 6)
		return false;
	to = strcmp(end, "EOF") == 0 ? LONG_MAX : strtol(end, NULL, 10);
	if (inode != file->st_ino || from > last || to < first || holder == getpid())
		return false;
	/* stat() names a subvolume of btrfs, a layer of overlayfs by a device of its own. */
	if (makedev(its_major, its_minor) != file->st_dev && major(file->st_dev) != 0)
		return false;
	*pid = holder;
	return true;
}

static bool find(const char *db_path, const char *ending, long first, long last, pid_t *pid)
{
	char real[PATH_MAX], path[PATH_MAX], line[256];
	struct stat file;
	bool found = false;
	FILE *f;

	if (!realpath(db_path, real) ||
	    snprintf(path, sizeof(path), "%s%s", real, ending) >= (int)sizeof(path) ||
	    stat(path, &file) != 0)
		return false;
	f = fopen("/proc/locks", "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = holds(line, &file, first, last, pid);
	if (f)
		fclose(f);
	return found;
}

bool locks_find_collector(const char *db_path, pid_t *pid)
{
	return find(db_path, ".lock", 0, LONG_MAX, pid);
}

bool locks_find_reader(const char *db_path, pid_t *pid)
{
	return find(db_path, "-shm", FIRST_READ_LOCK, LAST_READ_LOCK, pid);
}
