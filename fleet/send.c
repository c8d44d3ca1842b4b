/* Sends rows that stand beside connections, and keeps those that no server takes. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db.h"
#include "forward_parts.h"

#define MAX_ASIDE (INT64_C(64) << 20) /* bytes kept of rows that no server takes */
#define MOST_BAD  100		      /* rows of a portion; more: then it is not the rows */

enum answer forward_send(struct forward *f, const char *insert, const char *token,
			 struct body *body, struct err *err)
{
	const unsigned char *gzip;
	size_t size;

	if (body_rows(body) == 0)
		return ANSWER_FINE;
	if (body_end(body, &gzip, &size, err))
		return ANSWER_LATER;
	return server_insert(f->server, insert, f->dialect.knows_token ? token : NULL, gzip, size,
			     err);
}

/* A row of a statement that reads no table; @bind: 4 and on. */
static enum answer send_values(struct forward *f, const char *table, const char *sql,
			       void (*bind)(sqlite3_stmt *stmt, const void *ctx), const void *ctx,
			       struct err *err)
{
	AUTO_STMT *stmt = NULL;
	char insert[SOURCE_INSERT_BYTES];

	body_clear(f->other);
	if (source_prepare(f->source, sql, forward_version_us(f), &stmt, err))
		return ANSWER_LATER;
	bind(stmt, ctx);
	source_insert(stmt, table, insert);
	if (source_read(f->source, stmt, f->other, err))
		return ANSWER_LATER;
	return forward_send(f, insert, NULL, f->other, err);
}

/* ---- gaps ---- */

struct own_gap {
	int64_t id, from_us, to_us, count;
	const char *reason;
};

static void bind_gap(sqlite3_stmt *stmt, const void *ctx)
{
	const struct own_gap *g = ctx;

	sqlite3_bind_int64(stmt, 4, g->id);
	sqlite3_bind_int64(stmt, 5, g->from_us);
	sqlite3_bind_int64(stmt, 6, g->to_us);
	sqlite3_bind_text(stmt, 7, g->reason, -1, SQLITE_STATIC);
	if (g->count >= 0)
		sqlite3_bind_int64(stmt, 8, g->count);
}

enum answer forward_send_gap(struct forward *f, int64_t id, const char *reason, int64_t from_us,
			     int64_t to_us, int64_t count, struct err *err)
{
	const struct own_gap gap = {id, from_us, to_us, count, reason};

	return send_values(f, "gaps",
			   "SELECT ?1 AS node_id, ?2 AS node, ?4 AS id, ?5 AS from_us, ?6 AS to_us,"
			   " ?7 AS reason, ?8 AS count, ?3 AS sent_us",
			   bind_gap, &gap, err);
}

/* ---- the node ---- */

static void bind_row_of_node(sqlite3_stmt *stmt, const void *ctx)
{
	const struct forward *f = ctx;
	const struct state *s = &f->state;
	const int64_t values[] = {
		f->facts.begin_us, f->through_us,
		s->last_id,	   s->hour ? (s->hour + 1) * 3600 * US_PER_S : 0,
		s->behind_rows,	   s->behind_us,
		s->rows_sent,	   s->rows_resent,
		s->bad_rows,	   s->unsent_rows,
		s->skew_us,
	};

	sqlite3_bind_text(stmt, 4, CONNMON_VERSION, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 5, f->boot_id, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 6, s->instance, -1, SQLITE_STATIC);
	for (int i = 0; i < (int)(sizeof(values) / sizeof(values[0])); i++)
		sqlite3_bind_int64(stmt, 7 + i, values[i]);
}

enum forward_step forward_send_node(struct forward *f, struct err *err)
{
	enum answer answer = send_values(
		f, "nodes",
		"SELECT ?1 AS node_id, ?2 AS node, ?3 AS at_us, ?4 AS version, ?5 AS boot_id,"
		" ?6 AS instance, ?7 AS begin_us, ?8 AS sent_us, ?9 AS last_id,"
		" ?10 AS totals_until_us, ?11 AS behind_rows, ?12 AS behind_us, ?13 AS rows_sent,"
		" ?14 AS rows_resent, ?15 AS bad_rows, ?16 AS unsent_rows, ?17 AS skew_us",
		bind_row_of_node, f, err);

	return answer == ANSWER_FINE ? FORWARD_IDLE : forward_judge(f, answer);
}

/* ---- rows that no server takes ---- */

static int append(const char *path, const unsigned char *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);
	struct stat st;
	int error = 0;

	if (fd < 0)
		return -errno;
	errno = 0; /* a part may be written without an error */
	if (fstat(fd, &st) != 0) {
		error = errno;
	} else if (st.st_size < MAX_ASIDE &&
		   (write(fd, bytes, size) != (ssize_t)size || fsync(fd) != 0)) {
		error = errno ? errno : ENOSPC;
		if (ftruncate(fd, st.st_size) != 0) /* half a gzip file would hide what follows */
			error = errno;
	}
	close(fd);
	return -error;
}

int forward_set_aside(struct forward *f, struct body *body, struct err *err)
{
	char path[PATH_MAX];
	const unsigned char *gzip;
	size_t size;
	int ret = body_end(body, &gzip, &size, err);

	if (ret)
		return ret;
	/* Files of gzip one after the other are a file of gzip. */
	snprintf(path, sizeof(path), "%s.bad.gz", f->o->state);
	ret = append(path, gzip, size);
	return ret ? err_set(err, ret, "%s: %s; a row that no server takes is to be kept there",
			     path, strerror(-ret))
		   : 0;
}

/* What is in f->other, but for rows that the server cannot read: halves are tried until those are
 * found. f->batch, which was sent, is where they are cut out to. */
struct halving {
	struct forward *f;
	const char *insert;
	int64_t bad[MOST_BAD]; /* rows of f->other */
	int n;
};

static enum answer send_half(struct halving *h, int64_t first, int64_t n, struct err *err)
{
	struct forward *f = h->f;
	enum answer answer;

	if (body_part(f->other, first, n, f->batch, err))
		return ANSWER_LATER;
	answer = forward_send(f, h->insert, NULL, f->batch, err);
	if (answer != ANSWER_BAD_ROW)
		return answer;
	if (n == 1 && h->n < MOST_BAD) {
		h->bad[h->n++] = first;
		return ANSWER_FINE;
	}
	if (n > 1)
		answer = send_half(h, first, n / 2, err);
	return n > 1 && answer == ANSWER_FINE ? send_half(h, first + n / 2, n - n / 2, err)
					      : answer;
}

/* Row @row of f->other, unless it was before, with what else is sent of its kind. */
static int put_aside(struct forward *f, int64_t row, int *new_ones, struct err *err)
{
	uint64_t print;
	int ret = body_part(f->other, row, 1, f->batch, err);

	if (ret)
		return ret;
	print = body_row_print(f->batch);
	for (unsigned i = 0; i < ASIDE; i++)
		if (f->aside[i] == print)
			return 0;
	ret = forward_set_aside(f, f->batch, err);
	if (ret)
		return ret;
	f->aside[f->n_aside++ % ASIDE] = print;
	++*new_ones;
	return 0;
}

static enum forward_step send_but_bad(struct forward *f, const char *insert, struct err *err)
{
	struct halving h = {.f = f, .insert = insert};
	int new_ones = 0;
	enum answer answer = send_half(&h, 0, body_rows(f->other), err);

	if (answer == ANSWER_BAD_ROW) {
		err_wrap(err, "one row after the other is refused, so it is not the rows");
		return FORWARD_WRONG;
	}
	if (answer != ANSWER_FINE)
		return forward_judge(f, answer);
	for (int i = 0; i < h.n; i++)
		if (put_aside(f, h.bad[i], &new_ones, err))
			return FORWARD_LOST;
	f->state.bad_rows += new_ones;
	if (new_ones > 0)
		forward_note(f, "%d row%s beside connections set aside in %s.bad.gz: %s", new_ones,
			     new_ones == 1 ? "" : "s", f->o->state, err->msg);
	return FORWARD_IDLE;
}

/* ---- facts ---- */

/* One portion of fact @i. */
static enum forward_step send_portion(struct forward *f, int i, bool all, bool *is_last,
				      struct err *err)
{
	struct facts_portion portion;
	enum answer answer = ANSWER_FINE;

	body_clear(f->other);
	if (facts_read(i, f->source, &f->state, forward_version_us(f), f->facts.commit_us, f->other,
		       &portion, err))
		return FORWARD_LOST;
	if (body_print(f->other) != f->prints[i] || (all && f->bad_prints[i] != f->prints[i]))
		answer = forward_send(f, portion.insert, NULL, f->other, err);
	if (answer == ANSWER_BAD_ROW) {
		enum forward_step step = send_but_bad(f, portion.insert, err);

		if (step != FORWARD_IDLE)
			return step;
		f->bad_prints[i] = body_print(f->other);
		answer = ANSWER_FINE;
	}
	if (answer != ANSWER_FINE)
		return forward_judge(f, answer);
	f->prints[i] = body_print(f->other);
	facts_sent(i, &portion, &f->state);
	*is_last = portion.is_last;
	return FORWARD_IDLE;
}

enum forward_step forward_send_facts(struct forward *f, bool all, struct err *err)
{
	enum forward_step step = FORWARD_IDLE;

	for (int i = 0; i < FACTS && step == FORWARD_IDLE; i++) {
		bool is_last = false;

		while (!is_last && step == FORWARD_IDLE)
			step = send_portion(f, i, all, &is_last, err);
	}
	return step;
}
