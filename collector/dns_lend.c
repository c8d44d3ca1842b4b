#include "dns_lend.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "dns_socket.h"

#define KEPT_AS "names" /* by the service manager */

int dns_lent(const struct manager *manager)
{
	return manager ? manager_get(manager, KEPT_AS) : -ENOENT;
}

int dns_lend(struct manager *manager, struct err *err)
{
	const int node = open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC);
	int fd, ret;

	if (node < 0 || setns(node, CLONE_NEWNET) != 0) {
		ret = err_set(err, -errno, "the network namespace of process 1: %s",
			      strerror(errno));
		if (node >= 0)
			close(node);
		return ret;
	}
	close(node);
	fd = dns_socket_make();
	if (fd < 0)
		return err_set(err, fd, "opening a packet socket: %s", strerror(-fd));
	/* Instead of that of an earlier start. */
	manager_forget_one(manager, KEPT_AS);
	ret = manager_keep(manager, KEPT_AS, fd);
	manager_wait(manager);
	close(fd);
	return ret ? err_set(err, ret, "giving a socket to the service manager: %s", strerror(-ret))
		   : 0;
}
