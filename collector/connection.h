/*
 * connection.h - one TCP connection attempt, as the collector passes it on:
 * decode fills it, track completes it, store writes it. Plain data.
 *
 * Times are nanoseconds on the clock that runs since boot (CLOCK_BOOTTIME);
 * store turns them into wall-clock time.
 */
#ifndef CONNMON_CONNECTION_H
#define CONNMON_CONNECTION_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "history.h"

#define COMM_LEN 16  /* the kernel's TASK_COMM_LEN, its NUL included */
#define EXE_LEN	 512 /* a longer path of a program is not kept */

/* A process when it connected. pid 0: unknown. */
struct owner {
	uint64_t start_boot_ns;
	uint64_t cgroup_id; /* 0: unknown */
	uint64_t parent_start_boot_ns;
	uint32_t pid;
	uint32_t ppid;
	uint32_t uid;
	uint32_t exec_id; /* one more with each exec: names the program; a fork has its parent's */
	/* NUL-terminated, raw: may hold any other byte. */
	char comm[COMM_LEN];   /* the process's */
	char thread[COMM_LEN]; /* that of the thread which acted */
};

#define MIN_RTT_NONE UINT32_MAX

struct connection {
	uint64_t id; /* unique within a boot */
	uint64_t cookie;
	uint64_t cgroup_id;	     /* the socket's; 0: unknown */
	int64_t start_boot_ns;	     /* negative: before this boot */
	int64_t established_boot_ns; /* 0: never, or not seen */
	int64_t accepted_boot_ns;    /* 0: never, or not seen */
	int64_t end_boot_ns;	     /* 0: still open */
	uint64_t tx_bytes;
	uint64_t rx_bytes;
	struct owner owner;
	struct owner closer;
	struct in6_addr local_addr; /* IPv4: the first 4 bytes, the rest zero */
	struct in6_addr peer_addr;
	uint32_t netns;
	uint32_t retransmits;
	uint32_t srtt_us; /* 0: none measured */
	uint32_t min_rtt_us;
	int error; /* errno, 0: none */
	uint16_t local_port;
	uint16_t peer_port;
	uint8_t family; /* 4 or 6 */
	enum direction direction;
	enum outcome outcome;
	enum owner_source owner_source;
	unsigned int flags; /* enum connection_flag */

	/* What the database already has of it; 0: nothing. */
	int64_t open_row;      /* its row in open_connection */
	int64_t process_row;   /* of the owner, as an earlier run knew it */
	int64_t container_row; /* likewise */
};

/* The database is another one, and has nothing of it: an owner of whom an earlier run left no
 * more than the row is not known any more, until it is told again. */
static inline void connection_forget_rows(struct connection *c)
{
	if (c->process_row && c->owner.pid == 0)
		c->owner_source = OWNER_UNKNOWN;
	c->open_row = c->process_row = c->container_row = 0;
}

#endif
