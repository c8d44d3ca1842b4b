#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* By whatever name the database is called. @gone: by the one that it had. */
static int lock_path(const char *db_path, bool gone, char path[PATH_MAX], struct err *err)
{
	char real[PATH_MAX] = "";

	if (!realpath(db_path, real) && !(gone && errno == ENOENT))
		return err_set(err, -errno, "%s: %s", db_path, strerror(errno));
	if (snprintf(path, PATH_MAX, "%s.lock", real) >= PATH_MAX)
		return err_set(err, -ENAMETOOLONG, "%s: the path is too long", db_path);
	return 0;
}

/* Nobody has removed it before we got the lock. */
static bool is_still(const char *path, int fd)
{
	struct stat there, here;

	return stat(path, &there) == 0 && fstat(fd, &here) == 0 && there.st_ino == here.st_ino &&
	       there.st_dev == here.st_dev;
}

int lock_database(const char *db_path, struct err *err)
{
	/* Not on the database itself: SQLite keeps its own locks there. A lock of
	 * fcntl() and not of flock(), for it names its holder. */
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[PATH_MAX];
	int fd, ret = lock_path(db_path, false, path, err);

	if (ret)
		return ret;
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (fcntl(fd, F_SETLK, &lock) == 0 && is_still(path, fd))
		return fd;
	if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
		err_set(err, -EBUSY,
			"%s: another collector, pid %d, is recording to it; stop "
			"that one, or name another file with --db",
			db_path, (int)lock.l_pid);
	else
		err_set(err, -EBUSY,
			"%s: another collector was recording to it a moment ago; "
			"try again",
			db_path);
	close(fd);
	return err->code;
}

void lock_remove(const char *db_path)
{
	char path[PATH_MAX];
	struct err ignored;

	if (lock_path(db_path, true, path, &ignored) == 0)
		unlink(path);
}
