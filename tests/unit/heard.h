/* heard.h - a service manager for one test: a socket that gets what is said, and is given
 * descriptors (sd_notify(3)). */
#ifndef CONNMON_HEARD_H
#define CONNMON_HEARD_H

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* cmocka set-up and tear-down: *state is the socket's descriptor. It has a name without a file. */
static inline int heard_setup(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int *out = malloc(sizeof(*out));
	int len = snprintf(address.sun_path, sizeof(address.sun_path), "@connmon-unit-%d",
			   (int)getpid());

	assert_non_null(out);
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	address.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path)) + (socklen_t)len),
			 0);
	*out = fd;
	*state = out;
	return 0;
}

static inline int heard_teardown(void **state)
{
	close(*(int *)*state);
	free(*state);
	return 0;
}

/* The next message, and the descriptor that came with it, or -1. */
static inline int heard_next(int fd, char text[512], int *given)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec into = {.iov_base = text, .iov_len = 511};
	struct msghdr message = {.msg_iov = &into,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control.room)};
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&message);

	*given = -1;
	if (c)
		memcpy(given, CMSG_DATA(c), sizeof(*given));
	text[n < 0 ? 0 : n] = '\0';
	return n < 0 ? -1 : 0;
}

static inline void assert_heard(int fd, const char *expected)
{
	char text[512];
	int given;

	assert_int_equal(heard_next(fd, text, &given), 0);
	assert_string_equal(text, expected);
	assert_int_equal(given, -1);
}

static inline void assert_nothing_heard(int fd)
{
	char text[512];
	int given;

	if (heard_next(fd, text, &given) == 0)
		fail_msg("it said \"%s\"", text);
}

#endif
