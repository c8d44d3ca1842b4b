#include "sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "stage.h"

static void parse_v6(const char *addr, struct sockaddr_in6 *out)
{
	const char *device = strchr(addr, '%');
	char number[INET6_ADDRSTRLEN];

	snprintf(number, sizeof(number), "%.*s", (int)strcspn(addr, "%"), addr);
	must(inet_pton(AF_INET6, number, &out->sin6_addr) == 1);
	if (device)
		out->sin6_scope_id = if_nametoindex(device + 1);
	must(!device || out->sin6_scope_id);
}

socklen_t make_address(const char *addr, int port, struct sockaddr_storage *out)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, addr, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof(*v4);
	}
	parse_v6(addr, v6);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	return sizeof(*v6);
}

int open_socket(const char *addr)
{
	struct sockaddr_storage sa;
	int fd;

	make_address(addr, 0, &sa);
	fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(fd >= 0);
	return fd;
}

int listen_at(const char *addr, int port)
{
	struct sockaddr_storage sa;
	socklen_t len = make_address(addr, port, &sa);
	int fd = open_socket(addr);

	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	must(bind(fd, (struct sockaddr *)&sa, len) == 0);
	must(listen(fd, 128) == 0);
	return fd;
}

int try_connect(int fd, const char *addr, int port)
{
	struct sockaddr_storage sa;
	socklen_t len = make_address(addr, port, &sa);

	return connect(fd, (struct sockaddr *)&sa, len) ? errno : 0;
}

int dial(const char *addr, int port)
{
	int fd = open_socket(addr);

	errno = try_connect(fd, addr, port);
	must(errno == 0);
	return fd;
}

int accept_one(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	must(fd >= 0);
	return fd;
}

int local_port(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	must(getsockname(fd, (struct sockaddr *)&sa, &len) == 0);
	/* The port stands at the same place in both families. */
	return ntohs(((struct sockaddr_in *)&sa)->sin_port);
}

void send_bytes(int fd, long n)
{
	static const char zeros[65536];

	while (n > 0) {
		ssize_t sent = send(fd, zeros, n < 65536 ? n : 65536, MSG_NOSIGNAL);

		must(sent > 0);
		n -= sent;
	}
}

void receive_bytes(int fd, long n)
{
	char buf[65536];

	while (n > 0) {
		ssize_t got = recv(fd, buf, n < 65536 ? n : 65536, 0);

		must(got > 0);
		n -= got;
	}
}

void wait_for_end(int fd)
{
	char byte;

	must(recv(fd, &byte, 1, 0) == 0);
}

void set_option(int fd, int level, int name, int value)
{
	must(setsockopt(fd, level, name, &value, sizeof(value)) == 0);
}

void reset_on_close(int fd)
{
	struct linger now = {.l_onoff = 1};

	must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) == 0);
}

void make_channel(int ends[2])
{
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
}

/* A message of one byte with room for one file. */
struct parcel {
	char byte;
	struct iovec io;
	struct msghdr message;
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} rights; /* the last, as the head ends in an array of no size */
};

static void parcel_init(struct parcel *p)
{
	memset(p, 0, sizeof(*p));
	p->io = (struct iovec){.iov_base = &p->byte, .iov_len = 1};
	p->message.msg_iov = &p->io;
	p->message.msg_iovlen = 1;
	p->message.msg_control = &p->rights;
	p->message.msg_controllen = sizeof(p->rights);
}

void pass_on(int channel, int fd)
{
	struct parcel p;

	parcel_init(&p);
	p.rights.head.cmsg_level = SOL_SOCKET;
	p.rights.head.cmsg_type = SCM_RIGHTS;
	p.rights.head.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&p.rights.head), &fd, sizeof(fd));
	must(sendmsg(channel, &p.message, 0) == 1);
	close(fd);
}

int take_over(int channel)
{
	struct parcel p;
	int fd;

	parcel_init(&p);
	must(recvmsg(channel, &p.message, MSG_CMSG_CLOEXEC) == 1);
	must(p.rights.head.cmsg_type == SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(&p.rights.head), sizeof(fd));
	return fd;
}
