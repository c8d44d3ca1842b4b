#include "who.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "escape.h"

#define COMM_LEN 16 /* the kernel's TASK_COMM_LEN, its NUL included */

void who_is(pid_t pid, char *out, size_t size)
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
