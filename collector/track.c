#include "track.h"

#include <errno.h>
#include <stdlib.h>
#include <uthash.h>
#include <utlist.h>

struct tracked {
	struct connection c;
	bool marked;		     /* met since the last sweep began */
	struct tracked *prev, *next; /* in unwritten; NULL when it is in the database */
	UT_hash_handle hh;	     /* in open by c.id, or in leftovers by c.cookie */
};

struct track {
	struct tracked *open;
	struct tracked *leftovers;
	struct tracked *unwritten; /* in order of arrival, which is that of the start */
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

/* Gives @c what an earlier run of the collector, or the scan, knew of it: its begin
 * and its owner. But an owner known only for having listened yields to any other. */
static void inherit(struct connection *c, const struct connection *old)
{
	c->start_boot_ns = old->start_boot_ns;
	c->established_boot_ns = old->established_boot_ns;
	c->direction = old->direction;
	c->flags = old->flags | CONNECTION_PREEXISTING | (c->flags & CONNECTION_PEER_CLOSED);
	c->open_row = old->open_row;
	c->container_row = old->container_row;
	if (!old->process_row || (old->owner_source == OWNER_LISTENER && c->owner.pid != 0))
		return;
	c->process_row = old->process_row;
	c->owner_source = old->owner_source;
}

static void inherit_leftover(struct track *t, struct connection *c)
{
	struct tracked *old;

	if (!(c->flags & (CONNECTION_PREEXISTING | CONNECTION_START_UNSEEN)))
		return;
	HASH_FIND(hh, t->leftovers, &c->cookie, sizeof(c->cookie), old);
	if (!old || old->c.netns != c->netns)
		return;
	inherit(c, &old->c);
	HASH_DEL(t->leftovers, old);
	free(old);
}

static void forget(struct track *t, struct tracked *e)
{
	if (e->c.open_row == 0)
		DL_DELETE(t->unwritten, e);
	HASH_DEL(t->open, e);
	free(e);
}

static int apply_open(struct track *t, const struct connection *c)
{
	struct tracked *e;

	HASH_FIND(hh, t->open, &c->id, sizeof(c->id), e);
	if (e)
		return 0; /* known already */
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->c = *c;
	e->marked = true;
	inherit_leftover(t, &e->c);
	HASH_ADD(hh, t->open, c.id, sizeof(e->c.id), e);
	if (!e->hh.tbl) {
		free(e);
		return -ENOMEM;
	}
	if (e->c.open_row == 0)
		DL_APPEND(t->unwritten, e);
	return 0;
}

static void apply_end(struct track *t, const struct connection *c, struct connection *ended)
{
	struct tracked *e;

	*ended = *c;
	HASH_FIND(hh, t->open, &c->id, sizeof(c->id), e);
	if (!e) {
		inherit_leftover(t, ended);
		return;
	}
	/* END says it all, but for what only an earlier run had seen. */
	ended->open_row = e->c.open_row;
	if (e->c.flags & CONNECTION_PREEXISTING)
		inherit(ended, &e->c);
	forget(t, e);
}

int track_apply(struct track *t, const struct event *e, struct connection *ended)
{
	switch (e->kind) {
	case KIND_OPEN:
		return apply_open(t, &e->connection);
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
		if (n == max || e->c.start_boot_ns >= before_boot_ns)
			break;
		out[n++] = &e->c;
	}
	return n;
}

void track_written(struct track *t, size_t n)
{
	while (n-- > 0 && t->unwritten) {
		struct tracked *e = t->unwritten;

		DL_DELETE(t->unwritten, e);
		e->prev = e->next = NULL;
		e->c.open_row = (int64_t)e->c.id;
	}
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

void track_mark(struct track *t, uint64_t id)
{
	struct tracked *e;

	HASH_FIND(hh, t->open, &id, sizeof(id), e);
	if (e)
		e->marked = true;
}

bool track_sweep(struct track *t, track_lost each, void *ctx)
{
	struct tracked *e, *tmp;

	HASH_ITER (hh, t->open, e, tmp) {
		if (e->marked)
			continue;
		if (!lose(e, each, ctx))
			return false;
		forget(t, e);
	}
	return true;
}

size_t track_count(const struct track *t)
{
	return HASH_COUNT(t->open);
}
