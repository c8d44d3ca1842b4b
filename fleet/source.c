#include "source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "db.h"

#define DAY_US	 INT64_C(86400000000)
#define MAX_TEXT (32u << 20)

struct source {
	const char *path;		/* borrowed */
	const struct source_node *node; /* borrowed */
	sqlite3 *db;
	struct stat file;
	sqlite3_stmt *batch;
};

/* The view's words, so that they are the same; process_id is not for people, and not in it. */
static const char read_batch[] =
	"SELECT ?1 AS node_id, ?2 AS node, v.id AS id, v.duration_us AS duration_us,"
	" v.direction AS direction, v.outcome AS outcome, v.error AS error, v.comm AS comm,"
	" v.exe AS exe, v.pid AS pid, v.uid AS uid, v.container AS container,"
	" v.container_id AS container_id, v.pod AS pod, v.netns AS netns, v.family AS family,"
	" v.local_addr AS local_addr, v.local_port AS local_port, v.peer_addr AS peer_addr,"
	" v.peer_port AS peer_port, v.service_port AS service_port, v.connect_us AS connect_us,"
	" v.tx_bytes AS tx_bytes, v.rx_bytes AS rx_bytes, v.retransmits AS retransmits,"
	" v.srtt_us AS srtt_us, v.min_rtt_us AS min_rtt_us, v.owner_source AS owner_source,"
	" v.closed_by AS closed_by, v.failed AS failed, v.accept_wait_us AS accept_wait_us,"
	" v.thread AS thread, v.loopback AS loopback, v.cookie AS cookie, v.flags AS flags,"
	" (SELECT process_id FROM connection WHERE id = v.id) AS process_id"
	" FROM ended_connections v WHERE v.id > ?4 AND v.id <= ?5 ORDER BY v.id";

int source_new(const char *path, const struct source_node *node, struct source **out,
	       struct err *err)
{
	struct source *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return err_set(err, -ENOMEM, "no memory for the database");
	s->path = path;
	s->node = node;
	ret = db_open_reader(path, &s->db, err);
	if (!ret && stat(path, &s->file) != 0)
		ret = err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!ret && db_prepare(s->db, read_batch, &s->batch, err))
		ret = db_wrap_older(s->db, err);
	if (ret) {
		source_free(s);
		return ret;
	}
	*out = s;
	return 0;
}

void source_free(struct source *s)
{
	if (!s)
		return;
	sqlite3_finalize(s->batch);
	db_close(s->db);
	free(s);
}

void source_file(const struct source *s, int64_t *device, int64_t *inode)
{
	*device = (int64_t)s->file.st_dev;
	*inode = (int64_t)s->file.st_ino;
}

bool source_is_replaced(const struct source *s)
{
	struct stat now;

	return stat(s->path, &now) == 0 &&
	       (now.st_dev != s->file.st_dev || now.st_ino != s->file.st_ino);
}

int source_begin(struct source *s, struct err *err)
{
	return db_exec_ours(s->db, "BEGIN", err);
}

int source_end(struct source *s, struct err *err)
{
	return db_exec_ours(s->db, "END", err);
}

static void bind_node(const struct source *s, sqlite3_stmt *stmt, int64_t sent_us)
{
	sqlite3_bind_text(stmt, 1, s->node->id, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, s->node->name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 3, sent_us);
}

int source_prepare(struct source *s, const char *sql, int64_t sent_us, sqlite3_stmt **out,
		   struct err *err)
{
	if (db_prepare(s->db, sql, out, err))
		return db_wrap_older(s->db, err);
	bind_node(s, *out, sent_us);
	return 0;
}

static int failed(const struct source *s, int rc, struct err *err)
{
	return err_set(err, db_errno(rc), "%s: reading what is to be sent: %s", s->path,
		       sqlite3_errmsg(s->db));
}

int source_read(struct source *s, sqlite3_stmt *stmt, struct body *body, struct err *err)
{
	int rc, ret = 0;

	while (!ret && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
		ret = body_add(body, stmt, err);
	if (!ret && rc != SQLITE_DONE)
		ret = failed(s, rc, err);
	sqlite3_reset(stmt);
	return ret;
}

void source_insert(sqlite3_stmt *stmt, const char *table, char out[SOURCE_INSERT_BYTES])
{
	int n = snprintf(out, SOURCE_INSERT_BYTES, "INSERT INTO %s (", table);

	for (int i = 0; i < sqlite3_column_count(stmt) && n < SOURCE_INSERT_BYTES; i++)
		n += snprintf(out + n, (size_t)(SOURCE_INSERT_BYTES - n), "%s%s", i ? ", " : "",
			      sqlite3_column_name(stmt, i));
	if (n < SOURCE_INSERT_BYTES)
		snprintf(out + n, (size_t)(SOURCE_INSERT_BYTES - n), ") FORMAT TabSeparated");
}

/* ---- numbers ---- */

/* The first row of a constant statement with one parameter. */
static int ask(struct source *s, const char *sql, int64_t value, int64_t *out, int n,
	       struct err *err)
{
	AUTO_STMT *stmt = NULL;
	int rc, ret = db_prepare(s->db, sql, &stmt, err);

	if (ret)
		return db_wrap_older(s->db, err);
	sqlite3_bind_int64(stmt, 1, value);
	rc = sqlite3_step(stmt);
	if (rc != SQLITE_ROW)
		return failed(s, rc, err);
	for (int i = 0; i < n; i++)
		out[i] = sqlite3_column_int64(stmt, i);
	return 0;
}

/* Of whole hours that were deleted, totals know how many there were. */
static int count_pruned(struct source *s, int64_t after_id, struct source_facts *f, struct err *err)
{
	if (f->pruned_until <= after_id + 1)
		return 0;
	return ask(s,
		   "SELECT ifnull(sum(attempts), 0) FROM hourly_program"
		   " WHERE hour * 3600000000 > ?1 AND (hour + 1) * 3600000000 <="
		   " (SELECT rows_from_us FROM extent)",
		   after_id, &f->pruned_rows, 1, err);
}

int source_ask(struct source *s, int64_t after_id, struct source_facts *out, struct err *err)
{
	int64_t values[6];
	int ret =
		ask(s,
		    "SELECT (SELECT ifnull(max(id), 0) FROM connection), rows_from_us,"
		    " (SELECT ifnull(min(start_us), 0) FROM run),"
		    " (SELECT last_commit_us FROM run ORDER BY id DESC LIMIT 1), totals_until_hour,"
		    " (SELECT ifnull(max(start_us), 0) FROM run)"
		    " FROM extent WHERE ?1 IS NOT NULL",
		    0, values, 6, err);

	if (ret)
		return ret;
	*out = (struct source_facts){
		.newest_id = values[0],
		.pruned_until = values[1],
		.begin_us = values[2],
		.commit_us = values[3],
		.totals_until_hour = values[4],
		.run_us = values[5],
	};
	return count_pruned(s, after_id, out, err);
}

int source_count(struct source *s, int64_t after_id, int64_t *rows, int64_t *newest_id,
		 struct err *err)
{
	int64_t values[2];
	int ret = ask(s, "SELECT count(*), ifnull(max(id), ?1) FROM connection WHERE id > ?1",
		      after_id, values, 2, err);

	if (ret)
		return ret;
	*rows = values[0];
	*newest_id = values[1];
	return 0;
}

static int exists(struct source *s, const char *sql, int64_t value, bool *out, struct err *err)
{
	int64_t found = 0;
	int ret = ask(s, sql, value, &found, 1, err);

	*out = found != 0;
	return ret;
}

int source_has(struct source *s, int64_t id, bool *has, struct err *err)
{
	return exists(s, "SELECT EXISTS (SELECT 1 FROM connection WHERE id = ?1)", id, has, err);
}

int source_has_run(struct source *s, int64_t start_us, bool *has, struct err *err)
{
	return exists(s, "SELECT EXISTS (SELECT 1 FROM run WHERE start_us = ?1)", start_us, has,
		      err);
}

/* ---- a batch ---- */

static int64_t day_of(int64_t us)
{
	return us / DAY_US - (us % DAY_US < 0);
}

/* Whether the row that stands there still belongs to it. */
static bool fits(const struct source_batch *batch, const struct body *body, int64_t id)
{
	if (batch->last_id == 0)
		return true;
	return day_of(id) == day_of(batch->last_id) &&
	       (batch->up_to ||
		(body_rows(body) < batch->most && body_text_bytes(body) < MAX_TEXT));
}

int source_read_batch(struct source *s, struct source_batch *batch, struct body *body,
		      struct err *err)
{
	int rc, ret = 0;

	bind_node(s, s->batch, 0);
	sqlite3_bind_int64(s->batch, 4, batch->after_id);
	sqlite3_bind_int64(s->batch, 5, batch->up_to ? batch->up_to : INT64_MAX);
	source_insert(s->batch, "connections", batch->insert);
	batch->last_id = 0;
	while ((rc = sqlite3_step(s->batch)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(s->batch, 2);

		if (!fits(batch, body, id))
			break;
		ret = body_add(body, s->batch, err);
		if (ret)
			break;
		batch->last_id = id;
	}
	batch->is_last = rc == SQLITE_DONE && !batch->up_to;
	if (!ret && rc != SQLITE_ROW && rc != SQLITE_DONE)
		ret = failed(s, rc, err);
	sqlite3_reset(s->batch);
	return ret;
}
