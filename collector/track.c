#include "track.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

struct tracked {
	struct connection c;
	unsigned int missed; /* sweeps that did not meet it, one after the other */
	bool marked;	     /* met since the last sweep began */
	bool listed;	     /* in unwritten */
	struct tracked *prev, *next;
	UT_hash_handle hh; /* in open by c.id, or in leftovers by c.cookie */
};

struct track {
	struct tracked *open;
	struct tracked *leftovers;
	struct tracked *unwritten; /* what the database does not know, or not as it is now */
};

struct track *track_new(void)
{
	return calloc(1, sizeof(struct track));
}

static void free_all(struct tracked **table)
{
	struct tracked *t, *tmp;

	HASH_ITER (hh, *table, t, tmp) {
		HASH_DEL(*table, t);
		free(t);
	}
}

void track_free(struct track *t)
{
	if (!t)
		return;
	free_all(&t->open);
	free_all(&t->leftovers);
	free(t);
}

int track_leftover(struct track *t, const struct connection *c)
{
	struct tracked *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->c = *c;
	/* Two with one cookie (none is known, say): the later is found first, and the
	 * other is lost. */
	HASH_ADD(hh, t->leftovers, c.cookie, sizeof(e->c.cookie), e);
	if (!e->hh.tbl) {
		free(e);
		return -ENOMEM;
	}
	return 0;
}

int track_known(struct track *t, const struct connection *c)
{
	struct tracked *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->c = *c;
	e->c.id = (uint64_t)c->open_row;
	HASH_ADD(hh, t->open, c.id, sizeof(e->c.id), e);
	if (!e->hh.tbl) {
		free(e);
		return -ENOMEM;
	}
	return 0;
}

/* How sure an owner is: the one who opened or accepted it, then who closed it, then one
 * of those who held it, then who listened. */
static int certainty(const struct connection *c)
{
	static const int ranks[] = {
		[OWNER_UNKNOWN] = 0, [OWNER_LISTENER] = 1, [OWNER_SCAN] = 2,   [OWNER_CLOSE] = 3,
		[OWNER_CONNECT] = 4, [OWNER_ACCEPT] = 4,   [OWNER_KERNEL] = 4,
	};

	return ranks[c->owner_source];
}

/* Gives @c the owner of @from, if that is known better. */
static bool inherit_owner(struct connection *c, const struct connection *from)
{
	if (certainty(from) <= certainty(c))
		return false;
	c->owner = from->owner;
	c->owner_source = from->owner_source;
	c->process_row = from->process_row;
	c->accepted_boot_ns = from->accepted_boot_ns;
	return true;
}

/* Gives @c who it belongs to, as @old knew. An earlier run may know it as well as this one, and
 * its name of it stands. */
static void inherit_names(struct connection *c, const struct connection *old)
{
	c->container_row = old->container_row;
	if (old->process_row && certainty(old) == certainty(c))
		c->process_row = old->process_row;
	inherit_owner(c, old);
}

/* Gives @c what an earlier run of the collector, or the scan, knew of it. */
static void inherit(struct connection *c, const struct connection *old)
{
	c->start_boot_ns = old->start_boot_ns;
	c->established_boot_ns = old->established_boot_ns;
	c->direction = old->direction;
	c->flags = old->flags | CONNECTION_PREEXISTING |
		   (c->flags & (CONNECTION_PEER_CLOSED | CONNECTION_MPTCP | CONNECTION_LOOPBACK));
	c->open_row = old->open_row;
	inherit_names(c, old);
}

static void inherit_leftover(struct track *t, struct connection *c)
{
	struct tracked *old;

	if (!(c->flags & (CONNECTION_PREEXISTING | CONNECTION_START_UNSEEN)))
		return;
	HASH_FIND(hh, t->leftovers, &c->cookie, sizeof(c->cookie), old);
	/* A socket may have been connected elsewhere meanwhile. */
	if (!old || old->c.netns != c->netns || old->c.peer_port != c->peer_port ||
	    memcmp(&old->c.peer_addr, &c->peer_addr, sizeof(c->peer_addr)) != 0)
		return;
	inherit(c, &old->c);
	HASH_DEL(t->leftovers, old);
	free(old);
}

static struct tracked *find(struct track *t, uint64_t id)
{
	struct tracked *e;

	HASH_FIND(hh, t->open, &id, sizeof(id), e);
	return e;
}

static void list(struct track *t, struct tracked *e)
{
	if (!e->listed)
		DL_APPEND(t->unwritten, e);
	e->listed = true;
}

static void unlist(struct track *t, struct tracked *e)
{
	if (e->listed)
		DL_DELETE(t->unwritten, e);
	e->listed = false;
}

static void forget(struct track *t, struct tracked *e)
{
	unlist(t, e);
	HASH_DEL(t->open, e);
	free(e);
}

static int add(struct track *t, const struct connection *c)
{
	struct tracked *e = malloc(sizeof(*e)); /* calloc() does not use what was just freed */

	if (!e)
		return -ENOMEM;
	*e = (struct tracked){.c = *c, .marked = true};
	inherit_leftover(t, &e->c);
	HASH_ADD(hh, t->open, c.id, sizeof(e->c.id), e);
	if (!e->hh.tbl) {
		free(e);
		return -ENOMEM;
	}
	if (e->c.open_row == 0)
		list(t, e);
	return 0;
}

/* Established, after it was known as connecting: now it has all its addresses. */
static void establish(struct track *t, struct tracked *e, const struct connection *c)
{
	const struct connection before = e->c;

	e->c = *c;
	e->c.open_row = before.open_row;
	e->c.process_row = before.process_row;
	e->c.container_row = before.container_row;
	inherit_owner(&e->c, &before);
	list(t, e);
}

static int apply_open(struct track *t, const struct connection *c)
{
	struct tracked *e = find(t, c->id);

	if (!e)
		return add(t, c);
	if (e->c.outcome == OUTCOME_CONNECTING && c->outcome == OUTCOME_OPEN)
		establish(t, e, c);
	return 0; /* else known already */
}

static int apply_progress(struct track *t, const struct connection *c)
{
	struct tracked *e = find(t, c->id);

	if (!e)
		return add(t, c);
	e->marked = true;
	if (e->c.outcome == OUTCOME_CONNECTING && c->outcome == OUTCOME_OPEN)
		establish(t, e, c);
	if (inherit_owner(&e->c, c)) /* who accepted it may have found no room in the ring */
		list(t, e);
	if (e->c.tx_bytes == c->tx_bytes && e->c.rx_bytes == c->rx_bytes &&
	    e->c.retransmits == c->retransmits)
		return 0;
	e->c.tx_bytes = c->tx_bytes;
	e->c.rx_bytes = c->rx_bytes;
	e->c.retransmits = c->retransmits;
	e->c.srtt_us = c->srtt_us;
	e->c.min_rtt_us = c->min_rtt_us;
	list(t, e);
	return 0;
}

static void apply_owner(struct track *t, const struct connection *c)
{
	struct tracked *e = find(t, c->id);

	/* It has not been told yet, or is over: its own records say who owns it. */
	if (e && inherit_owner(&e->c, c))
		list(t, e);
}

static void apply_end(struct track *t, const struct connection *c, struct connection *ended)
{
	struct tracked *e = find(t, c->id);

	*ended = *c;
	if (!e) {
		inherit_leftover(t, ended);
		return;
	}
	/* END says it all, but for what an earlier run or a scan had seen. */
	ended->open_row = e->c.open_row;
	if (e->c.flags & CONNECTION_PREEXISTING)
		inherit(ended, &e->c);
	else
		inherit_names(ended, &e->c);
	forget(t, e);
}

int track_apply(struct track *t, const struct event *e, struct connection *ended)
{
	switch (e->kind) {
	case KIND_OPEN:
		return apply_open(t, &e->connection);
	case KIND_PROGRESS:
		return apply_progress(t, &e->connection);
	case KIND_OWNER:
		apply_owner(t, &e->connection);
		return 0;
	case KIND_END:
		apply_end(t, &e->connection, ended);
		return 1;
	default:
		return 0;
	}
}

size_t track_unwritten(const struct track *t, int64_t before_boot_ns, struct connection **out,
		       size_t max)
{
	struct tracked *e;
	size_t n = 0;

	DL_FOREACH (t->unwritten, e) {
		if (n == max)
			break;
		if (e->c.open_row || e->c.start_boot_ns < before_boot_ns)
			out[n++] = &e->c;
	}
	return n;
}

void track_written(struct track *t, struct connection *const *written, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct tracked *e = (struct tracked *)written[i]; /* its first member */

		unlist(t, e);
		if (e->c.open_row == 0)
			e->c.open_row = (int64_t)e->c.id;
	}
}

void track_forget_rows(struct track *t)
{
	struct tracked *e;

	for (e = t->open; e; e = e->hh.next) {
		connection_forget_rows(&e->c);
		list(t, e);
	}
	for (e = t->leftovers; e; e = e->hh.next)
		connection_forget_rows(&e->c);
}

static bool lose(const struct tracked *e, track_lost each, void *ctx)
{
	struct connection c = e->c;

	c.outcome = OUTCOME_LOST;
	return each(ctx, &c);
}

bool track_lose_leftovers(struct track *t, track_lost each, void *ctx)
{
	struct tracked *e, *tmp;

	HASH_ITER (hh, t->leftovers, e, tmp) {
		if (!lose(e, each, ctx))
			return false;
		HASH_DEL(t->leftovers, e);
		free(e);
	}
	return true;
}

void track_begin_sweep(struct track *t)
{
	for (struct tracked *e = t->open; e; e = e->hh.next)
		e->marked = false;
}

enum swept track_sweep(struct track *t, track_lost each, void *ctx)
{
	enum swept result = SWEPT_CLEAN;
	struct tracked *e, *tmp;

	HASH_ITER (hh, t->open, e, tmp) {
		if (e->marked) {
			e->missed = 0;
		} else if (e->missed == 0) {
			e->missed = 1;
			result = SWEPT_DOUBTFUL;
		} else {
			if (!lose(e, each, ctx))
				return SWEPT_NO_ROOM;
			forget(t, e);
		}
	}
	return result;
}

size_t track_count(const struct track *t)
{
	return HASH_COUNT(t->open);
}
