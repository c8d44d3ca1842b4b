#include "traffic.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../bpf/event.h"
#include "../../schema/history.h"
#include "traffic_node.h"

#define EXEC_EVERY 20 /* connections */

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
	struct node node;
	uint32_t told;		 /* of the containers and the programs that run at the begin */
	uint64_t next_review_ns; /* UINT64_MAX: none */
	uint32_t reviewed;	 /* of the flows; while one is on */
	int in_review, review_empty;
	uint32_t short_lived; /* the pid of the one that was begun last, 0: none lives */
	uint64_t short_lived_ns;
	uint32_t pids;

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
	node_make_connection(&t->node, now_ns, &f->e);
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
	const uint64_t bits = node_fixed(&t->node, CONTAINER, container);

	memset(e, 0, sizeof(*e));
	e->id = FIRST_CGROUP + container;
	e->up = 1;
	e->path_len =
		(uint32_t)snprintf(e->path, sizeof(e->path),
				   "/system.slice/docker-%016llx%016llx%016llx%016llx.scope",
				   (unsigned long long)bits, (unsigned long long)node_mix(bits),
				   (unsigned long long)node_mix(bits + 1),
				   (unsigned long long)node_mix(bits + 2));
	return finish(t, EVENT_CGROUP, (uint64_t)t->node.config.begin_boot_ns, sizeof(*e), len);
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
	node_describe(&t->node, n, &e->owner);
	if (n >= PROGRAMS)
		node_describe(&t->node, n % PROGRAMS, &e->parent);
	set_path(e, node_program_name(n % PROGRAMS, name));
	return finish(t, EVENT_EXEC, (uint64_t)t->node.config.begin_boot_ns,
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
	const uint32_t program = (uint32_t)node_below(&t->node, PROGRAMS);

	memset(e, 0, sizeof(*e));
	node_describe(&t->node, program, &e->parent);
	e->owner = e->parent;
	e->owner.ppid = e->parent.pid;
	e->owner.parent_start_boot_ns = e->parent.start_boot_ns;
	e->owner.pid = FIRST_PID + PROGRAMS + t->node.config.processes + t->pids++ % 1000000;
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
	t->next_review_ns += (uint64_t)t->node.config.review_ns;
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
	const struct traffic_config *c = &t->node.config;

	if (t->told < CONTAINERS)
		return tell_container(t, t->told++, len);
	if (t->told < CONTAINERS + PROGRAMS + c->processes)
		return tell_program(t, t->told++ - CONTAINERS, len);
	for (;;) {
		const uint64_t begin_ns =
			t->node.made == c->connections
				? UINT64_MAX
				: (uint64_t)c->begin_boot_ns +
					  (uint64_t)((double)c->span_ns / (double)c->connections *
						     (double)t->node.made);
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
		if (t->node.made % EXEC_EVERY == 0 && !t->short_lived)
			return tell_exec(t, begin_ns, len);
	}
}

struct traffic *traffic_new(const struct traffic_config *config)
{
	struct traffic *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->node.config = *config;
	t->node.random = node_mix(config->seed);
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
