#include "print.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "escape.h"

#define ENDPOINT_LEN (INET6_ADDRSTRLEN + sizeof("[]:65535"))

/* A pipe that polls writable has room for PIPE_BUF bytes, more than a line. */
static bool is_ready(const struct print *p)
{
	struct pollfd fd = {.fd = fileno(p->out), .events = POLLOUT};

	return fd.fd < 0 || poll(&fd, 1, 0) != 0;
}

void print_header(struct print *p)
{
	fprintf(p->out, "%-12s %-16s %-7s %-15s -> %s\n", "TIME", "COMM", "PID", "SADDR",
		"DADDR:PORT");
	fflush(p->out);
}

static void format_addr(const struct connection *c, const struct in6_addr *addr, char *out)
{
	inet_ntop(c->family == 6 ? AF_INET6 : AF_INET, addr, out, INET6_ADDRSTRLEN);
}

static void format_endpoint(const struct connection *c, const struct in6_addr *addr, unsigned port,
			    char *out, size_t size)
{
	char text[INET6_ADDRSTRLEN];

	format_addr(c, addr, text);
	snprintf(out, size, c->family == 6 ? "[%s]:%u" : "%s:%u", text, port);
}

void print_connection(struct print *p, const struct connection *c, int64_t at_boot_ns,
		      int64_t offset_ns)
{
	/* Rounded, as SQLite does it in started_at. */
	int64_t wall_ns = at_boot_ns + offset_ns + NS_PER_MS / 2;
	time_t second = (time_t)(wall_ns / NS_PER_S);
	char clock[sizeof("HH:MM:SS")], comm[ESCAPED_SIZE(COMM_LEN)] = "?", pid[16] = "?";
	char local[ENDPOINT_LEN], peer[ENDPOINT_LEN];
	struct tm tm;

	if (!is_ready(p)) {
		p->skipped++;
		return;
	}
	if (p->skipped)
		fprintf(p->out, "(%" PRIu64 " lines skipped: they were not read in time)\n",
			p->skipped);
	p->skipped = 0;
	localtime_r(&second, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	if (c->owner.pid) {
		escape_text(c->owner.comm, strlen(c->owner.comm), comm, sizeof(comm));
		snprintf(pid, sizeof(pid), "%u", c->owner.pid);
	}
	/* What this node opens has no port of its own yet. */
	if (c->direction == DIRECTION_IN)
		format_endpoint(c, &c->local_addr, c->local_port, local, sizeof(local));
	else
		format_addr(c, &c->local_addr, local);
	format_endpoint(c, &c->peer_addr, c->peer_port, peer, sizeof(peer));
	fprintf(p->out, "%s.%03d %-16s %-7s %-15s %s %s\n", clock,
		(int)(wall_ns / NS_PER_MS % 1000), comm, pid, local,
		c->direction == DIRECTION_IN ? "<-" : "->", peer);
	fflush(p->out);
}
