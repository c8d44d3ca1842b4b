#include "dns_rows.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "db.h"

#define ROW_BYTES    1200 /* at most, with both indexes: the name stands in each; usual ones: 238 */
#define SIZE_PART    16	  /* of --max-size */
#define CHUNK	     500  /* rows that are deleted at once: some ms */
#define LOOK_EACH_US (60 * NS_PER_S / NS_PER_US)

#define OLDEST "(SELECT address, name, server FROM dns_name"

struct dns_rows {
	sqlite3 *db; /* borrowed */
	sqlite3_stmt *put, *put_account, *account, *count, *drop_many, *drop_old, *pruned;
	int64_t run_id;
	int64_t retain_us; /* 0: for ever */
	int64_t max_rows;
	int64_t rows;	   /* at most so many are there */
	bool is_counted;   /* just so many */
	bool is_over;	   /* more than max_rows were: they go down to somewhat less */
	int64_t looked_us; /* for old ones */
	bool has_account;
	struct dns_counters written, pending; /* of the account */
	int64_t n_pending;
	bool is_pending;
};

static int prepare(struct dns_rows *r, struct err *err)
{
	const struct db_statement all[] = {
		{&r->put, "INSERT INTO dns_name(address, name, server, first_us, last_us, answers)"
			  " VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET"
			  " first_us = min(first_us, excluded.first_us),"
			  " last_us = max(last_us, excluded.last_us),"
			  " answers = answers + excluded.answers"},
		{&r->put_account,
		 "INSERT INTO dns_account(run_id, seen, used, passed, copies, malformed, fragments,"
		 " cut, dropped, overflow, pruned) VALUES(?1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)"
		 " ON CONFLICT DO NOTHING"},
		{&r->account, "UPDATE dns_account SET seen = ?2, used = ?3, passed = ?4,"
			      " copies = ?5, malformed = ?6, fragments = ?7, cut = ?8,"
			      " dropped = ?9, overflow = ?10 WHERE run_id = ?1"},
		{&r->count, "SELECT count(*) FROM dns_name"},
		{&r->drop_many, "DELETE FROM dns_name WHERE (address, name, server) IN " OLDEST
				" ORDER BY last_us LIMIT ?1)"},
		{&r->drop_old, "DELETE FROM dns_name WHERE (address, name, server) IN " OLDEST
			       " WHERE last_us < ?2 ORDER BY last_us LIMIT ?1)"},
		{&r->pruned, "UPDATE dns_account SET pruned = pruned + ?2 WHERE run_id = ?1"},
	};

	return db_prepare_all(r->db, all, sizeof(all) / sizeof(all[0]), err);
}

static int count(struct dns_rows *r, struct err *err)
{
	int rc = sqlite3_step(r->count);

	r->rows = rc == SQLITE_ROW ? sqlite3_column_int64(r->count, 0) : 0;
	r->is_counted = rc == SQLITE_ROW;
	sqlite3_reset(r->count);
	return rc == SQLITE_ROW
		       ? 0
		       : err_set(err, db_errno(rc), "counting names: %s", sqlite3_errmsg(r->db));
}

int dns_rows_new(sqlite3 *db, int64_t run_id, const struct retention *retention,
		 struct dns_rows **out, struct err *err)
{
	struct dns_rows *r = calloc(1, sizeof(*r));
	int ret;

	if (!r)
		return err_set(err, -ENOMEM, "no memory for names");
	r->db = db;
	r->run_id = run_id;
	r->retain_us = retention->rows_ns / NS_PER_US;
	r->max_rows = DNS_ROWS_MAX;
	if (retention->max_bytes && retention->max_bytes / SIZE_PART / ROW_BYTES < DNS_ROWS_MAX)
		r->max_rows = (int64_t)(retention->max_bytes / SIZE_PART / ROW_BYTES);
	ret = prepare(r, err);
	if (!ret)
		ret = count(r, err);
	if (ret) {
		dns_rows_free(r);
		return ret;
	}
	*out = r;
	return 0;
}

void dns_rows_free(struct dns_rows *r)
{
	if (!r)
		return;
	sqlite3_finalize(r->put);
	sqlite3_finalize(r->put_account);
	sqlite3_finalize(r->account);
	sqlite3_finalize(r->count);
	sqlite3_finalize(r->drop_many);
	sqlite3_finalize(r->drop_old);
	sqlite3_finalize(r->pruned);
	free(r);
}

/* ---- writing ---- */

static int put(struct dns_rows *r, const struct dns_name *n, int64_t offset_ns, struct err *err)
{
	char address[INET6_ADDRSTRLEN], server[INET6_ADDRSTRLEN];

	inet_ntop(n->address.family == 6 ? AF_INET6 : AF_INET, &n->address.addr, address,
		  sizeof(address));
	inet_ntop(n->server.family == 6 ? AF_INET6 : AF_INET, &n->server.addr, server,
		  sizeof(server));
	sqlite3_bind_text(r->put, 1, address, -1, SQLITE_STATIC);
	sqlite3_bind_text(r->put, 2, n->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(r->put, 3, server, -1, SQLITE_STATIC);
	sqlite3_bind_int64(r->put, 4, clock_wall_us(n->first_boot_ns, offset_ns));
	sqlite3_bind_int64(r->put, 5, clock_wall_us(n->last_boot_ns, offset_ns));
	sqlite3_bind_int64(r->put, 6, (int64_t)n->answers);
	return db_step(r->db, r->put, "a name", err);
}

static int write_account(struct dns_rows *r, const struct dns_counters *c, struct err *err)
{
	static const enum dns_verdict columns[] = {DNS_USED,	  DNS_PASSED,	DNS_COPY,
						   DNS_MALFORMED, DNS_FRAGMENT, DNS_CUT};
	uint64_t seen = 0;
	int at = 3, ret = 0;

	if (r->has_account && memcmp(c, &r->written, sizeof(*c)) == 0)
		return 0;
	if (!r->has_account) {
		sqlite3_bind_int64(r->put_account, 1, r->run_id);
		ret = db_step(r->db, r->put_account, "the account of names", err);
	}
	if (ret)
		return ret;
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		sqlite3_bind_int64(r->account, at++, (int64_t)c->verdict[columns[i]]);
		seen += c->verdict[columns[i]];
	}
	sqlite3_bind_int64(r->account, 1, r->run_id);
	sqlite3_bind_int64(r->account, 2, (int64_t)seen);
	sqlite3_bind_int64(r->account, at++, (int64_t)c->dropped);
	sqlite3_bind_int64(r->account, at, (int64_t)c->overflow);
	return db_step(r->db, r->account, "the account of names", err);
}

int dns_rows_write(struct dns_rows *r, const struct flush *f, struct err *err)
{
	int ret = write_account(r, &f->dns, err);

	for (size_t i = 0; i < f->n_names && !ret; i++)
		ret = put(r, f->names[i], f->offset_ns, err);
	r->pending = f->dns;
	r->n_pending = (int64_t)f->n_names;
	r->is_pending = true;
	return ret;
}

void dns_rows_committed(struct dns_rows *r)
{
	if (!r->is_pending)
		return;
	r->is_pending = false;
	if (r->n_pending)
		r->is_counted = false;
	r->rows += r->n_pending; /* at most: some were there */
	r->written = r->pending;
	r->n_pending = 0;
	r->has_account = true;
}

/* ---- deleting ---- */

/* Deletes up to CHUNK rows. Returns how many, or what is wrong. */
static int drop(struct dns_rows *r, sqlite3_stmt *stmt, bool tell, struct err *err)
{
	int n, ret = db_exec(r->db, "BEGIN IMMEDIATE", err);

	if (ret)
		return ret;
	ret = db_step(r->db, stmt, "the deletion of old names", err);
	n = sqlite3_changes(r->db);
	if (!ret && tell) {
		sqlite3_bind_int64(r->pruned, 1, r->run_id);
		sqlite3_bind_int64(r->pruned, 2, n);
		ret = db_step(r->db, r->pruned, "the account of names", err);
	}
	ret = db_end(r->db, ret, err);
	if (ret)
		return ret;
	r->rows -= n;
	return n;
}

static int drop_many(struct dns_rows *r, struct err *err)
{
	const int64_t wanted = r->is_over ? r->max_rows - r->max_rows / 64 : r->max_rows;
	int ret;

	if (r->rows <= wanted) {
		r->is_over = false;
		return 0;
	}
	if (!r->is_counted)
		return (ret = count(r, err)) ? ret : 1;
	r->is_over = true;
	sqlite3_bind_int64(r->drop_many, 1, r->rows - wanted < CHUNK ? r->rows - wanted : CHUNK);
	ret = drop(r, r->drop_many, true, err);
	return ret < 0 ? ret : ret > 0;
}

int dns_rows_step(struct dns_rows *r, int64_t now_us, struct err *err)
{
	int ret = drop_many(r, err);

	if (ret || !r->retain_us || llabs(now_us - r->looked_us) < LOOK_EACH_US)
		return ret;
	sqlite3_bind_int64(r->drop_old, 1, CHUNK);
	sqlite3_bind_int64(r->drop_old, 2, now_us - r->retain_us);
	ret = drop(r, r->drop_old, false, err);
	if (ret < 0)
		return ret;
	if (ret < CHUNK)
		r->looked_us = now_us;
	return ret == CHUNK;
}
