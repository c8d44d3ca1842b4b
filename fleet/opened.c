#include "opened.h"

#include <errno.h>
#include <stdlib.h>

#include "db.h"

/* One that the server knows. */
struct known {
	int64_t id, start_us, seen_us;
};

struct set {
	struct known *all; /* in the order of id */
	size_t n, room;
};

struct opened {
	struct set known, next;
};

int opened_new(struct opened **out, struct err *err)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : err_set(err, -ENOMEM, "no memory for open connections");
}

void opened_free(struct opened *o)
{
	if (!o)
		return;
	free(o->known.all);
	free(o->next.all);
	free(o);
}

void opened_clear(struct opened *o)
{
	o->known.n = 0;
}

static int add(struct set *s, struct known k)
{
	if (s->n == s->room) {
		size_t room = s->room ? s->room * 2 : 1024;
		struct known *all = realloc(s->all, room * sizeof(*all));

		if (!all)
			return -ENOMEM;
		s->all = all;
		s->room = room;
	}
	s->all[s->n++] = k;
	return 0;
}

int opened_know(struct opened *o, int64_t id, int64_t start_us, int64_t seen_us)
{
	return add(&o->known, (struct known){id, start_us, seen_us});
}

void opened_sent(struct opened *o)
{
	struct set known = o->known;

	o->known = o->next;
	o->next = known;
	o->next.n = 0;
}

int opened_unsure(struct opened *o)
{
	struct set both = {0};
	size_t at = 0;
	int ret = 0;

	for (size_t i = 0; i < o->next.n && !ret; i++) {
		struct known k = o->next.all[i];

		k.seen_us = 0; /* long ago */
		while (!ret && at < o->known.n && o->known.all[at].id < k.id)
			ret = add(&both, o->known.all[at++]);
		at += at < o->known.n && o->known.all[at].id == k.id;
		ret = ret ? ret : add(&both, k);
	}
	while (!ret && at < o->known.n)
		ret = add(&both, o->known.all[at++]);
	free(ret ? both.all : o->known.all);
	if (!ret)
		o->known = both;
	o->next.n = 0;
	return ret;
}

static const char read_ids[] = "SELECT id, start_us, seen_us FROM open_connection ORDER BY id";

/* The words are those of the view open_connections, which has no id. */
static const char read_row[] =
	"SELECT ?1 AS node_id, ?2 AS node, o.id AS open_id, o.start_us AS start_us,"
	" o.seen_us AS seen_us, ?3 AS sent_us, 0 AS is_over,"
	" CASE o.direction WHEN 0 THEN 'out' ELSE 'in' END AS direction,"
	" CASE o.outcome WHEN 0 THEN 'connecting' ELSE 'open' END AS outcome, NULL AS error,"
	" g.comm AS comm, g.exe AS exe, p.pid AS pid, g.uid AS uid, k.name AS container,"
	" k.container_id AS container_id, k.pod AS pod, o.netns AS netns,"
	" CASE WHEN o.peer_addr LIKE '%:%' THEN 6 ELSE 4 END AS family,"
	" o.local_addr AS local_addr, o.local_port AS local_port, o.peer_addr AS peer_addr,"
	" o.peer_port AS peer_port,"
	" CASE o.direction WHEN 0 THEN o.peer_port ELSE o.local_port END AS service_port,"
	" o.connect_us AS connect_us, o.tx_bytes AS tx_bytes, o.rx_bytes AS rx_bytes,"
	" o.retransmits AS retransmits, o.srtt_us AS srtt_us, o.min_rtt_us AS min_rtt_us,"
	" CASE o.owner_source WHEN 1 THEN 'connect' WHEN 2 THEN 'accept' WHEN 3 THEN 'close'"
	" WHEN 4 THEN 'scan' WHEN 5 THEN 'listener' WHEN 6 THEN 'kernel' END AS owner_source,"
	" q.pid AS closed_by, 0 AS failed, o.accept_wait_us AS accept_wait_us,"
	" ifnull(o.thread, g.comm) AS thread, (o.flags & 32) != 0 AS loopback,"
	" o.cookie AS cookie, o.flags AS flags, o.process_id AS process_id"
	" FROM open_connection o"
	" LEFT JOIN process p ON p.id = o.process_id"
	" LEFT JOIN program g ON g.id = p.program_id"
	" LEFT JOIN container k ON k.id = o.container_id"
	" LEFT JOIN process q ON q.id = o.closer_id"
	" WHERE o.id = ?4";

static const char read_over[] = "SELECT ?1 AS node_id, ?2 AS node, ?4 AS open_id, ?5 AS start_us,"
				" ?3 AS sent_us, 1 AS is_over";

struct reading {
	struct opened *o;
	struct source *source;
	sqlite3_stmt *ids, *row, *over;
	struct body *row_body, *over_body;
	int64_t every_us;
	size_t at; /* in what is known */
};

static int tell_over(struct reading *r, const struct known *k, struct err *err)
{
	sqlite3_bind_int64(r->over, 4, k->id);
	sqlite3_bind_int64(r->over, 5, k->start_us);
	return source_read(r->source, r->over, r->over_body, err);
}

/* Up to @id: what was known before and is no longer there. */
static int tell_gone(struct reading *r, int64_t id, struct err *err)
{
	int ret = 0;

	while (!ret && r->at < r->o->known.n && r->o->known.all[r->at].id < id)
		ret = tell_over(r, &r->o->known.all[r->at++], err);
	return ret;
}

static int tell_open(struct reading *r, struct known now, struct err *err)
{
	const struct known *before = NULL;
	int ret = tell_gone(r, now.id, err);

	while (!ret && r->at < r->o->known.n && r->o->known.all[r->at].id == now.id) {
		const struct known *k = &r->o->known.all[r->at++];

		if (k->start_us == now.start_us)
			before = k;
		else /* the id of another boot */
			ret = tell_over(r, k, err);
	}
	if (ret)
		return ret;
	if (before && now.seen_us < before->seen_us + r->every_us) {
		now.seen_us = before->seen_us;
	} else {
		sqlite3_bind_int64(r->row, 4, now.id);
		ret = source_read(r->source, r->row, r->row_body, err);
	}
	if (!ret && add(&r->o->next, now))
		ret = err_set(err, -ENOMEM, "no memory for open connections");
	return ret;
}

static int read_all(struct reading *r, struct err *err)
{
	int rc, ret = 0;

	r->o->next.n = 0;
	while (!ret && (rc = sqlite3_step(r->ids)) == SQLITE_ROW)
		ret = tell_open(r,
				(struct known){sqlite3_column_int64(r->ids, 0),
					       sqlite3_column_int64(r->ids, 1),
					       sqlite3_column_int64(r->ids, 2)},
				err);
	if (!ret && rc != SQLITE_DONE)
		ret = err_set(err, db_errno(rc), "reading what is open: %s", sqlite3_errstr(rc));
	return ret ? ret : tell_gone(r, INT64_MAX, err);
}

int opened_read(struct opened *o, struct source *s, int64_t sent_us, int64_t every_us,
		struct body *rows, char insert_rows[SOURCE_INSERT_BYTES], struct body *over,
		char insert_over[SOURCE_INSERT_BYTES], struct err *err)
{
	AUTO_STMT *ids = NULL, *row = NULL, *gone = NULL;
	struct reading r = {o, s, NULL, NULL, NULL, rows, over, every_us, 0};
	int ret = source_prepare(s, read_ids, 0, &ids, err);

	if (!ret)
		ret = source_prepare(s, read_row, sent_us, &row, err);
	if (!ret)
		ret = source_prepare(s, read_over, sent_us, &gone, err);
	if (ret)
		return ret;
	source_insert(row, "open_connections", insert_rows);
	source_insert(gone, "open_connections", insert_over);
	r.ids = ids;
	r.row = row;
	r.over = gone;
	return read_all(&r, err);
}
