#include "traffic.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../bpf/event.h"
#include "../../schema/history.h"

#define NS_PER_MS 1000000ULL
#define NS_PER_S  1000000000ULL

#define PROGRAMS       60
#define CONTAINERS     41
#define DESTINATIONS   3000
#define PER_PROGRAM    40
#define BALANCERS      50
#define CLIENTS	       50000
#define EXEC_EVERY     20 /* connections */
#define FIRST_PID      1000
#define FIRST_CGROUP   (1ULL << 40) /* far from those of the node that this runs on */
#define FIRST_NETNS    4026540000U
#define PROGRAMS_BEGUN (600 * NS_PER_S) /* since boot */

enum phase {
	TO_OPEN,
	TO_ACCEPT,
	TO_END,
};

struct flow {
	struct event_end e; /* as it will end */
	enum phase next;
	uint32_t next_free;
};

struct due {
	uint64_t at_ns;
	uint32_t flow;
};

struct traffic {
	struct traffic_config config;
	uint64_t random;
	uint64_t begun;		 /* connections */
	uint32_t told;		 /* of the containers and the programs that run at the begin */
	uint64_t next_review_ns; /* UINT64_MAX: none */
	uint32_t reviewed;	 /* of the flows; while one is on */
	int in_review, review_empty;
	uint32_t short_lived; /* the pid of the one that was begun last, 0: none lives */
	uint64_t short_lived_ns;
	uint32_t pids;
	uint64_t last_id;

	struct flow *flows;
	uint32_t n_flows, room, first_free; /* UINT32_MAX: none is free */
	struct due *heap;		    /* the next due first */
	uint32_t n_due;

	union {
		struct event_header header;
		struct event_connection connection;
		struct event_end end;
		struct event_owned owned;
		struct event_exec exec;
		struct event_exit exit;
		struct event_cgroup cgroup;
	} out;
	uint64_t seq[EVENT_TYPES + 1];
};

/* ---- chance ---- */

/* splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators). */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static uint64_t next_random(struct traffic *t)
{
	t->random += 0x9e3779b97f4a7c15ULL;
	return mix(t->random);
}

static uint64_t below(struct traffic *t, uint64_t bound)
{
	return next_random(t) % bound;
}

static int chance(struct traffic *t, unsigned int of_10000)
{
	return below(t, 10000) < of_10000;
}

/* From @least to about @least * 2^@doublings, each doubling as likely as the next. */
static uint64_t spread(struct traffic *t, uint64_t least, unsigned int doublings)
{
	uint64_t from = least << below(t, doublings);

	return from + below(t, from);
}

/* What stays the same of a thing: the same number for the same names. */
static uint64_t fixed(const struct traffic *t, uint64_t what, uint64_t which)
{
	return mix(mix(t->config.seed * 31 + what) + which);
}

enum {
	DESTINATION,
	DESTINATION_OF,
	CLIENT,
	BALANCER,
	LOCAL,
	CONTAINER,
	STARTED,
	DISTANCE,
};

/* ---- who and where ---- */

static void set_address(const struct traffic *t, uint64_t what, uint64_t which, int v6,
			uint8_t *addr)
{
	const uint64_t bits = fixed(t, what, which), more = mix(bits);

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

static const char *program_name(uint32_t program, char *name)
{
	static const char *const words[] = {"api", "web",  "auth",  "queue", "store",
					    "job", "mail", "proxy", "sync",  "index"};

	snprintf(name, EVENT_COMM_LEN, "%s-%u", words[program % 10], program);
	return name;
}

/* Process @n; one less than PROGRAMS: the first of its program, the parent of the others. */
static void describe(const struct traffic *t, uint32_t n, struct event_owner *o)
{
	const uint32_t program = n % PROGRAMS;

	memset(o, 0, sizeof(*o));
	o->start_boot_ns = NS_PER_S + fixed(t, STARTED, n) % (PROGRAMS_BEGUN - NS_PER_S);
	o->pid = FIRST_PID + n;
	if (n >= PROGRAMS) {
		o->ppid = FIRST_PID + program;
		o->parent_start_boot_ns = NS_PER_S / 2 + program;
	} else {
		o->start_boot_ns = NS_PER_S / 2 + program;
	}
	o->cgroup_id = FIRST_CGROUP + program % CONTAINERS;
	o->uid = 1000 + program % 7;
	o->exec_id = 10;
	program_name(program, o->comm);
	memcpy(o->thread, o->comm, sizeof(o->thread));
	if (program % 20 == 7) /* some name their threads */
		snprintf(o->thread, sizeof(o->thread), "worker-%u", n % 16);
}

/* ---- connections ---- */

static void set_peer_out(struct traffic *t, struct event_connection *c, uint32_t program)
{
	static const uint16_t ports[] = {443, 443, 443, 80, 5432, 6379, 8080, 9092};
	const uint64_t which =
		fixed(t, DESTINATION_OF, program * PER_PROGRAM + below(t, PER_PROGRAM)) %
		DESTINATIONS;

	c->family = which % 10 == 0 ? 6 : 4;
	set_address(t, DESTINATION, which, c->family == 6, c->peer_addr);
	c->peer_port = ports[which % 8];
	c->local_port = (uint16_t)(32768 + below(t, 28232)); /* ip_local_port_range */
}

static void set_peer_in(struct traffic *t, struct event_connection *c, uint32_t program)
{
	const int balancer = chance(t, 7000);
	const uint64_t which = below(t, balancer ? BALANCERS : CLIENTS);

	c->family = which % 10 == 0 ? 6 : 4;
	set_address(t, balancer ? BALANCER : CLIENT, which, c->family == 6, c->peer_addr);
	c->peer_port = (uint16_t)(1024 + below(t, 64512));
	c->local_port = (uint16_t)(8000 + program);
}

static void set_failure(struct traffic *t, struct event_end *e, uint64_t *duration_ns)
{
	const uint64_t kind = below(t, 10);

	e->connection.established_boot_ns = 0;
	e->old_state = TCP_SYN_SENT;
	if (kind < 6) {
		e->socket_error = ECONNREFUSED;
		*duration_ns = (uint64_t)e->srtt_us * 1000 + 10000;
	} else if (kind < 8) {
		e->socket_error = EHOSTUNREACH;
		e->retransmits = 1;
		*duration_ns = 3 * NS_PER_S + below(t, NS_PER_S / 10);
	} else {
		e->socket_error = ETIMEDOUT;
		e->retransmits = 4;
		*duration_ns = 31 * NS_PER_S + below(t, NS_PER_S / 10);
	}
	e->srtt_us = 0;
	e->min_rtt_us = UINT32_MAX;
}

static void set_end(struct traffic *t, struct event_end *e)
{
	e->tx_bytes = spread(t, 100, 10);
	e->rx_bytes = spread(t, 100, 14);
	e->retransmits = chance(t, 200) ? 1 + (uint32_t)below(t, 3) : 0;
	e->old_state = TCP_LAST_ACK;
	e->how = EVENT_FIN_RECEIVED | EVENT_ALL_ACKED | EVENT_NO_SOCKET;
	e->closer = e->connection.owner;
	if (chance(t, 100)) { /* the peer resets it; nobody here closed */
		memset(&e->closer, 0, sizeof(e->closer));
		e->old_state = TCP_ESTABLISHED;
		e->socket_error = ECONNRESET;
		e->how = 0;
	} else if (chance(t, 5000)) {
		e->connection.flags |= EVENT_PEER_CLOSED;
	} else {
		e->old_state = TCP_FIN_WAIT2;
	}
}

/* The connection that begins at @now_ns, as it will end. */
static void make_connection(struct traffic *t, uint64_t now_ns, struct event_end *e)
{
	struct event_connection *c = &e->connection;
	const uint32_t process = PROGRAMS + (uint32_t)below(t, t->config.processes);
	const uint32_t program = process % PROGRAMS, container = program % CONTAINERS;
	const int is_long = chance(t, t->config.long_of_100 * 100);
	uint64_t duration_ns = is_long ? spread(t, NS_PER_S, 6) : spread(t, NS_PER_MS, 10), wait_ns;

	memset(e, 0, sizeof(*e));
	c->id = now_ns > t->last_id ? now_ns : t->last_id + 1;
	t->last_id = c->id;
	c->cookie = 100000 + t->begun;
	c->cgroup_id = FIRST_CGROUP + container;
	c->netns = FIRST_NETNS + container;
	c->inbound = !chance(t, 5500);
	describe(t, process, &c->owner);
	if (c->inbound)
		set_peer_in(t, c, program);
	else
		set_peer_out(t, c, program);
	set_address(t, LOCAL, container, c->family == 6, c->local_addr);
	e->min_rtt_us = 100 + (uint32_t)(fixed(t, DISTANCE, c->peer_addr[3]) % 20000);
	e->srtt_us = e->min_rtt_us + (uint32_t)below(t, e->min_rtt_us / 4);
	c->start_boot_ns = now_ns;
	wait_ns = c->inbound ? 10000 + below(t, 500000) : (uint64_t)e->srtt_us * 1000;
	if (duration_ns < wait_ns + NS_PER_MS)
		duration_ns += wait_ns;
	c->established_boot_ns = c->inbound ? now_ns : now_ns + wait_ns;
	c->owner_source = OWNER_CONNECT;
	if (c->inbound) {
		c->accepted_boot_ns = now_ns + wait_ns;
		c->owner_source = OWNER_ACCEPT;
	}
	if (!c->inbound && chance(t, 300 * 100 / 55))
		set_failure(t, e, &duration_ns);
	else
		set_end(t, e);
	c->header.time_boot_ns = now_ns + duration_ns;
}

/* ---- what is due when ---- */

static void sift_down(struct traffic *t, uint32_t at)
{
	const struct due moved = t->heap[at];

	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= t->n_due)
			break;
		if (child + 1 < t->n_due && t->heap[child + 1].at_ns < t->heap[child].at_ns)
			child++;
		if (t->heap[child].at_ns >= moved.at_ns)
			break;
		t->heap[at] = t->heap[child];
		at = child;
	}
	t->heap[at] = moved;
}

static void push(struct traffic *t, uint64_t at_ns, uint32_t flow)
{
	uint32_t at = t->n_due++;

	for (; at > 0 && t->heap[(at - 1) / 2].at_ns > at_ns; at = (at - 1) / 2)
		t->heap[at] = t->heap[(at - 1) / 2];
	t->heap[at] = (struct due){at_ns, flow};
}

static int grow(struct traffic *t)
{
	const uint32_t room = t->room ? 2 * t->room : 1024;
	struct flow *flows = realloc(t->flows, room * sizeof(*flows));
	struct due *heap;

	if (!flows)
		return -ENOMEM;
	t->flows = flows;
	heap = realloc(t->heap, room * sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	t->heap = heap;
	t->room = room;
	return 0;
}

static int begin_connection(struct traffic *t, uint64_t now_ns)
{
	uint32_t at = t->first_free;
	struct flow *f;

	if (at == UINT32_MAX) {
		if (t->n_flows == t->room && grow(t))
			return -ENOMEM;
		at = t->n_flows++;
	} else {
		t->first_free = t->flows[at].next_free;
	}
	f = &t->flows[at];
	make_connection(t, now_ns, &f->e);
	t->begun++;
	f->next = f->e.connection.established_boot_ns ? TO_OPEN : TO_END;
	push(t,
	     f->next == TO_OPEN ? f->e.connection.established_boot_ns
				: f->e.connection.header.time_boot_ns,
	     at);
	return 0;
}

/* ---- records ---- */

static const void *finish(struct traffic *t, uint8_t type, uint64_t time_ns, size_t size,
			  size_t *len)
{
	t->out.header = (struct event_header){
		.seq = ++t->seq[type],
		.time_boot_ns = time_ns,
		.size = (uint16_t)size,
		.type = type,
	};
	*len = size;
	return &t->out;
}

static const void *tell_container(struct traffic *t, uint32_t container, size_t *len)
{
	struct event_cgroup *e = &t->out.cgroup;
	const uint64_t bits = fixed(t, CONTAINER, container);

	memset(e, 0, sizeof(*e));
	e->id = FIRST_CGROUP + container;
	e->up = 1;
	e->path_len = (uint32_t)snprintf(e->path, sizeof(e->path),
					 "/system.slice/docker-%016llx%016llx%016llx%016llx.scope",
					 (unsigned long long)bits, (unsigned long long)mix(bits),
					 (unsigned long long)mix(bits + 1),
					 (unsigned long long)mix(bits + 2));
	return finish(t, EVENT_CGROUP, (uint64_t)t->config.begin_boot_ns, sizeof(*e), len);
}

static void set_path(struct event_exec *e, const char *name)
{
	/* The last part first, as the kernel side sends it. */
	e->path_len = (uint32_t)snprintf(e->path, sizeof(e->path), "%s%cbin%cusr", name, 0, 0) + 1;
}

static const void *tell_program(struct traffic *t, uint32_t n, size_t *len)
{
	struct event_exec *e = &t->out.exec;
	char name[EVENT_COMM_LEN];

	memset(e, 0, sizeof(*e));
	describe(t, n, &e->owner);
	if (n >= PROGRAMS)
		describe(t, n % PROGRAMS, &e->parent);
	set_path(e, program_name(n % PROGRAMS, name));
	return finish(t, EVENT_EXEC, (uint64_t)t->config.begin_boot_ns,
		      offsetof(struct event_exec, args), len);
}

static const void *tell_exit(struct traffic *t, size_t *len)
{
	memset(&t->out, 0, sizeof(t->out.exit));
	t->out.exit.start_boot_ns = t->short_lived_ns;
	t->out.exit.pid = t->short_lived;
	t->short_lived = 0;
	return finish(t, EVENT_EXIT, t->short_lived_ns + NS_PER_MS, sizeof(t->out.exit), len);
}

/* Some process that does not connect: a shell script, a health check. */
static const void *tell_exec(struct traffic *t, uint64_t now_ns, size_t *len)
{
	struct event_exec *e = &t->out.exec;
	const uint32_t program = (uint32_t)below(t, PROGRAMS);

	memset(e, 0, sizeof(*e));
	describe(t, program, &e->parent);
	e->owner = e->parent;
	e->owner.ppid = e->parent.pid;
	e->owner.parent_start_boot_ns = e->parent.start_boot_ns;
	e->owner.pid = FIRST_PID + PROGRAMS + t->config.processes + t->pids++ % 1000000;
	e->owner.start_boot_ns = now_ns;
	e->owner.exec_id++;
	strcpy(e->owner.comm, "sh");
	strcpy(e->owner.thread, "sh");
	set_path(e, "sh");
	t->short_lived = e->owner.pid;
	t->short_lived_ns = now_ns;
	return finish(t, EVENT_EXEC, now_ns, offsetof(struct event_exec, args), len);
}

/* What a review tells of the next one that is open; NULL: that was all. */
static const void *review(struct traffic *t, size_t *len)
{
	const uint64_t now_ns = t->next_review_ns;
	struct event_end *out = &t->out.end;

	while (t->reviewed < t->n_flows) {
		const struct flow *f = &t->flows[t->reviewed++];
		const struct event_connection *c = &f->e.connection;
		uint64_t age_ms = (now_ns - c->start_boot_ns) / NS_PER_MS,
			 all_ms = (c->header.time_boot_ns - c->start_boot_ns) / NS_PER_MS;

		if (c->id == 0 || f->next == TO_OPEN)
			continue;
		*out = f->e;
		memset(&out->closer, 0, sizeof(out->closer));
		out->socket_error = 0;
		out->how = 0;
		out->old_state = c->established_boot_ns ? TCP_ESTABLISHED : TCP_SYN_SENT;
		out->connection.flags = 0;
		out->tx_bytes = out->tx_bytes * age_ms / (all_ms + 1);
		out->rx_bytes = out->rx_bytes * age_ms / (all_ms + 1);
		t->review_empty = 0;
		return finish(t, EVENT_PROGRESS, now_ns, sizeof(*out), len);
	}
	t->in_review = 0;
	t->next_review_ns += (uint64_t)t->config.review_ns;
	if (!t->review_empty)
		return NULL;
	memset(out, 0, sizeof(*out));
	return finish(t, EVENT_PROGRESS, now_ns, sizeof(*out), len);
}

static const void *tell_next(struct traffic *t, size_t *len)
{
	const uint64_t now_ns = t->heap[0].at_ns;
	const uint32_t at = t->heap[0].flow;
	struct flow *f = &t->flows[at];
	struct event_connection *c = &f->e.connection;

	switch (f->next) {
	case TO_OPEN:
		t->out.connection = *c;
		if (c->inbound) { /* so far only who listens is known */
			memset(&t->out.connection.owner, 0, sizeof(c->owner));
			t->out.connection.owner_source = OWNER_UNKNOWN;
			t->out.connection.accepted_boot_ns = 0;
		}
		t->out.connection.flags = 0;
		f->next = c->inbound ? TO_ACCEPT : TO_END;
		t->heap[0].at_ns = c->inbound ? c->accepted_boot_ns : c->header.time_boot_ns;
		sift_down(t, 0);
		return finish(t, EVENT_OPEN, now_ns, sizeof(t->out.connection), len);
	case TO_ACCEPT:
		memset(&t->out, 0, sizeof(t->out.owned));
		t->out.owned.id = c->id;
		t->out.owned.accepted_boot_ns = c->accepted_boot_ns;
		t->out.owned.owner_source = c->owner_source;
		t->out.owned.owner = c->owner;
		f->next = TO_END;
		t->heap[0].at_ns = c->header.time_boot_ns;
		sift_down(t, 0);
		return finish(t, EVENT_OWNER, now_ns, sizeof(t->out.owned), len);
	case TO_END:
		break;
	}
	t->out.end = f->e;
	c->id = 0;
	f->next_free = t->first_free;
	t->first_free = at;
	t->heap[0] = t->heap[--t->n_due];
	if (t->n_due)
		sift_down(t, 0);
	return finish(t, EVENT_END, now_ns, sizeof(t->out.end), len);
}

const void *traffic_next(struct traffic *t, size_t *len)
{
	const struct traffic_config *c = &t->config;

	if (t->told < CONTAINERS)
		return tell_container(t, t->told++, len);
	if (t->told < CONTAINERS + PROGRAMS + c->processes)
		return tell_program(t, t->told++ - CONTAINERS, len);
	for (;;) {
		const uint64_t begin_ns =
			t->begun == c->connections
				? UINT64_MAX
				: (uint64_t)c->begin_boot_ns +
					  (uint64_t)((double)c->span_ns / (double)c->connections *
						     (double)t->begun);
		const uint64_t due_ns = t->n_due ? t->heap[0].at_ns : UINT64_MAX;
		const uint64_t next_ns = begin_ns < due_ns ? begin_ns : due_ns;

		if (next_ns == UINT64_MAX)
			return NULL;
		if (t->short_lived && t->short_lived_ns + NS_PER_MS <= next_ns)
			return tell_exit(t, len);
		if (t->next_review_ns <= next_ns) {
			const void *record;

			if (!t->in_review) {
				t->in_review = t->review_empty = 1;
				t->reviewed = 0;
			}
			record = review(t, len);
			if (record)
				return record;
			continue;
		}
		if (due_ns <= begin_ns)
			return tell_next(t, len);
		if (begin_connection(t, begin_ns))
			return NULL;
		if (t->begun % EXEC_EVERY == 0 && !t->short_lived)
			return tell_exec(t, begin_ns, len);
	}
}

struct traffic *traffic_new(const struct traffic_config *config)
{
	struct traffic *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->config = *config;
	t->random = mix(config->seed);
	t->first_free = UINT32_MAX;
	t->next_review_ns = config->review_ns
				    ? (uint64_t)(config->begin_boot_ns + config->review_ns)
				    : UINT64_MAX;
	return t;
}

void traffic_free(struct traffic *t)
{
	if (!t)
		return;
	free(t->flows);
	free(t->heap);
	free(t);
}
