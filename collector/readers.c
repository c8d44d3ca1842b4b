#include "readers.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "connection.h"
#include "escape.h"

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

void readers_describe(pid_t pid, char *out, size_t size)
{
	char path[64], comm[COMM_LEN + 1] = "", safe[ESCAPED_SIZE(COMM_LEN)] = "";
	ssize_t n;
	int fd;

	if (pid == 0) {
		snprintf(out, size, "a process that cannot be seen from here");
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, comm, COMM_LEN);
	if (fd >= 0)
		close(fd);
	if (n > 0)
		escape_text(comm, strcspn(comm, "\n"), safe, sizeof(safe));
	snprintf(out, size, "process %d (%s)", (int)pid, *safe ? safe : "its name is not known");
}

void readers_close(struct readers *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}
