#include "who.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "escape.h"

#define COMM_LEN 16 /* the kernel's TASK_COMM_LEN, its NUL included */

static bool read_of(pid_t pid, const char *file, char *out, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, out, size - 1);
	if (fd >= 0)
		close(fd);
	out[n > 0 ? n : 0] = '\0';
	return n > 0;
}

void who_is(pid_t pid, char *out, size_t size)
{
	char comm[COMM_LEN + 1], safe[ESCAPED_SIZE(COMM_LEN)] = "", status[1024], user[32] = "";
	const char *uid;

	if (pid == 0) {
		snprintf(out, size, "a process that cannot be seen from here");
		return;
	}
	if (read_of(pid, "comm", comm, sizeof(comm)))
		escape_text(comm, strcspn(comm, "\n"), safe, sizeof(safe));
	/* The name above it has its line feeds escaped. */
	if (read_of(pid, "status", status, sizeof(status)) && (uid = strstr(status, "\nUid:\t")))
		snprintf(user, sizeof(user), ", user %lu", strtoul(uid + 6, NULL, 10));
	snprintf(out, size, "process %d (%s%s)", (int)pid, *safe ? safe : "its name is not known",
		 user);
}
