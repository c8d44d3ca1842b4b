#include "open_rows.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "db.h"

#define LEAST_OVER  1000 /* fewer are not worth a transaction */
#define MOST_A_STEP 2000

#define COLUMNS                                                                                    \
	"id, start_us, seen_us, direction, outcome, error, local_addr, local_port, peer_addr,"     \
	" peer_port, process_id, closer_id, container_id, netns, connect_us, accept_wait_us,"      \
	" tx_bytes, rx_bytes, retransmits, srtt_us, min_rtt_us, cookie, owner_source, flags,"      \
	" thread"
#define SWEPT "(SELECT id FROM open_over ORDER BY id LIMIT ?1)"

struct open_rows {
	sqlite3 *db; /* borrowed */
	sqlite3_stmt *put, *meet, *end, *sweep, *sweep_over, *count;
	int64_t over;	    /* about so many are */
	int64_t sweep_from; /* when so many are */
	bool sweeping;
};

/* How many are over, and how many must be for the next sweep. */
static int count(struct open_rows *o, struct err *err)
{
	int rc = sqlite3_step(o->count);
	int64_t live = sqlite3_column_int64(o->count, 0);

	o->over = sqlite3_column_int64(o->count, 1);
	sqlite3_reset(o->count);
	if (rc != SQLITE_ROW)
		return err_set(err, db_errno(rc), "counting open connections: %s",
			       sqlite3_errmsg(o->db));
	o->sweep_from = live > LEAST_OVER ? live : LEAST_OVER;
	return 0;
}

int open_rows_new(sqlite3 *db, struct open_rows **out, struct err *err)
{
	struct open_rows *o = calloc(1, sizeof(*o));
	int ret;

	if (!o)
		return err_set(err, -ENOMEM, "no memory for open connections");
	o->db = db;
	const struct db_statement all[] = {
		{&o->put,
		 "INSERT OR REPLACE INTO open_row(" COLUMNS ") SELECT " COLUMNS " FROM flushed"},
		/* One that was thought to be lost may be met again. */
		{&o->meet, "DELETE FROM open_over WHERE id IN (SELECT id FROM flushed)"},
		{&o->end, "INSERT OR IGNORE INTO open_over SELECT open_row FROM flushed"
			  " WHERE open_row IS NOT NULL"},
		{&o->sweep, "DELETE FROM open_row WHERE id IN " SWEPT},
		{&o->sweep_over, "DELETE FROM open_over WHERE id IN " SWEPT},
		{&o->count, "SELECT o.n - v.n, v.n FROM (SELECT count(*) n FROM open_row) o,"
			    " (SELECT count(*) n FROM open_over) v"},
	};

	ret = db_prepare_all(db, all, sizeof(all) / sizeof(all[0]), err);
	if (!ret) {
		sqlite3_bind_int(o->sweep, 1, MOST_A_STEP);
		sqlite3_bind_int(o->sweep_over, 1, MOST_A_STEP);
		ret = count(o, err);
	}
	if (ret) {
		open_rows_free(o);
		return ret;
	}
	*out = o;
	return 0;
}

void open_rows_free(struct open_rows *o)
{
	if (!o)
		return;
	sqlite3_finalize(o->put);
	sqlite3_finalize(o->meet);
	sqlite3_finalize(o->end);
	sqlite3_finalize(o->sweep);
	sqlite3_finalize(o->sweep_over);
	sqlite3_finalize(o->count);
	free(o);
}

int open_rows_write(struct open_rows *o, struct err *err)
{
	int ret = db_step(o->db, o->put, "open connections", err);

	return ret ? ret : db_step(o->db, o->meet, "open connections", err);
}

int open_rows_end(struct open_rows *o, struct err *err)
{
	int ret = db_step(o->db, o->end, "connections that ended", err);

	/* Also when the flush fails later: then a sweep comes early. */
	if (!ret)
		o->over += sqlite3_changes(o->db);
	return ret;
}

/* Returns how many. */
static int sweep(struct open_rows *o, struct err *err)
{
	int n, ret = db_exec(o->db, "BEGIN IMMEDIATE", err);

	if (!ret)
		ret = db_step(o->db, o->sweep, "what is open", err);
	if (!ret)
		ret = db_step(o->db, o->sweep_over, "what is open", err);
	n = sqlite3_changes(o->db);
	ret = db_end(o->db, ret, err);
	return ret ? ret : n;
}

int open_rows_sweep(struct open_rows *o, struct err *err)
{
	int ret;

	if (!o->sweeping && o->over < o->sweep_from)
		return 0;
	ret = sweep(o, err);
	if (ret < 0)
		return ret;
	o->sweeping = ret == MOST_A_STEP;
	return o->sweeping ? 1 : count(o, err);
}
