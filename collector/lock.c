#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int lock_database(const char *db_path, struct err *err)
{
	/* Not on the database itself: SQLite keeps its own locks there. A lock of
	 * fcntl() and not of flock(), for it names its holder. */
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char real[PATH_MAX], path[PATH_MAX];
	int fd;

	/* By whatever name the database is called. */
	if (!realpath(db_path, real))
		return err_set(err, -errno, "%s: %s", db_path, strerror(errno));
	if (snprintf(path, sizeof(path), "%s.lock", real) >= (int)sizeof(path))
		return err_set(err, -ENAMETOOLONG, "%s: the path is too long", db_path);
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (fcntl(fd, F_SETLK, &lock) == 0)
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
