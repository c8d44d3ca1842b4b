#include "manager.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "manager_env.h"

#define FIRST_FD 3 /* sd_listen_fds(3) */

/* ---- what it hands over ---- */

static void take_one(struct manager *m, int fd, const char *name, size_t len)
{
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (m->n_kept == MANAGER_KEPT || len >= MANAGER_NAME_MAX) {
		close(fd);
		return;
	}
	m->kept[m->n_kept] = (struct kept){.fd = fd};
	memcpy(m->kept[m->n_kept++].name, name, len);
}

static void take_over(struct manager *m)
{
	const char *given = getenv("LISTEN_FDNAMES"), *names = given ? given : "";
	const int n =
		manager_env_fds(getenv("LISTEN_PID"), getenv("LISTEN_FDS"), getpid(), MANAGER_KEPT);

	for (int fd = FIRST_FD; fd < FIRST_FD + n; fd++) {
		size_t len;
		const char *name = manager_env_name(&names, &len);

		take_one(m, fd, name, len);
	}
}

/* ---- the way to it ---- */

static int connect_to(const char *path, struct err *err)
{
	struct sockaddr_un address;
	socklen_t len;
	int fd, ret;

	ret = manager_env_socket(path, &address, &len, err);
	if (ret)
		return ret;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ret = fd < 0 ? -1 : connect(fd, (struct sockaddr *)&address, len);
	if (ret == 0)
		return fd;
	ret = err_set(err, -errno, "$NOTIFY_SOCKET: %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ret;
}

int manager_open(struct manager *m, struct err *err)
{
	const char *path = getenv("NOTIFY_SOCKET");

	*m = (struct manager){.fd = -1};
	take_over(m);
	if (path)
		m->fd = connect_to(path, err);
	if (path && m->fd < 0)
		return err->code;
	if (path)
		m->watchdog_ns = manager_env_watchdog_ns(getenv("WATCHDOG_PID"),
							 getenv("WATCHDOG_USEC"), getpid());
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return 0;
}

void manager_close(struct manager *m)
{
	for (int i = 0; i < m->n_kept; i++)
		close(m->kept[i].fd);
	if (m->fd >= 0)
		close(m->fd);
	*m = (struct manager){.fd = -1};
}

void manager_tell(const struct manager *m, const char *state)
{
	if (m->fd >= 0 && write(m->fd, state, strlen(state)) < 0)
		return; /* it is busy, or gone: nothing we do depends on it */
}

void manager_tell_ready(const struct manager *m)
{
	manager_tell(m, "READY=1");
	if (m->fd >= 0)
		fcntl(m->fd, F_SETFL, O_NONBLOCK);
}

void manager_tell_status(const struct manager *m, const char *text)
{
	char state[1024];

	snprintf(state, sizeof(state), "STATUS=%s", text);
	for (char *at = state; *at; at++)
		if ((unsigned char)*at < ' ')
			*at = ' '; /* a new line would begin another variable */
	manager_tell(m, state);
}

/* ---- what it keeps ---- */

static int send_with(const struct manager *m, const char *state, int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec text = {.iov_base = (char *)state, .iov_len = strlen(state)};
	struct msghdr message = {
		.msg_iov = &text,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.room),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(m->fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int manager_get(const struct manager *m, const char *name)
{
	for (int i = 0; i < m->n_kept; i++)
		if (!strcmp(m->kept[i].name, name)) {
			int fd = fcntl(m->kept[i].fd, F_DUPFD_CLOEXEC, 0);

			return fd < 0 ? -errno : fd;
		}
	return -ENOENT;
}

int manager_keep(struct manager *m, const char *name, int fd)
{
	char state[MANAGER_NAME_MAX + 64];
	int own, ret;

	if (m->n_kept == MANAGER_KEPT || strlen(name) >= MANAGER_NAME_MAX)
		return -ENOSPC;
	/* Without FDPOLL=0 it would let go of a map at once: poll() says POLLERR of one. */
	snprintf(state, sizeof(state), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
	ret = send_with(m, state, fd);
	own = ret ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own >= 0)
		take_one(m, own, name, strlen(name));
	return ret;
}

void manager_forget_one(struct manager *m, const char *name)
{
	char state[MANAGER_NAME_MAX + 64];

	snprintf(state, sizeof(state), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	manager_tell(m, state);
}

void manager_forget(struct manager *m, const char *prefix)
{
	int left = 0;

	for (int i = 0; i < m->n_kept; i++) {
		if (strncmp(m->kept[i].name, prefix, strlen(prefix)) != 0) {
			m->kept[left++] = m->kept[i];
			continue;
		}
		manager_forget_one(m, m->kept[i].name);
		close(m->kept[i].fd);
	}
	m->n_kept = left;
}

void manager_wait(const struct manager *m)
{
	int ends[2];
	struct pollfd closed = {0};

	if (m->fd < 0 || pipe2(ends, O_CLOEXEC) != 0)
		return;
	/* It closes its copy when it has come to this message. */
	if (send_with(m, "BARRIER=1", ends[1]) == 0) {
		close(ends[1]);
		closed.fd = ends[0];
		poll(&closed, 1, 5000);
	} else {
		close(ends[1]);
	}
	close(ends[0]);
}
