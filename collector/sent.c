#include "sent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_LINE "connmon-forward 1\n"
#define NAME	   "\nlast_id "
#define LAST_LINE  "\nend\n"
#define MAX_BYTES  4096

int sent_read(const char *path, int64_t *id)
{
	char text[MAX_BYTES];
	const char *at;
	char *end;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0) {
		n = -errno;
		close(fd);
		return (int)n;
	}
	close(fd);
	text[n] = '\0';
	at = strstr(text, NAME);
	if (strncmp(text, FIRST_LINE, strlen(FIRST_LINE)) != 0 || !strstr(text, LAST_LINE) || !at)
		return -EINVAL;
	*id = strtoll(at + strlen(NAME), &end, 10);
	return *end == '\n' ? 0 : -EINVAL;
}
