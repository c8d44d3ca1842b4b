#include "manager_env.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Digits and nothing else, up to @most: what is more is @most. */
static bool read_number(const char *text, int64_t most, int64_t *out)
{
	int64_t n = 0;

	if (!text || !*text || text[strspn(text, "0123456789")] != '\0')
		return false;
	for (; *text; text++) {
		const int digit = *text - '0';

		if (n > most / 10 || digit > most - n * 10)
			n = most;
		else
			n = n * 10 + digit;
	}
	*out = n;
	return true;
}

static bool is_for(const char *pid, pid_t self)
{
	int64_t n;

	return read_number(pid, INT64_MAX, &n) && n == self;
}

int manager_env_fds(const char *listen_pid, const char *listen_fds, pid_t self, int most)
{
	int64_t n;

	return is_for(listen_pid, self) && read_number(listen_fds, most, &n) ? (int)n : 0;
}

const char *manager_env_name(const char **names, size_t *len)
{
	const char *name = *names;

	*len = strcspn(name, ":");
	*names += *len + (name[*len] == ':');
	return name;
}

int64_t manager_env_watchdog_ns(const char *watchdog_pid, const char *watchdog_usec, pid_t self)
{
	int64_t us;

	if ((watchdog_pid && !is_for(watchdog_pid, self)) ||
	    !read_number(watchdog_usec, INT64_MAX / 1000, &us))
		return 0;
	return us * 1000;
}

int manager_env_socket(const char *path, struct sockaddr_un *out, socklen_t *len, struct err *err)
{
	const size_t n = strlen(path);

	if ((*path != '/' && *path != '@') || n >= sizeof(out->sun_path))
		return err_set(err, -EINVAL, "$NOTIFY_SOCKET: '%s' is no path of a socket", path);
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(out->sun_path, path, n);
	if (*path == '@') /* without a file */
		out->sun_path[0] = '\0';
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	return 0;
}
