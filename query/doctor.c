#include "doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "db.h"
#include "doctor_parts.h"
#include "locks.h"

/* What one check may take: it must say something of a hostile database, and of a large one. */
#define PATIENCE_US  (3 * US_PER_S)
#define OPS_PER_LOOK 10000

#define SENSIBLE_MAX (INT64_MAX / 8)

/* To add a check, write its function and a row. */
static const struct {
	const char *name;
	void (*look)(struct patient *p);
	bool needs_db; /* left out when that cannot be opened */
} checks[] = {
	{"database", doctor_database, false},
	{"damage", doctor_damage, true},
	{"collector", doctor_collector, true},
	{"losses", doctor_losses, true},
	{"account", doctor_account, true},
	{"names", doctor_names, true},
	{"history", doctor_history, true},
	{"retention", doctor_retention, true},
	{"size", doctor_size, false},
	{"disk", doctor_disk, false},
	{"wal", doctor_wal, false},
	{"kernel", doctor_kernel, false},
	{"permissions", doctor_permissions, false},
	{"clock", doctor_clock, false},
};

static int64_t monotonic_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

static int is_late(void *ctx)
{
	return monotonic_us() > ((const struct patient *)ctx)->deadline_us;
}

void doctor_found(struct patient *p, enum state state, const char *remedy, const char *fmt, ...)
{
	static const char *const words[] = {[OK] = "ok", [WARN] = "warn", [FAIL] = "fail"};
	char text[sizeof(p->why.msg)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	p->n_found++;
	p->n_failed += state == FAIL;
	if (p->err.code || rows_add_text(p->rows, p->check, &p->err) ||
	    rows_add_text(p->rows, words[state], &p->err) || rows_add_text(p->rows, text, &p->err))
		return;
	if (remedy[0])
		rows_add_text(p->rows, remedy, &p->err);
	else
		rows_add_null(p->rows, &p->err);
}

const char *doctor_moment(const struct patient *p, int64_t us)
{
	static char texts[4][TIMESPEC_SIZE];
	static int turn;

	return timespec_format_s(us, p->style, texts[turn++ % 4]);
}

static void failed_to_read(struct patient *p, int rc)
{
	if (rc == SQLITE_INTERRUPT)
		doctor_found(p, WARN, "ask again; if it is always so, begin a new database",
			     "took longer than %lld s to read",
			     (long long)(PATIENCE_US / US_PER_S));
	else if (rc == SQLITE_NOMEM)
		doctor_found(p, WARN, "free some memory, and ask again",
			     "cannot be told: there is no memory to look");
	else
		doctor_found(p, FAIL,
			     rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB
				     ? BEGIN_ANEW
				     : "see connmon-query schema for what should be there",
			     "%s", sqlite3_errmsg(p->db));
}

sqlite3_stmt *doctor_prepare(struct patient *p, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	struct err ignored; /* SQLite's words are told */

	if (db_prepare(p->db, sql, &stmt, &ignored))
		failed_to_read(p, sqlite3_errcode(p->db) & 0xff);
	return stmt;
}

void doctor_stepped(struct patient *p, int rc)
{
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		failed_to_read(p, rc & 0xff);
}

/* A file may hold any number; a few of these can be added up. */
static int64_t sensible(int64_t number)
{
	if (number > SENSIBLE_MAX)
		return SENSIBLE_MAX;
	return number < -SENSIBLE_MAX ? -SENSIBLE_MAX : number;
}

bool doctor_ask(struct patient *p, const char *sql, int64_t arg, int64_t *out, int n)
{
	AUTO_STMT *stmt = doctor_prepare(p, sql);
	int rc;

	if (!stmt)
		return false;
	sqlite3_bind_int64(stmt, 1, arg);
	rc = sqlite3_step(stmt);
	doctor_stepped(p, rc);
	for (int i = 0; i < n && rc == SQLITE_ROW; i++)
		out[i] = sensible(sqlite3_column_int64(stmt, i));
	return rc == SQLITE_ROW;
}

int doctor_examine(const char *db_path, int64_t now_us, enum timespec_style style,
		   struct rows **out, int *n_failed, struct err *err)
{
	static const char *const names[] = {"check", "state", "finding", "remedy"};
	struct patient p = {.db_path = db_path, .now_us = now_us, .style = style};
	int ret = rows_new(4, names, &p.rows, err);

	if (ret)
		return ret;
	if (db_open_reader(db_path, &p.db, &p.why) == 0)
		sqlite3_progress_handler(p.db, OPS_PER_LOOK, is_late, &p);
	if (!locks_find_collector(db_path, &p.collector))
		p.collector = 0;
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		p.check = checks[i].name;
		p.n_found = 0;
		p.deadline_us = monotonic_us() + PATIENCE_US;
		if (p.db || !checks[i].needs_db)
			checks[i].look(&p);
	}
	db_close(p.db);
	if (p.err.code) {
		rows_free(p.rows);
		*err = p.err;
		return err->code;
	}
	*out = p.rows;
	*n_failed = p.n_failed;
	return 0;
}
