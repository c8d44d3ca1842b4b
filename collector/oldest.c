#include "oldest.h"

#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "db.h"
#include "hourly.h"

#define HOUR_US 3600000000LL

/* A chunk takes so long; how many rows that is, is learned. */
#define CHUNK_NS  (2 * NS_PER_MS)
#define MIN_CHUNK 100
#define MAX_CHUNK 10000

#define ROW_BYTES 100	 /* of a connection, with what it refers to */
#define MAX_KEPT  200000 /* connections that are counted, to see whether they are many */

enum statement {
	READ_EXTENT,
	FIND_ROWS,
	FIND_NTH,
	FIND_HOUR,
	DROP_ROWS,
	MOVE_ROWS,
	DROP_HOURLY,
	DROP_PROGRAM,
	MOVE_TOTALS,
	FIND_SLOT,
	DROP_RECENT,
	DROP_RECENT_PROGRAM,
	MOVE_RECENT,
	PUT_GAP,
	MOVE_GAP,
	STATEMENTS,
};

struct extent {
	int64_t totals_until_hour, totals_from_hour, recent_until_slot, recent_from_slot;
};

struct oldest {
	sqlite3 *db;	     /* borrowed */
	struct purge *purge; /* borrowed */
	sqlite3_stmt *stmts[STATEMENTS];
	int64_t chunk;	  /* rows */
	int64_t surplus;  /* connections that can go before they are counted again */
	int64_t gap;	  /* the row that tells of those without totals; 0: none yet */
	int64_t gap_hour; /* its hour */
};

int oldest_new(sqlite3 *db, struct purge *purge, struct oldest **out, struct err *err)
{
	static const char *const sql[STATEMENTS] = {
		[READ_EXTENT] = "SELECT totals_until_hour, totals_from_hour, recent_until_slot,"
				" recent_from_slot FROM extent",
		[FIND_ROWS] = "SELECT count(*), min(id), max(id) FROM (SELECT id FROM connection"
			      " WHERE id < ?1 ORDER BY id LIMIT ?2)",
		[FIND_NTH] = "SELECT id FROM connection ORDER BY id LIMIT 1 OFFSET ?1",
		[FIND_HOUR] = "SELECT hour FROM hourly ORDER BY hour LIMIT 1",
		[DROP_ROWS] = "DELETE FROM connection WHERE id <= ?1",
		[MOVE_ROWS] = "UPDATE extent SET rows_from_us = max(rows_from_us, ?1)",
		[DROP_HOURLY] = "DELETE FROM hourly WHERE (hour, direction, peer_addr,"
				" service_port, program_id, container_id, loopback) IN (SELECT"
				" hour, direction, peer_addr, service_port, program_id,"
				" container_id, loopback FROM hourly WHERE hour < ?1 LIMIT ?2)",
		[DROP_PROGRAM] = "DELETE FROM hourly_program WHERE hour < ?1",
		[MOVE_TOTALS] = "UPDATE extent SET totals_from_hour = max(totals_from_hour, ?1)",
		[FIND_SLOT] = "SELECT slot FROM recent_program ORDER BY slot LIMIT 1",
		[DROP_RECENT] = "DELETE FROM recent WHERE (slot, direction, peer_addr,"
				" service_port, program_id, container_id, loopback) IN (SELECT"
				" slot, direction, peer_addr, service_port, program_id,"
				" container_id, loopback FROM recent WHERE slot < ?1 LIMIT ?2)",
		[DROP_RECENT_PROGRAM] = "DELETE FROM recent_program WHERE slot < ?1",
		[MOVE_RECENT] = "UPDATE extent SET recent_from_slot = max(recent_from_slot, ?1)",
		[PUT_GAP] = "INSERT INTO gap(from_us, to_us, reason, count)"
			    " VALUES(?1, ?2, 'pruned', ?3)",
		[MOVE_GAP] = "UPDATE gap SET to_us = max(to_us, ?2), count = count + ?3"
			     " WHERE id = ?1 AND reason = 'pruned'",
	};
	struct oldest *o = calloc(1, sizeof(*o));
	int ret = 0;

	if (!o)
		return err_set(err, -ENOMEM, "no memory for the retention");
	o->db = db;
	o->purge = purge;
	o->chunk = MIN_CHUNK;
	for (int i = 0; i < STATEMENTS && !ret; i++)
		ret = db_prepare(db, sql[i], &o->stmts[i], err);
	if (ret) {
		oldest_free(o);
		return ret;
	}
	*out = o;
	return 0;
}

void oldest_free(struct oldest *o)
{
	if (!o)
		return;
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(o->stmts[i]);
	free(o);
}

/* ---- statements ---- */

/* Binds the first @n_in of @values, and puts the row's first @n_out there. 1: there is a row,
 * 0: there is none. */
static int ask(struct oldest *o, enum statement s, int64_t *values, int n_in, int n_out,
	       struct err *err)
{
	sqlite3_stmt *stmt = o->stmts[s];
	int rc, ret;

	for (int i = 0; i < n_in; i++)
		sqlite3_bind_int64(stmt, i + 1, values[i]);
	rc = sqlite3_step(stmt);
	ret = rc == SQLITE_ROW;
	for (int i = 0; ret && i < n_out; i++)
		values[i] = sqlite3_column_int64(stmt, i);
	sqlite3_reset(stmt);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return err_set(err, db_errno(rc), "looking for what is old: %s",
			       sqlite3_errmsg(o->db));
	return ret;
}

static int run(struct oldest *o, enum statement s, const int64_t *values, int n, struct err *err)
{
	for (int i = 0; i < n; i++)
		sqlite3_bind_int64(o->stmts[s], i + 1, values[i]);
	return db_step(o->db, o->stmts[s], "the deletion of what is old", err);
}

static int read_extent(struct oldest *o, struct extent *e, struct err *err)
{
	int64_t values[4] = {0};
	int ret = ask(o, READ_EXTENT, values, 0, 4, err);

	*e = (struct extent){values[0], values[1], values[2], values[3]};
	return ret < 0 ? ret : 0;
}

/* Ends a transaction that returned @ret; @begin_ns: when it began, by which the next chunk
 * is sized. */
static int settle(struct oldest *o, int ret, int64_t begin_ns, struct err *err)
{
	int64_t took_ns;

	ret = db_end(o->db, ret, err);
	if (ret)
		return ret;
	took_ns = clock_boot_ns() - begin_ns;
	if (took_ns > CHUNK_NS && o->chunk > MIN_CHUNK)
		o->chunk /= 2;
	else if (took_ns < CHUNK_NS / 2 && o->chunk < MAX_CHUNK)
		o->chunk *= 2;
	return 1;
}

/* ---- connections ---- */

struct chunk {
	int64_t n, first, last; /* last: its key, too, goes */
};

/* One row for each hour. */
static int tell_gap(struct oldest *o, const struct chunk *c, struct err *err)
{
	const int64_t hour = c->first / HOUR_US;
	int ret = 0;

	if (o->gap && o->gap_hour == hour) {
		ret = run(o, MOVE_GAP, (int64_t[]){o->gap, c->last, c->n}, 3, err);
		if (ret || sqlite3_changes(o->db) == 1)
			return ret;
	}
	ret = run(o, PUT_GAP, (int64_t[]){c->first, c->last, c->n}, 3, err);
	o->gap = ret ? 0 : sqlite3_last_insert_rowid(o->db);
	o->gap_hour = hour;
	return ret;
}

static int delete_below(struct oldest *o, int64_t below_us, bool untotalled, struct err *err)
{
	int64_t values[3] = {below_us, o->chunk}, begin_ns;
	struct chunk c;
	int ret = ask(o, FIND_ROWS, values, 2, 3, err);

	if (ret < 0)
		return ret;
	c = (struct chunk){values[0], values[1], values[2]};
	if (c.n == 0)
		return 0;
	begin_ns = clock_boot_ns();
	ret = db_exec(o->db, "BEGIN IMMEDIATE", err);
	if (ret)
		return ret;
	ret = run(o, DROP_ROWS, &c.last, 1, err);
	if (!ret)
		ret = run(o, MOVE_ROWS, (int64_t[]){c.last + 1}, 1, err);
	if (!ret && untotalled)
		ret = tell_gap(o, &c, err);
	ret = settle(o, ret, begin_ns, err);
	if (ret < 0) {
		o->gap = 0;
		return ret;
	}
	o->surplus -= c.n;
	purge_deleted(o->purge, c.n, untotalled);
	return 1;
}

static int64_t hour_us(int64_t hour)
{
	return hour < INT64_MAX / HOUR_US ? hour * HOUR_US : INT64_MAX;
}

int oldest_delete_rows(struct oldest *o, int64_t below_us, struct err *err)
{
	struct extent e;
	int ret = read_extent(o, &e, err);

	if (ret)
		return ret;
	if (hour_us(e.totals_until_hour) < below_us)
		below_us = hour_us(e.totals_until_hour);
	return delete_below(o, below_us, false, err);
}

/* ---- totals ---- */

/* Hours before @hour: from the moment of the first chunk none of them is to be read. */
static int delete_hours(struct oldest *o, int64_t hour, struct err *err)
{
	int64_t begin_ns = clock_boot_ns();
	int n = 0, ret = db_exec(o->db, "BEGIN IMMEDIATE", err);

	if (ret)
		return ret;
	ret = run(o, MOVE_TOTALS, &hour, 1, err);
	if (!ret)
		ret = run(o, DROP_HOURLY, (int64_t[]){hour, o->chunk}, 2, err);
	n = sqlite3_changes(o->db);
	if (!ret)
		ret = run(o, DROP_PROGRAM, &hour, 1, err);
	ret = settle(o, ret, begin_ns, err);
	if (ret == 1)
		purge_deleted(o->purge, n, false);
	return ret;
}

int oldest_delete_totals(struct oldest *o, int64_t below_us, struct err *err)
{
	int64_t oldest = INT64_MAX, below = below_us / HOUR_US;
	struct extent e;
	int ret = read_extent(o, &e, err);

	if (!ret)
		ret = ask(o, FIND_HOUR, &oldest, 0, 1, err);
	if (ret < 0)
		return ret;
	if (below > e.totals_until_hour)
		below = e.totals_until_hour;
	if (below < e.totals_from_hour) /* a chunk of them is left */
		below = e.totals_from_hour;
	if (ret == 0 || oldest >= below)
		return 0;
	return delete_hours(o, oldest + 1 > e.totals_from_hour ? oldest + 1 : e.totals_from_hour,
			    err);
}

/* ---- recent totals ---- */

/* Slots before @slot; those without the peer last, by which they are found. */
static int delete_slots(struct oldest *o, int64_t slot, struct err *err)
{
	int64_t begin_ns = clock_boot_ns();
	int ret = db_exec(o->db, "BEGIN IMMEDIATE", err);

	if (ret)
		return ret;
	ret = run(o, MOVE_RECENT, &slot, 1, err);
	if (!ret)
		ret = run(o, DROP_RECENT, (int64_t[]){slot, o->chunk}, 2, err);
	if (!ret && sqlite3_changes(o->db) < o->chunk)
		ret = run(o, DROP_RECENT_PROGRAM, &slot, 1, err);
	return settle(o, ret, begin_ns, err);
}

int oldest_delete_recent(struct oldest *o, int64_t below_us, struct err *err)
{
	int64_t oldest = INT64_MAX, below = below_us / RECENT_US;
	struct extent e;
	int ret = read_extent(o, &e, err);

	if (!ret)
		ret = ask(o, FIND_SLOT, &oldest, 0, 1, err);
	if (ret <= 0)
		return ret;
	if (below > e.recent_until_slot)
		below = e.recent_until_slot;
	if (below < e.recent_until_slot - RECENT_KEPT)
		below = e.recent_until_slot - RECENT_KEPT;
	if (below < e.recent_from_slot) /* a chunk of them is left */
		below = e.recent_from_slot;
	return oldest < below ? delete_slots(o, oldest + 1, err) : 0;
}

/* ---- whatever is oldest ---- */

/* Whether so many connections are there that they are the ones to go. */
static int are_rows_many(struct oldest *o, int64_t max_bytes, struct err *err)
{
	int64_t kept = max_bytes / 4 / ROW_BYTES;
	int ret;

	if (o->surplus > 0)
		return 1;
	if (kept > MAX_KEPT)
		kept = MAX_KEPT;
	for (int64_t more = kept; more >= MIN_CHUNK; more /= 8) {
		ret = ask(o, FIND_NTH, (int64_t[]){kept + more}, 1, 0, err);
		if (ret == 1)
			o->surplus = more;
		if (ret)
			return ret;
	}
	return 0;
}

static int delete_any_rows(struct oldest *o, bool *untotalled, struct err *err)
{
	int ret = oldest_delete_rows(o, INT64_MAX, err);

	if (ret == 0) /* they only say quickly what the rows say, too */
		ret = oldest_delete_recent(o, INT64_MAX, err);
	if (ret)
		return ret;
	ret = delete_below(o, INT64_MAX, true, err);
	*untotalled = ret == 1;
	return ret;
}

int oldest_delete(struct oldest *o, int64_t max_bytes, bool *untotalled, struct err *err)
{
	int ret = are_rows_many(o, max_bytes, err);

	if (ret < 0)
		return ret;
	if (ret == 0)
		ret = oldest_delete_totals(o, INT64_MAX, err);
	else
		ret = 0;
	return ret ? ret : delete_any_rows(o, untotalled, err);
}
