#include "tail.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "coverage.h"
#include "db.h"
#include "functions.h"
#include "guard.h"
#include "scope.h"
#include "span.h"
#include "text.h"
#include "watch.h"

/* Gaps are told one by one; of more at once the report tells. */
#define GAPS_MAX 20

void tail_begin(struct tail *t, const struct request *q, bool opened, void (*say)(const char *text))
{
	*t = (struct tail){.q = q, .opened = opened, .say = say, .args = q->args};
}

/* What is to be said is kept until the look is over: whoever takes long to read it holds up neither
 * a transaction nor the time that a question may take. */
static void note(struct tail *t, const char *text)
{
	fwrite(text, 1, strlen(text) + 1, t->notes);
}

static void say_notes(const struct tail *t, const char *notes, size_t size)
{
	for (const char *text = notes; text < notes + size; text += strlen(text) + 1)
		t->say(text);
}

/* ---- the file ---- */

static void close_db(struct tail *t)
{
	watch_db(NULL);
	db_close(t->db);
	t->db = NULL;
}

/* Whether waiting helps: it is not there yet, is being made, written or set aside. */
static bool may_pass(int code)
{
	return code == -ENOENT || code == -ENODATA || code == -EBUSY || code == -EUCLEAN ||
	       code == -EIO || code == -ENOSPC;
}

static int wait_for(struct tail *t, struct err *err)
{
	struct err text = *err;

	close_db(t);
	if (!may_pass(err->code))
		return err->code;
	if (!t->is_missed) {
		snprintf(text.msg, sizeof(text.msg), "%.480s; waiting", err->msg);
		note(t, text.msg);
	}
	t->is_missed = true;
	t->is_behind = false; /* else it would look again at once, and again */
	*err = (struct err){0};
	return 0;
}

/* The one integer that @sql asks for; @none when that is NULL. */
static int select_one(sqlite3 *db, const char *sql, int64_t none, int64_t *out, struct err *err)
{
	AUTO_STMT *stmt = NULL;
	int ret = db_prepare(db, sql, &stmt, err);

	if (ret)
		return ret;
	ret = sqlite3_step(stmt);
	if (ret != SQLITE_ROW)
		return err_set(err, db_errno(ret), "%s", sqlite3_errmsg(db));
	*out = sqlite3_column_type(stmt, 0) == SQLITE_NULL ? none : sqlite3_column_int64(stmt, 0);
	return 0;
}

/* Past the guard, which lets no pragma compile, nor one go on that did. */
static int count_writes(sqlite3 *db, int64_t *out, struct err *err)
{
	int ret;

	guard_open(db);
	ret = select_one(db, "PRAGMA data_version", 0, out, err);
	guard_close(db);
	return ret;
}

/* Where a history that was not followed before begins to be. */
static int find_begin(struct tail *t, struct err *err)
{
	int ret = span_settle(t->q->report, &t->args, t->db, err);

	if (ret)
		return ret;
	t->last_id = t->args.since_us - 1;
	return 0;
}

/* What is in a file that came in the place of another is new, if it ended later than what was
 * seen; a file whose ends are all earlier is an older copy, or the clock was set back. */
static int begin_again(struct tail *t, struct err *err)
{
	int64_t newest;
	int ret = select_one(t->db, "SELECT max(id) FROM connection", t->last_id, &newest, err);

	if (ret || newest >= t->last_id)
		return ret;
	note(t, "what ended last in it ended before what was shown: it goes on with what ends now");
	t->last_id = newest;
	return 0;
}

/* The gaps that are known when it begins are not news, unless they reach into what is shown. */
static int find_gaps_begin(struct tail *t, struct err *err)
{
	AUTO_STMT *stmt = NULL;
	int ret = db_prepare(t->db, "SELECT max(id) FROM gap WHERE to_us < ?1", &stmt, err);

	if (ret)
		return ret;
	sqlite3_bind_int64(stmt, 1, t->last_id);
	ret = sqlite3_step(stmt);
	if (ret != SQLITE_ROW)
		return err_set(err, db_errno(ret), "%s", sqlite3_errmsg(t->db));
	t->last_gap = sqlite3_column_int64(stmt, 0);
	return 0;
}

static int open_at(struct tail *t, const struct stat *file, struct err *err)
{
	struct stat now;
	int ret = db_open_reader(t->q->db_path, &t->db, err);

	if (ret)
		return ret;
	watch_db(t->db);
	if (stat(t->q->db_path, &now) != 0 || now.st_ino != file->st_ino ||
	    now.st_dev != file->st_dev)
		return err_set(err, -EBUSY, "%s: is being set aside", t->q->db_path);
	t->written = -1;
	ret = functions_register(t->db, err);
	if (ret || (file->st_ino == t->inode && file->st_dev == t->device))
		return ret;
	ret = t->inode ? begin_again(t, err) : find_begin(t, err);
	if (!ret)
		ret = find_gaps_begin(t, err);
	if (ret)
		return ret;
	t->is_asked |= t->inode != 0; /* the names of the one before are not in it */
	if (t->inode)
		note(t, "the database was begun anew, and is followed");
	else if (t->is_missed)
		note(t, "the database is there");
	t->is_missed = false;
	t->device = file->st_dev;
	t->inode = file->st_ino;
	return 0;
}

static int open_file(struct tail *t, struct err *err)
{
	struct stat file = {0};
	int ret;

	if (stat(t->q->db_path, &file) != 0) /* the words for it are there */
		ret = db_check_path(t->q->db_path, false, err);
	else
		ret = open_at(t, &file, err);
	if (ret)
		return wait_for(t, err);
	if (t->is_missed)
		note(t, "the database can be read again");
	t->is_missed = false;
	return 0;
}

/* Whether the name means another file now, or none. */
static bool is_replaced(const struct tail *t)
{
	struct stat now;

	return stat(t->q->db_path, &now) != 0 || now.st_ino != t->inode || now.st_dev != t->device;
}

/* ---- what opened ---- */

static int add_cell(struct rows *rows, const struct cell *cell, struct err *err)
{
	switch (cell->type) {
	case SQLITE_INTEGER:
		return rows_add_number(rows, cell->number, err);
	case SQLITE_TEXT:
		return rows_add_text(rows, cell->text, err);
	default: /* there is no other */
		return rows_add_null(rows, err);
	}
}

/* The rows of @all that are new, without the name, which is their last column. */
static int choose_new(struct tail *t, const struct rows *all, struct rows *out, struct err *err)
{
	AUTO_CURSOR cursor;
	char name[256];
	bool is_new;
	int ret = rows_begin(all, &cursor, err);

	while (!ret && (ret = rows_next(&cursor, err)) > 0) {
		const struct cell *last = &cursor.cells[all->n_columns - 1];

		if (last->type == SQLITE_INTEGER)
			snprintf(name, sizeof(name), "%lld", (long long)last->number);
		else
			snprintf(name, sizeof(name), "%s", last->text);
		ret = seen_add(&t->seen, name, &is_new, err);
		for (int i = 0; !ret && is_new && i < out->n_columns; i++)
			ret = add_cell(out, &cursor.cells[i], err);
	}
	return ret;
}

static int fetch(struct tail *t, const struct report *report, int64_t since_us, int64_t until_us,
		 int64_t most, struct rows **out, struct err *err)
{
	AUTO_STMT *stmt = NULL;
	struct report_args args = t->args;
	struct scope scope = t->q->scope;
	const struct report_param *limit = report_find_param(report, "limit");
	int ret;

	span_set(report, &args, since_us, until_us);
	args.values[limit - report->params] = (struct param_value){.number = most};
	scope_set_window(&scope, report == &t->q->opened ? "started" : "ended");
	scope.totals = SCOPE_NO_TOTALS; /* what is new is not in them yet */
	scope.may_be_unknown = t->is_asked;
	ret = report_prepare(report, &args, &scope, t->db, &stmt, err);
	if (ret)
		return db_wrap_older(t->db, err);
	t->is_asked = true;
	return rows_fetch(stmt, out, err);
}

static int look_opened(struct tail *t, struct rows **out, struct err *err)
{
	AUTO_ROWS *all = NULL;
	AUTO_ROWS *new = NULL;
	int ret = fetch(t, &t->q->opened, t->args.since_us, INT64_MAX, -1, &all, err);

	if (!ret)
		ret = rows_new(all->n_columns - 1, (const char *const *)all->names, &new, err);
	if (!ret)
		ret = choose_new(t, all, new, err);
	if (ret)
		return ret;
	seen_forget(&t->seen);
	if (new->n_rows) {
		*out = new;
		new = NULL;
	}
	return 0;
}

/* ---- what ended ---- */

/* The id of the last row, which is in its last column. */
static int last_id_of(const struct rows *rows, int64_t *out, struct err *err)
{
	AUTO_CURSOR cursor;
	int ret = rows_begin(rows, &cursor, err);

	while (!ret && (ret = rows_next(&cursor, err)) > 0) {
		*out = cursor.cells[rows->n_columns - 1].number;
		ret = 0;
	}
	return ret;
}

static int look_ended(struct tail *t, int64_t most, struct rows **out, struct err *err)
{
	AUTO_ROWS *rows = NULL;
	int64_t newest;
	int ret = select_one(t->db, "SELECT max(id) FROM connection", t->last_id, &newest, err);

	if (ret || newest <= t->last_id)
		return ret;
	if (newest == INT64_MAX) /* whatever a file holds */
		newest--;
	ret = fetch(t, t->q->report, t->last_id + 1, newest + 1, most, &rows, err);
	if (ret)
		return ret;
	t->is_behind = rows->n_rows == (size_t)most;
	if (t->is_behind)
		ret = last_id_of(rows, &newest, err);
	if (ret)
		return ret;
	t->last_id = newest;
	if (rows->n_rows) {
		*out = rows;
		rows = NULL;
	}
	return 0;
}

/* ---- what is said ---- */

static void say_gap(struct tail *t, sqlite3_stmt *gap)
{
	char text[256], from[TIMESPEC_SIZE], to[TIMESPEC_SIZE], count[48] = "";

	if (sqlite3_column_type(gap, 4) != SQLITE_NULL)
		snprintf(count, sizeof(count), ", %lld events lost",
			 (long long)sqlite3_column_int64(gap, 4));
	snprintf(text, sizeof(text), "gap: %.40s from %s to %s%s", sqlite3_column_text(gap, 3),
		 timespec_format(sqlite3_column_int64(gap, 1), request_style(t->q), from),
		 timespec_format(sqlite3_column_int64(gap, 2), request_style(t->q), to), count);
	note(t, text);
}

static int look_gaps(struct tail *t, struct err *err)
{
	AUTO_STMT *stmt = NULL;
	int rc = 0, n = 0, ret;

	ret = db_prepare(t->db,
			 "SELECT id, from_us, to_us, reason, count FROM gap WHERE id > ?1"
			 " ORDER BY id",
			 &stmt, err);
	if (ret)
		return ret;
	sqlite3_bind_int64(stmt, 1, t->last_gap);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		t->last_gap = sqlite3_column_int64(stmt, 0);
		if (n++ < GAPS_MAX)
			say_gap(t, stmt);
	}
	if (rc != SQLITE_DONE)
		return err_set(err, db_errno(rc), "%s", sqlite3_errmsg(t->db));
	if (n > GAPS_MAX)
		note(t, "and more gaps: see connmon-query gaps");
	return 0;
}

/* Once when it stops, once when it is back. */
static int look_collector(struct tail *t, struct err *err)
{
	struct coverage c;
	char text[128], since[TIMESPEC_SIZE];
	int64_t stopped;
	int ret =
		select_one(t->db,
			   "SELECT (SELECT stop_us IS NOT NULL FROM run ORDER BY id DESC LIMIT 1)",
			   0, &stopped, err);
	bool is_silent = stopped;

	if (ret || is_silent == t->is_silent)
		return ret;
	t->is_silent = is_silent;
	if (!is_silent) {
		note(t, "a collector is running again");
		return 0;
	}
	ret = coverage_find(t->db, t->args.since_us, t->args.since_us, t->q->now_us, &c, err);
	if (ret)
		return ret;
	snprintf(text, sizeof(text), "no collector is running since %s; waiting",
		 timespec_format(c.last_write_us, request_style(t->q), since));
	note(t, text);
	return 0;
}

/* ---- looking ---- */

static int look_at_all(struct tail *t, int64_t most, struct rows **opened, struct rows **ended,
		       struct err *err)
{
	int64_t written;
	/* Before what it counts is read: a commit in between is seen twice, and never missed. */
	int ret = count_writes(t->db, &written, err);

	if (ret || (written == t->written && !t->is_behind))
		return ret;
	t->written = written;
	t->is_behind = false;
	ret = db_exec_ours(t->db, "BEGIN", err);
	if (!ret)
		ret = look_gaps(t, err);
	if (!ret && t->opened)
		ret = look_opened(t, opened, err);
	if (!ret)
		ret = look_ended(t, most, ended, err);
	if (!ret)
		ret = look_collector(t, err);
	return ret ? ret : db_exec_ours(t->db, "COMMIT", err);
}

static int look(struct tail *t, int64_t most, struct rows **opened, struct rows **ended,
		struct err *err)
{
	bool replaced = t->db && is_replaced(t);
	int ret = t->db ? 0 : open_file(t, err);

	if (ret || !t->db)
		return ret;
	ret = look_at_all(t, most, opened, ended, err);
	if (ret) /* what was fetched before is shown, and not fetched again */
		return wait_for(t, err);
	if (replaced && !t->is_behind) /* and nobody writes to it any more */
		close_db(t);
	return 0;
}

int tail_look(struct tail *t, int64_t most, struct rows **opened, struct rows **ended,
	      struct err *err)
{
	char *notes = NULL;
	size_t size;
	int ret;

	*opened = *ended = NULL;
	t->notes = text_open(&notes, &size);
	if (!t->notes)
		return err_set(err, -ENOMEM, "no memory for what is to be said");
	watch_begin(t->q->timeout_us);
	watch_db(t->db);
	ret = watch_end(look(t, most, opened, ended, err), err);
	if (fclose(t->notes) == 0)
		say_notes(t, notes, size);
	free(notes);
	if (!ret)
		return 0;
	rows_free(*opened);
	rows_free(*ended);
	*opened = *ended = NULL;
	return ret;
}

bool tail_is_behind(const struct tail *t)
{
	return t->is_behind;
}

void tail_end(struct tail *t)
{
	close_db(t);
	seen_free(&t->seen);
}
