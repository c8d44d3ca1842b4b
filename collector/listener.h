/* listener.h - a socket that waits for connections, as the collector passes it on.
 * Plain data; times as in connection.h. */
#ifndef CONNMON_LISTENER_H
#define CONNMON_LISTENER_H

#include "connection.h"

struct listener {
	uint64_t cookie;      /* its name: no other socket of this boot has it */
	uint64_t cgroup_id;   /* the socket's; 0: unknown */
	struct owner owner;   /* pid 0: unknown */
	struct in6_addr addr; /* IPv4: the first 4 bytes, the rest zero */
	int64_t from_boot_ns; /* when it began, or was met */
	int64_t to_boot_ns;   /* 0: still listening */
	uint32_t netns;
	uint16_t port;
	uint8_t family; /* 4 or 6 */
	bool up;	/* of an event: it begins, else it ends */
	int64_t row;	/* in table listener; 0: none yet */
};

#endif
