#include "listeners.h"

#include <errno.h>
#include <stdlib.h>
#include <uthash.h>
#include <utlist.h>

struct entry {
	struct listener l;
	bool leftover;	     /* of an earlier run, and not told of again */
	bool in_file;	     /* some scan met it */
	bool marked;	     /* met since the last sweep began */
	unsigned int missed; /* sweeps that did not meet it, one after the other */
	bool listed;
	bool hashed;
	struct entry *prev, *next; /* in unwritten */
	UT_hash_handle hh;	   /* by l.cookie */
};

struct listeners {
	struct entry *table;
	struct entry *unwritten; /* also what ended, and whose socket may listen again */
	size_t n_unwritten;
	bool scanning;
};

struct listeners *listeners_new(void)
{
	return calloc(1, sizeof(struct listeners));
}

static void list(struct listeners *ls, struct entry *e)
{
	if (e->listed)
		return;
	DL_APPEND(ls->unwritten, e);
	e->listed = true;
	ls->n_unwritten++;
}

static void unlist(struct listeners *ls, struct entry *e)
{
	if (!e->listed)
		return;
	DL_DELETE(ls->unwritten, e);
	e->listed = false;
	ls->n_unwritten--;
}

static void unhash(struct listeners *ls, struct entry *e)
{
	if (e->hashed)
		HASH_DEL(ls->table, e);
	e->hashed = false;
}

static void forget(struct listeners *ls, struct entry *e)
{
	unlist(ls, e);
	unhash(ls, e);
	free(e);
}

void listeners_free(struct listeners *ls)
{
	if (!ls)
		return;
	while (ls->table)
		forget(ls, ls->table);
	while (ls->unwritten)
		forget(ls, ls->unwritten);
	free(ls);
}

static struct entry *find(struct listeners *ls, uint64_t cookie)
{
	struct entry *e;

	HASH_FIND(hh, ls->table, &cookie, sizeof(cookie), e);
	return e;
}

static struct entry *add(struct listeners *ls, const struct listener *l)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->l = *l;
	HASH_ADD(hh, ls->table, l.cookie, sizeof(e->l.cookie), e);
	if (e->hh.tbl) {
		e->hashed = true;
		return e;
	}
	free(e);
	return NULL;
}

int listeners_leftover(struct listeners *ls, const struct listener *l)
{
	struct entry *e = add(ls, l);

	if (!e)
		return -ENOMEM;
	e->leftover = true;
	return 0;
}

static void end(struct listeners *ls, struct entry *e, int64_t at_boot_ns)
{
	e->l.to_boot_ns = at_boot_ns;
	list(ls, e);
}

static int apply_up(struct listeners *ls, const struct listener *l)
{
	struct entry *e = find(ls, l->cookie);

	/* A socket may listen again, perhaps elsewhere. */
	if (e && !e->l.to_boot_ns && (e->l.netns != l->netns || e->l.port != l->port))
		end(ls, e, l->from_boot_ns);
	if (e && e->l.to_boot_ns) {
		unhash(ls, e);
		e = NULL;
	}
	if (!e) {
		e = add(ls, l);
		if (!e)
			return -ENOMEM;
		list(ls, e);
	}
	if (e->leftover) { /* of which the database told us no more than its name */
		const int64_t row = e->l.row;

		e->l = *l;
		e->l.row = row;
	}
	e->leftover = false;
	e->marked = true;
	e->in_file |= ls->scanning;
	return 0;
}

int listeners_apply(struct listeners *ls, const struct listener *l)
{
	struct entry *e;

	if (l->up)
		return apply_up(ls, l);
	e = find(ls, l->cookie);
	if (e && !e->l.to_boot_ns)
		end(ls, e, l->to_boot_ns);
	return 0;
}

void listeners_settle(struct listeners *ls, int64_t ended_boot_ns)
{
	for (struct entry *e = ls->table; e; e = e->hh.next)
		if (e->leftover && !e->l.to_boot_ns) /* else its end was told, and when */
			end(ls, e, ended_boot_ns);
}

void listeners_begin_sweep(struct listeners *ls)
{
	ls->scanning = true;
	for (struct entry *e = ls->table; e; e = e->hh.next)
		e->marked = false;
}

void listeners_sweep(struct listeners *ls, int64_t now_boot_ns)
{
	ls->scanning = false;
	for (struct entry *e = ls->table; e; e = e->hh.next) {
		e->missed = e->marked || !e->in_file ? 0 : e->missed + 1;
		if (e->missed > 1 && !e->l.to_boot_ns)
			end(ls, e, now_boot_ns);
	}
}

void listeners_break_sweep(struct listeners *ls)
{
	ls->scanning = false;
}

size_t listeners_count_unwritten(const struct listeners *ls)
{
	return ls->n_unwritten;
}

size_t listeners_unwritten(const struct listeners *ls, struct listener **out, size_t max)
{
	struct entry *e;
	size_t n = 0;

	DL_FOREACH (ls->unwritten, e) {
		if (n == max)
			break;
		out[n++] = &e->l;
	}
	return n;
}

void listeners_forget_rows(struct listeners *ls)
{
	struct entry *e, *tmp;

	for (e = ls->table; e; e = e->hh.next)
		list(ls, e);
	DL_FOREACH_SAFE (ls->unwritten, e, tmp) {
		if (e->leftover) /* all that is known of it stood there */
			forget(ls, e);
		else
			e->l.row = 0;
	}
}

void listeners_written(struct listeners *ls, struct listener *const *written, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct entry *e = (struct entry *)written[i]; /* its first member */

		if (e->l.to_boot_ns)
			forget(ls, e);
		else
			unlist(ls, e);
	}
}
