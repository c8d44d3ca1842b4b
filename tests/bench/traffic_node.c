#include "traffic_node.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "../../schema/history.h"

#define DESTINATIONS   3000
#define PER_PROGRAM    40
#define BALANCERS      50
#define CLIENTS	       50000
#define FIRST_NETNS    4026540000U
#define PROGRAMS_BEGUN (600 * NS_PER_S) /* since boot */

/* ---- chance ---- */

/* splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators). */
uint64_t node_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static uint64_t next_random(struct node *n)
{
	n->random += 0x9e3779b97f4a7c15ULL;
	return node_mix(n->random);
}

uint64_t node_below(struct node *n, uint64_t bound)
{
	return next_random(n) % bound;
}

static int chance(struct node *n, unsigned int of_10000)
{
	return node_below(n, 10000) < of_10000;
}

/* From @least to about @least * 2^@doublings, each doubling as likely as the next. */
static uint64_t spread(struct node *n, uint64_t least, unsigned int doublings)
{
	uint64_t from = least << node_below(n, doublings);

	return from + node_below(n, from);
}

uint64_t node_fixed(const struct node *n, uint64_t what, uint64_t which)
{
	return node_mix(node_mix(n->config.seed * 31 + what) + which);
}

/* ---- who and where ---- */

static void set_address(const struct node *n, uint64_t what, uint64_t which, int v6, uint8_t *addr)
{
	const uint64_t bits = node_fixed(n, what, which), more = node_mix(bits);

	memset(addr, 0, 16);
	if (v6) {
		memcpy(addr, "\x20\x01\x0d\xb8", 4); /* 2001:db8::/32 */
		memcpy(addr + 4, &bits, 4);
		if (what == CLIENT) /* servers have short ones */
			memcpy(addr + 8, &more, 8);
		else
			memcpy(addr + 14, &more, 2);
		return;
	}
	memcpy(addr, &bits, 4);
	if (what == LOCAL || what == BALANCER)
		addr[0] = 10;
	else
		addr[0] = (uint8_t)(11 + addr[0] % 100); /* neither of this node nor loopback */
}

const char *node_program_name(uint32_t program, char *name)
{
	static const char *const words[] = {"api", "web",  "auth",  "queue", "store",
					    "job", "mail", "proxy", "sync",  "index"};

	snprintf(name, EVENT_COMM_LEN, "%s-%u", words[program % 10], program);
	return name;
}

void node_describe(const struct node *n, uint32_t process, struct event_owner *o)
{
	const uint32_t program = process % PROGRAMS;

	memset(o, 0, sizeof(*o));
	o->start_boot_ns = NS_PER_S + node_fixed(n, STARTED, process) % (PROGRAMS_BEGUN - NS_PER_S);
	o->pid = FIRST_PID + process;
	if (process >= PROGRAMS) {
		o->ppid = FIRST_PID + program;
		o->parent_start_boot_ns = NS_PER_S / 2 + program;
	} else {
		o->start_boot_ns = NS_PER_S / 2 + program;
	}
	o->cgroup_id = FIRST_CGROUP + program % CONTAINERS;
	o->uid = 1000 + program % 7;
	o->exec_id = 10;
	node_program_name(program, o->comm);
	memcpy(o->thread, o->comm, sizeof(o->thread));
	if (program % 10 == 7) /* some name their threads */
		snprintf(o->thread, sizeof(o->thread), "worker-%u", process % 16);
}

/* ---- connections ---- */

static void set_peer_out(struct node *n, struct event_connection *c, uint32_t program)
{
	static const uint16_t ports[] = {443, 443, 443, 80, 5432, 6379, 8080, 9092};
	const uint64_t which =
		node_fixed(n, DESTINATION_OF, program * PER_PROGRAM + node_below(n, PER_PROGRAM)) %
		DESTINATIONS;

	c->family = which % 10 == 0 ? 6 : 4;
	set_address(n, DESTINATION, which, c->family == 6, c->peer_addr);
	c->peer_port = ports[which % 8];
	c->local_port = (uint16_t)(32768 + node_below(n, 28232)); /* ip_local_port_range */
}

static void set_peer_in(struct node *n, struct event_connection *c, uint32_t program)
{
	const int balancer = chance(n, 7000);
	const uint64_t which = node_below(n, balancer ? BALANCERS : CLIENTS);

	c->family = which % 10 == 0 ? 6 : 4;
	set_address(n, balancer ? BALANCER : CLIENT, which, c->family == 6, c->peer_addr);
	c->peer_port = (uint16_t)(1024 + node_below(n, 64512));
	c->local_port = (uint16_t)(8000 + program);
}

static void set_failure(struct node *n, struct event_end *e, uint64_t *duration_ns)
{
	const uint64_t kind = node_below(n, 10);

	e->connection.established_boot_ns = 0;
	e->old_state = TCP_SYN_SENT;
	if (kind < 6) {
		e->socket_error = ECONNREFUSED;
		*duration_ns = (uint64_t)e->srtt_us * 1000 + 10000;
	} else if (kind < 8) {
		e->socket_error = EHOSTUNREACH;
		e->retransmits = 1;
		*duration_ns = 3 * NS_PER_S + node_below(n, NS_PER_S / 10);
	} else {
		e->socket_error = ETIMEDOUT;
		e->retransmits = 4;
		*duration_ns = 31 * NS_PER_S + node_below(n, NS_PER_S / 10);
	}
	e->srtt_us = 0;
	e->min_rtt_us = UINT32_MAX;
}

static void set_end(struct node *n, struct event_end *e)
{
	e->tx_bytes = spread(n, 100, 10);
	e->rx_bytes = spread(n, 100, 14);
	e->retransmits = chance(n, 200) ? 1 + (uint32_t)node_below(n, 3) : 0;
	e->old_state = TCP_LAST_ACK;
	e->how = EVENT_FIN_RECEIVED | EVENT_ALL_ACKED | EVENT_NO_SOCKET;
	e->closer = e->connection.owner;
	if (chance(n, 100)) { /* the peer resets it; nobody here closed */
		memset(&e->closer, 0, sizeof(e->closer));
		e->old_state = TCP_ESTABLISHED;
		e->socket_error = ECONNRESET;
		e->how = 0;
	} else if (chance(n, 5000)) {
		e->connection.flags |= EVENT_PEER_CLOSED;
	} else {
		e->old_state = TCP_FIN_WAIT2;
	}
}

void node_make_connection(struct node *n, uint64_t now_ns, struct event_end *e)
{
	struct event_connection *c = &e->connection;
	const uint32_t process = PROGRAMS + (uint32_t)node_below(n, n->config.processes);
	const uint32_t program = process % PROGRAMS, container = program % CONTAINERS;
	const int is_long = chance(n, n->config.long_of_100 * 100);
	uint64_t duration_ns = is_long ? spread(n, NS_PER_S, 6) : spread(n, NS_PER_MS, 10), wait_ns;

	memset(e, 0, sizeof(*e));
	c->id = now_ns > n->last_id ? now_ns : n->last_id + 1;
	n->last_id = c->id;
	c->cookie = 100000 + n->made++;
	c->cgroup_id = FIRST_CGROUP + container;
	c->netns = FIRST_NETNS + container;
	c->inbound = !chance(n, 5500);
	node_describe(n, process, &c->owner);
	if (c->inbound)
		set_peer_in(n, c, program);
	else
		set_peer_out(n, c, program);
	set_address(n, LOCAL, container, c->family == 6, c->local_addr);
	e->min_rtt_us = 100 + (uint32_t)(node_fixed(n, DISTANCE, c->peer_addr[3]) % 40000);
	e->srtt_us = e->min_rtt_us + (uint32_t)node_below(n, e->min_rtt_us / 4);
	c->start_boot_ns = now_ns;
	wait_ns = c->inbound ? 10000 + node_below(n, 500000) : (uint64_t)e->srtt_us * 1000;
	if (duration_ns < wait_ns + NS_PER_MS)
		duration_ns += wait_ns;
	c->established_boot_ns = c->inbound ? now_ns : now_ns + wait_ns;
	c->owner_source = OWNER_CONNECT;
	if (c->inbound) {
		c->accepted_boot_ns = now_ns + wait_ns;
		c->owner_source = OWNER_ACCEPT;
	}
	if (!c->inbound && chance(n, 300 * 100 / 55))
		set_failure(n, e, &duration_ns);
	else
		set_end(n, e);
	c->header.time_boot_ns = now_ns + duration_ns;
}
