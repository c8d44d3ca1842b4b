#include "readers.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

/* In the shm, https://www.sqlite.org/walformat.html (2.3.1, WAL_READ_LOCK). */
#define FIRST_READ_LOCK 123
#define N_READ_LOCKS	5

bool readers_find(struct readers *r, const char *path, pid_t *pid)
{
	/* Of the open file, not of the process: so it also sees what this process holds by
	 * another handle. */
	struct flock lock = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = FIRST_READ_LOCK,
		.l_len = N_READ_LOCKS,
	};
	char shm[PATH_MAX];

	if (r->fd < 0 && snprintf(shm, sizeof(shm), "%s-shm", path) < (int)sizeof(shm))
		r->fd = open(shm, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0 || fcntl(r->fd, F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
		return false;
	*pid = lock.l_pid > 0 ? lock.l_pid : 0;
	return true;
}

void readers_close(struct readers *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}
