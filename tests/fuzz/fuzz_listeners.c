/*
 * Who listens, of events in any order and scans that meet whom they want: beside it the rows that a
 * database would have. Each time a socket began to listen there is one row, which ends once, not
 * before it began; and after a flush the rows that are open are those that listen.
 */
#include "listeners.h"

#include <stdbool.h>

#include "script.h"

#define COOKIES	 12
#define EARLIER	 8 /* cookies from here on may have a row of an earlier run */
#define MAX_ROWS 4096
#define MAX_ENDS 4096

struct row {
	uint64_t cookie;
	int64_t from, to;
	uint16_t port;
};

struct socket {
	bool up;
	bool leftover; /* of an earlier run, and not told of yet */
	bool in_file, marked;
	int missed;
	uint16_t port;
};

struct world {
	struct listeners *ls;
	struct socket sockets[COOKIES];
	struct row rows[MAX_ROWS + 1]; /* from 1 on */
	size_t n_rows;
	bool scanning;
	int64_t now_ns;
	struct {
		uint64_t cookie;
		int64_t at_ns;
	} ends[MAX_ENDS]; /* all there were */
	size_t n_ends;
};

/* What listened does not, from now on. */
static void is_down(struct world *w, uint64_t cookie, int64_t at_ns)
{
	w->sockets[cookie].up = w->sockets[cookie].leftover = false;
	must(w->n_ends < MAX_ENDS);
	w->ends[w->n_ends].cookie = cookie;
	w->ends[w->n_ends++].at_ns = at_ns;
}

static bool ended(const struct world *w, uint64_t cookie, int64_t at_ns)
{
	for (size_t i = 0; i < w->n_ends; i++)
		if (w->ends[i].cookie == cookie && w->ends[i].at_ns == at_ns)
			return true;
	return false;
}

static void is_up(struct world *w, uint64_t cookie, uint16_t port)
{
	struct socket *s = &w->sockets[cookie];

	if (s->up && s->port != port) /* it listens again, elsewhere */
		is_down(w, cookie, w->now_ns);
	if (!s->up)
		*s = (struct socket){.up = true, .port = port};
	s->leftover = false;
	s->marked = true;
	s->in_file |= w->scanning;
}

static void apply(struct world *w, struct script *script, bool up)
{
	const uint64_t cookie = script_byte(script) % COOKIES;
	struct listener l = {.cookie = cookie, .family = 4, .up = up};

	l.port = 80 + script_byte(script) % 2;
	w->now_ns += 1 + script_byte(script);
	if (up)
		l.from_boot_ns = w->now_ns;
	else
		l.to_boot_ns = w->now_ns;
	must(listeners_apply(w->ls, &l) == 0);
	if (up)
		is_up(w, cookie, l.port);
	else if (w->sockets[cookie].up)
		is_down(w, cookie, w->now_ns);
}

/* ---- the database ---- */

static void write_row(struct world *w, struct listener *l)
{
	struct row *r;

	must(l->cookie < COOKIES && l->family == 4);
	must(!l->to_boot_ns || l->to_boot_ns >= l->from_boot_ns);
	if (l->row == 0) {
		must(w->n_rows < MAX_ROWS);
		l->row = (int64_t)++w->n_rows;
		r = &w->rows[l->row];
		*r = (struct row){.cookie = l->cookie};
	}
	r = &w->rows[l->row];
	must(r->cookie == l->cookie && r->to == 0); /* its own, and not ended before */
	r->from = l->from_boot_ns;
	r->to = l->to_boot_ns;
	must(r->to == 0 || ended(w, r->cookie, r->to));
	r->port = l->port;
}

static void check_rows(const struct world *w)
{
	size_t open[COOKIES] = {0};

	for (size_t i = 1; i <= w->n_rows; i++) {
		const struct row *r = &w->rows[i];

		if (r->to)
			continue;
		must(++open[r->cookie] == 1 && w->sockets[r->cookie].up);
		must(w->sockets[r->cookie].port == r->port);
	}
	for (size_t i = 0; i < COOKIES; i++)
		must(open[i] == w->sockets[i].up);
}

static void flush(struct world *w, size_t max)
{
	struct listener *out[MAX_ROWS];
	const size_t all = listeners_count_unwritten(w->ls);
	size_t n = listeners_unwritten(w->ls, out, max);

	must(n == (all < max ? all : max));
	if (w->n_rows + n > MAX_ROWS)
		return;
	for (size_t i = 0; i < n; i++)
		write_row(w, out[i]);
	listeners_written(w->ls, out, n);
	must(listeners_count_unwritten(w->ls) == all - n);
	if (n == all)
		check_rows(w);
}

static void forget_rows(struct world *w)
{
	listeners_forget_rows(w->ls);
	w->n_rows = 0;
	for (size_t i = 0; i < COOKIES; i++)
		if (w->sockets[i].leftover)
			w->sockets[i] = (struct socket){0};
}

/* As the collector begins: with what the database has as listening. */
static void leave_over(struct world *w, struct script *script)
{
	uint8_t which = script_byte(script);

	for (uint64_t cookie = EARLIER; cookie < COOKIES; cookie++, which >>= 1) {
		const struct listener l = {.cookie = cookie,
					   .family = 4,
					   .port = 80,
					   .from_boot_ns = 1,
					   .row = (int64_t)w->n_rows + 1};

		if (!(which & 1))
			continue;
		must(listeners_leftover(w->ls, &l) == 0);
		w->rows[++w->n_rows] = (struct row){.cookie = cookie, .from = 1, .port = 80};
		w->sockets[cookie] = (struct socket){.up = true, .leftover = true, .port = 80};
	}
}

/* ---- scans ---- */

static void begin_sweep(struct world *w)
{
	listeners_begin_sweep(w->ls);
	w->scanning = true;
	for (size_t i = 0; i < COOKIES; i++)
		w->sockets[i].marked = false;
}

static void sweep(struct world *w)
{
	listeners_sweep(w->ls, ++w->now_ns);
	w->scanning = false;
	for (size_t i = 0; i < COOKIES; i++) {
		struct socket *s = &w->sockets[i];

		if (!s->up)
			continue;
		s->missed = s->marked || !s->in_file ? 0 : s->missed + 1;
		if (s->missed > 1)
			is_down(w, i, w->now_ns);
	}
}

static void settle(struct world *w)
{
	const int64_t earlier_ns = 500; /* then the earlier run ended */

	listeners_settle(w->ls, earlier_ns);
	for (size_t i = 0; i < COOKIES; i++)
		if (w->sockets[i].leftover)
			is_down(w, i, earlier_ns);
}

static void step(struct world *w, struct script *script)
{
	const uint8_t op = script_byte(script);

	switch (op % 16) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
		apply(w, script, true);
		break;
	case 5:
	case 6:
	case 7:
		apply(w, script, false);
		break;
	case 8:
	case 9:
		flush(w, MAX_ROWS);
		break;
	case 10:
		flush(w, op / 16 % 8);
		break;
	case 11:
	case 12:
		begin_sweep(w);
		break;
	case 13:
		sweep(w);
		break;
	case 14:
		if (op & 16)
			settle(w);
		else if (op & 32)
			forget_rows(w);
		break;
	case 15:
		listeners_break_sweep(w->ls);
		w->scanning = false;
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world world;
	struct world *w = &world;
	struct script script = {data, size};

	memset(w->sockets, 0, sizeof(w->sockets));
	w->n_rows = 0;
	w->scanning = false;
	w->now_ns = 1000;
	must((w->ls = listeners_new()));
	leave_over(w, &script);
	w->n_ends = 0;
	while (script.left && w->n_ends < MAX_ENDS - COOKIES)
		step(w, &script);
	flush(w, MAX_ROWS);
	listeners_free(w->ls);
	return 0;
}
