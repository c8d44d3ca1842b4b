/*
 * What is open, of events in any order: of a few connections, begun twice, ended twice, told of
 * when they are over, swept while they are told of. Beside it stand a table of what is open, and
 * the rows that a database would have after each flush. Each connection leaves once, ended or lost;
 * its row says what was told of it last; and what is known of its owner gets no less.
 */
#include "track.h"

#include <stdbool.h>

#include "script.h"

#define IDS	  16
#define LEFTOVERS 64

struct known {
	bool open;
	bool marked, missed; /* of sweeps */
	struct connection told;
	bool written; /* there is a row */
	struct connection row;
};

struct world {
	struct track *track;
	struct known known[IDS + 1]; /* by id, from 1 on */
	int n_leftovers;
	int room; /* for so many lost ones; negative: for all */
	int n_lost;
	int64_t now_ns;
	bool swept_leftovers;
	bool doubt; /* a sweep ended early: nobody knows whom it had looked at */
};

static int rank(enum owner_source source)
{
	switch (source) {
	case OWNER_CONNECT:
	case OWNER_ACCEPT:
	case OWNER_KERNEL:
		return 4;
	case OWNER_CLOSE:
		return 3;
	case OWNER_SCAN:
		return 2;
	case OWNER_LISTENER:
		return 1;
	case OWNER_UNKNOWN:
		break;
	}
	return 0;
}

/* One of them, as an event has it: which, and what is told of it, by the script. */
static struct event take_event(struct world *w, struct script *s, enum event_kind kind)
{
	struct event e;
	const uint64_t id = 1 + script_byte(s) % IDS;
	const uint8_t how = script_byte(s);

	memset(&e, 0, sizeof(e));
	e.kind = kind;
	e.time_boot_ns = w->now_ns += 1 + script_byte(s);
	e.connection.id = id;
	e.connection.cookie = id / 2;
	e.connection.start_boot_ns = (int64_t)id * 100;
	e.connection.peer_port = 443;
	e.connection.family = 4;
	e.connection.owner_source = (enum owner_source)(how % 7);
	e.connection.owner.pid = e.connection.owner_source ? how % 7 + 1u : 0;
	e.connection.outcome = kind == KIND_END	 ? OUTCOME_CLOSED
			       : (how & 64) != 0 ? OUTCOME_CONNECTING
						 : OUTCOME_OPEN;
	if (kind == KIND_OPEN)
		e.connection.outcome = OUTCOME_OPEN;
	if ((how & 128) != 0)
		e.connection.flags = CONNECTION_PREEXISTING;
	if (kind == KIND_PROGRESS || kind == KIND_END) {
		e.connection.tx_bytes = script_byte(s);
		e.connection.rx_bytes = script_byte(s) % 4;
	}
	return e;
}

/* ---- what is expected ---- */

static void check_owner(const struct connection *now, const struct connection *before)
{
	must(rank(now->owner_source) >= rank(before->owner_source));
}

/* @row is what the track has to say of the open connection @k now. */
static void check_row(const struct known *k, const struct connection *row)
{
	must(row->id == k->told.id && row->outcome == k->told.outcome);
	must(row->tx_bytes == k->told.tx_bytes && row->rx_bytes == k->told.rx_bytes);
	check_owner(row, &k->told);
}

static size_t count_open(const struct world *w)
{
	size_t n = 0;

	for (int i = 1; i <= IDS; i++)
		n += w->known[i].open;
	return n;
}

/* ---- events ---- */

static void apply_open(struct known *k, const struct connection *c, bool progress)
{
	if (!k->open) {
		*k = (struct known){.open = true, .marked = true, .told = *c};
		return;
	}
	k->marked |= progress;
	if (rank(c->owner_source) > rank(k->told.owner_source)) {
		if (progress ||
		    (k->told.outcome == OUTCOME_CONNECTING && c->outcome == OUTCOME_OPEN))
			k->told.owner_source = c->owner_source;
	}
	if (k->told.outcome == OUTCOME_CONNECTING && c->outcome == OUTCOME_OPEN) {
		k->told.outcome = OUTCOME_OPEN;
		k->told.tx_bytes = c->tx_bytes;
		k->told.rx_bytes = c->rx_bytes;
	}
	if (progress) {
		k->told.tx_bytes = c->tx_bytes;
		k->told.rx_bytes = c->rx_bytes;
	}
}

static void apply(struct world *w, struct script *s, enum event_kind kind)
{
	const struct event e = take_event(w, s, kind);
	struct known *k = &w->known[e.connection.id];
	struct connection ended;
	int ret = track_apply(w->track, &e, &ended);

	must(ret == (kind == KIND_END));
	if (kind == KIND_OPEN || kind == KIND_PROGRESS)
		apply_open(k, &e.connection, kind == KIND_PROGRESS);
	if (kind == KIND_OWNER && k->open &&
	    rank(e.connection.owner_source) > rank(k->told.owner_source))
		k->told.owner_source = e.connection.owner_source;
	if (kind != KIND_END)
		return;
	must(ended.id == e.connection.id && ended.outcome == OUTCOME_CLOSED);
	must(ended.tx_bytes == e.connection.tx_bytes && ended.rx_bytes == e.connection.rx_bytes);
	check_owner(&ended, &e.connection);
	if (k->open) {
		check_owner(&ended, &k->told);
		/* By this its row as an open one is found and taken away. */
		must(!k->written || ended.open_row == k->row.open_row);
	}
	*k = (struct known){0};
}

/* ---- the database ---- */

static void flush(struct world *w, size_t max, bool works)
{
	struct connection *rows[IDS + 1];
	const size_t n = track_unwritten(w->track, INT64_MAX, rows, max < IDS ? max : IDS);

	must(n <= max);
	for (size_t i = 0; i < n; i++) {
		const uint64_t id = rows[i]->id;
		struct known *k = &w->known[id];

		must(id >= 1 && id <= IDS && k->open);
		for (size_t j = 0; j < i; j++)
			must(rows[j] != rows[i]);
		check_row(k, rows[i]);
	}
	if (!works)
		return;
	track_written(w->track, rows, n);
	for (size_t i = 0; i < n; i++) {
		struct known *k = &w->known[rows[i]->id];

		must(rows[i]->open_row != 0);
		k->written = true;
		k->row = *rows[i];
	}
	if (max < IDS)
		return;
	/* All of it is there. What the scan finds may have a row of an earlier run. */
	must(track_unwritten(w->track, INT64_MAX, rows, IDS) == 0);
	for (int i = 1; i <= IDS; i++) {
		const struct known *k = &w->known[i];

		must(!k->open || k->written || k->told.flags & CONNECTION_PREEXISTING);
		if (k->open && k->written)
			check_row(k, &k->row);
	}
}

static void forget_rows(struct world *w)
{
	track_forget_rows(w->track);
	for (int i = 1; i <= IDS; i++) {
		struct known *k = &w->known[i];

		k->written = false;
		/* It may have been known by its row only. */
		k->told.owner_source = OWNER_UNKNOWN;
	}
}

/* ---- sweeps ---- */

static bool on_lost(void *ctx, const struct connection *c)
{
	struct world *w = ctx;
	struct known *k;

	must(c->outcome == OUTCOME_LOST && c->end_boot_ns == 0);
	if (w->room == 0)
		return false;
	if (w->room > 0)
		w->room--;
	w->n_lost++;
	if (w->swept_leftovers)
		return true;
	must(c->id >= 1 && c->id <= IDS);
	k = &w->known[c->id];
	must(k->open && !k->marked && (k->missed || w->doubt));
	*k = (struct known){0};
	return true;
}

static void begin_sweep(struct world *w)
{
	track_begin_sweep(w->track);
	for (int i = 1; i <= IDS; i++)
		w->known[i].marked = false;
}

static void sweep(struct world *w, int room)
{
	bool doubtful = false, left = false;
	enum swept swept;

	w->room = room;
	for (int i = 1; i <= IDS; i++)
		doubtful |= w->known[i].open && !w->known[i].marked && !w->known[i].missed;
	swept = track_sweep(w->track, on_lost, w);
	for (int i = 1; i <= IDS; i++)
		left |= w->known[i].open && !w->known[i].marked && w->known[i].missed;
	must(w->doubt || left == (swept == SWEPT_NO_ROOM));
	must(room >= 0 || swept != SWEPT_NO_ROOM);
	if (swept == SWEPT_NO_ROOM) {
		w->doubt = true;
		return;
	}
	must(w->doubt || (swept == SWEPT_DOUBTFUL) == doubtful);
	w->doubt = false;
	for (int i = 1; i <= IDS; i++)
		w->known[i].missed = w->known[i].open && !w->known[i].marked;
}

/* ---- an earlier run ---- */

static void leave_over(struct world *w, struct script *s)
{
	struct event e = take_event(w, s, KIND_OPEN);

	if (w->n_leftovers == LEFTOVERS)
		return;
	e.connection.id += 1000; /* of another run, and its owner no more than a row */
	e.connection.open_row = (int64_t)e.connection.id;
	e.connection.process_row = 7;
	e.connection.owner.pid = 0;
	w->n_leftovers++;
	must(track_leftover(w->track, &e.connection) == 0);
}

static void lose_leftovers(struct world *w, int room)
{
	w->room = room;
	w->swept_leftovers = true;
	w->n_lost = 0;
	must(track_lose_leftovers(w->track, on_lost, w) || room >= 0);
	must(w->n_lost <= w->n_leftovers);
	w->n_leftovers -= w->n_lost;
	w->swept_leftovers = false;
}

static void step(struct world *w, struct script *s)
{
	static const enum event_kind kinds[] = {KIND_OPEN,     KIND_OPEN, KIND_PROGRESS,
						KIND_PROGRESS, KIND_END,  KIND_PROGRESS,
						KIND_OWNER,    KIND_EXIT};
	const uint8_t op = script_byte(s), n = op / 16;

	switch (op % 16) {
	case 8:
	case 9:
		flush(w, IDS, true);
		break;
	case 10:
		flush(w, n, n & 1);
		break;
	case 11:
		begin_sweep(w);
		break;
	case 12:
	case 13:
		sweep(w, n < 4 ? n : -1);
		break;
	case 14:
		leave_over(w, s);
		break;
	case 15:
		if (n & 1)
			lose_leftovers(w, n < 4 ? n : -1);
		else if (n == 0)
			forget_rows(w);
		break;
	default:
		apply(w, s, kinds[op % 8]);
	}
	must(track_count(w->track) == count_open(w));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s = {data, size};
	struct world w = {.room = -1};

	must((w.track = track_new()));
	while (s.left)
		step(&w, &s);
	flush(&w, IDS, true);
	/* Nobody tells of them any more. */
	for (int i = 0; i < 3; i++) {
		begin_sweep(&w);
		sweep(&w, -1);
	}
	must(track_count(w.track) == 0);
	lose_leftovers(&w, -1);
	track_free(w.track);
	return 0;
}
