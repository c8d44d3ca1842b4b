#include "purge.h"

#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "db.h"
#include "marks.h"

#define ROUND_NS  (6LL * 3600 * NS_PER_S) /* so long after a round the next, if any row went */
#define FEW_ROWS  1000			  /* not worth a round before that */
#define SLICE	  500			  /* rows looked at for deletion at once */
#define LOOK_ROWS 256			  /* rows read between two looks at the clock */
#define NO_ROUND  (-1)

enum statement {
	READ_OPEN,
	READ_ROWS,
	READ_PROCESSES,
	READ_LISTENERS,
	READ_TOTALS,
	READ_RECENT,
	READ_PROGRAMS,
	READ_CONTAINERS,
	READ_ADDRESSES,
	ARE_HOURS_WHOLE,
	DROP_PROCESS,
	DROP_PROGRAM,
	DROP_CONTAINER,
	DROP_ADDRESS,
	STATEMENTS,
};

struct purge {
	sqlite3 *db;		       /* borrowed */
	struct dictionary *dictionary; /* borrowed */
	struct marks marks;
	sqlite3_stmt *stmts[STATEMENTS];
	int phase;	      /* of the round: index into phases, or NO_ROUND */
	int64_t at;	      /* how far the phase has come: a key of its table */
	int64_t deleted;      /* rows since the round began, or since the last one did */
	int64_t seen, before; /* rows of connection: in this round, in the one before */
	int64_t ended_ns;     /* the round before */
	/* No row of an hour without totals has gone. Else those totals, which are in the making,
	 * may name a program that no row does any more. */
	bool hours_whole;
};

int purge_new(sqlite3 *db, struct dictionary *dictionary, struct purge **out, struct err *err)
{
	static const char *const sql[STATEMENTS] = {
		[READ_OPEN] = "SELECT id, process_id, closer_id, container_id"
			      " FROM open_row WHERE id > ?1 ORDER BY id",
		[READ_ROWS] = "SELECT id, process_id, closer_id, container_id, local_id"
			      " FROM connection WHERE id > ?1 ORDER BY id",
		[READ_PROCESSES] = "SELECT id, parent_id, program_id FROM process"
				   " WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
		[READ_LISTENERS] = "SELECT id, program_id FROM listener WHERE id > ?1 ORDER BY id",
		/* All that hourly names is here, too. One hour. */
		[READ_TOTALS] = "SELECT hour, program_id, container_id FROM hourly_program WHERE"
				" hour = (SELECT min(hour) FROM hourly_program WHERE hour > ?1)",
		/* Likewise. */
		[READ_RECENT] = "SELECT slot, program_id, container_id FROM recent_program WHERE"
				" slot = (SELECT min(slot) FROM recent_program WHERE slot > ?1)",
		[READ_PROGRAMS] = "SELECT id, container_id FROM program"
				  " WHERE id > ?1 ORDER BY id LIMIT ?2",
		[READ_CONTAINERS] = "SELECT id FROM container WHERE id > ?1 ORDER BY id LIMIT ?2",
		[READ_ADDRESSES] =
			"SELECT id FROM local_address WHERE id > ?1 ORDER BY id LIMIT ?2",
		[ARE_HOURS_WHOLE] = "SELECT rows_from_us <= totals_until_hour * 3600000000"
				    " FROM extent",
		[DROP_PROCESS] = "DELETE FROM process WHERE id = ?1",
		[DROP_PROGRAM] = "DELETE FROM program WHERE id = ?1",
		[DROP_CONTAINER] = "DELETE FROM container WHERE id = ?1",
		[DROP_ADDRESS] = "DELETE FROM local_address WHERE id = ?1",
	};
	struct purge *p = calloc(1, sizeof(*p));
	int ret = 0;

	if (!p)
		return err_set(err, -ENOMEM, "no memory for the purge");
	p->db = db;
	p->dictionary = dictionary;
	p->phase = NO_ROUND;
	p->ended_ns = clock_boot_ns();
	for (int i = 0; i < STATEMENTS && !ret; i++)
		ret = db_prepare(db, sql[i], &p->stmts[i], err);
	if (ret) {
		purge_free(p);
		return ret;
	}
	*out = p;
	return 0;
}

void purge_free(struct purge *p)
{
	if (!p)
		return;
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(p->stmts[i]);
	marks_clear(&p->marks);
	free(p);
}

void purge_deleted(struct purge *p, int64_t rows, bool untotalled)
{
	p->deleted += rows;
	p->hours_whole &= !untotalled;
}

static void mark(struct purge *p, enum marked table, sqlite3_stmt *stmt, int column)
{
	marks_set(&p->marks, table, sqlite3_column_int64(stmt, column)); /* NULL is 0: no row */
}

static int failed(struct purge *p, int rc, const char *what, struct err *err)
{
	return err_set(err, db_errno(rc), "looking for %s that nothing refers to: %s", what,
		       sqlite3_errmsg(p->db));
}

/* ---- reading what refers to something ---- */

/* Gives rows of a statement, which begins behind p->at, to @each until the deadline. The
 * first column becomes p->at. 0: that was the last. */
static int read_on(struct purge *p, enum statement s, int64_t deadline_ns,
		   void (*each)(struct purge *p, sqlite3_stmt *stmt), struct err *err)
{
	sqlite3_stmt *stmt = p->stmts[s];
	int rc, n = 0;

	sqlite3_bind_int64(stmt, 1, p->at);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		p->at = sqlite3_column_int64(stmt, 0);
		each(p, stmt);
		if (++n % LOOK_ROWS == 0 && clock_boot_ns() >= deadline_ns)
			break;
	}
	sqlite3_reset(stmt);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return failed(p, rc, "what", err);
	return rc == SQLITE_ROW;
}

static void mark_owners(struct purge *p, sqlite3_stmt *stmt)
{
	mark(p, MARKED_PROCESS, stmt, 1);
	mark(p, MARKED_PROCESS, stmt, 2);
	mark(p, MARKED_CONTAINER, stmt, 3);
}

/* Before the ended ones: what moves meanwhile is then met there, at the end. */
static int read_open(struct purge *p, int64_t deadline_ns, struct err *err)
{
	return read_on(p, READ_OPEN, deadline_ns, mark_owners, err);
}

static void mark_row(struct purge *p, sqlite3_stmt *stmt)
{
	mark_owners(p, stmt);
	mark(p, MARKED_LOCAL_ADDRESS, stmt, 4);
	p->seen++;
}

static int read_rows(struct purge *p, int64_t deadline_ns, struct err *err)
{
	return read_on(p, READ_ROWS, deadline_ns, mark_row, err);
}

static void mark_program(struct purge *p, sqlite3_stmt *stmt)
{
	mark(p, MARKED_PROGRAM, stmt, 1);
}

static int read_listeners(struct purge *p, int64_t deadline_ns, struct err *err)
{
	return read_on(p, READ_LISTENERS, deadline_ns, mark_program, err);
}

static void mark_total(struct purge *p, sqlite3_stmt *stmt)
{
	mark_program(p, stmt);
	mark(p, MARKED_CONTAINER, stmt, 2);
}

static int read_intervals(struct purge *p, enum statement s, int64_t deadline_ns, struct err *err)
{
	int64_t before;
	int ret;

	do {
		before = p->at;
		ret = read_on(p, s, INT64_MAX, mark_total, err);
	} while (!ret && p->at != before && clock_boot_ns() < deadline_ns);
	return ret ? ret : p->at != before;
}

static int read_totals(struct purge *p, int64_t deadline_ns, struct err *err)
{
	return read_intervals(p, READ_TOTALS, deadline_ns, err);
}

static int read_recent(struct purge *p, int64_t deadline_ns, struct err *err)
{
	return read_intervals(p, READ_RECENT, deadline_ns, err);
}

/* ---- deleting what nothing refers to ---- */

struct found {
	int64_t id, refers_to[2];
};

static int read_slice(struct purge *p, enum statement s, struct found *found, int *n,
		      struct err *err)
{
	sqlite3_stmt *stmt = p->stmts[s];
	int rc;

	*n = 0;
	sqlite3_bind_int64(stmt, 1, p->at);
	sqlite3_bind_int64(stmt, 2, SLICE);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		found[(*n)++] = (struct found){sqlite3_column_int64(stmt, 0),
					       {sqlite3_column_int64(stmt, 1),
						sqlite3_column_int64(stmt, 2)}};
	sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? 0 : failed(p, rc, "rows", err);
}

static int drop_all(struct purge *p, enum statement s, const int64_t *ids, int n, struct err *err)
{
	int ret = n ? db_exec(p->db, "BEGIN IMMEDIATE", err) : 0;

	if (ret || n == 0)
		return ret;
	for (int i = 0; i < n && !ret; i++) {
		sqlite3_bind_int64(p->stmts[s], 1, ids[i]);
		ret = db_step(p->db, p->stmts[s], "what nothing refers to", err);
	}
	ret = db_end(p->db, ret, err);
	if (!ret)
		dictionary_forget(p->dictionary); /* or it would go on to give them out */
	return ret;
}

/* Goes through @table in slices and deletes those without a mark; with @keep, what the
 * others refer to is marked. */
static int sweep(struct purge *p, enum marked table, enum statement read, enum statement drop,
		 void (*keep)(struct purge *p, const struct found *f), int64_t deadline_ns,
		 struct err *err)
{
	struct found found[SLICE];
	int64_t ids[SLICE];
	int n, n_ids, ret;

	do {
		ret = read_slice(p, read, found, &n, err);
		n_ids = 0;
		for (int i = 0; i < n && !ret; i++) {
			if (!marks_has(&p->marks, table, found[i].id))
				ids[n_ids++] = found[i].id;
			else if (keep)
				keep(p, &found[i]);
		}
		if (!ret)
			ret = drop_all(p, drop, ids, n_ids, err);
		if (ret)
			return ret;
		if (n)
			p->at = found[n - 1].id;
	} while (n == SLICE && clock_boot_ns() < deadline_ns);
	return n == SLICE;
}

static void keep_parent(struct purge *p, const struct found *f)
{
	marks_set(&p->marks, MARKED_PROCESS, f->refers_to[0]);
	marks_set(&p->marks, MARKED_PROGRAM, f->refers_to[1]);
}

/* Backwards: a parent's row is made before those of its children, so it is met after them. */
static int sweep_processes(struct purge *p, int64_t deadline_ns, struct err *err)
{
	return sweep(p, MARKED_PROCESS, READ_PROCESSES, DROP_PROCESS, keep_parent, deadline_ns,
		     err);
}

static void keep_container(struct purge *p, const struct found *f)
{
	marks_set(&p->marks, MARKED_CONTAINER, f->refers_to[0]);
}

static int sweep_programs(struct purge *p, int64_t deadline_ns, struct err *err)
{
	return p->hours_whole ? sweep(p, MARKED_PROGRAM, READ_PROGRAMS, DROP_PROGRAM,
				      keep_container, deadline_ns, err)
			      : 0;
}

static int sweep_containers(struct purge *p, int64_t deadline_ns, struct err *err)
{
	return p->hours_whole ? sweep(p, MARKED_CONTAINER, READ_CONTAINERS, DROP_CONTAINER, NULL,
				      deadline_ns, err)
			      : 0;
}

static int sweep_addresses(struct purge *p, int64_t deadline_ns, struct err *err)
{
	return sweep(p, MARKED_LOCAL_ADDRESS, READ_ADDRESSES, DROP_ADDRESS, NULL, deadline_ns, err);
}

/* ---- what is older than all rows and totals ---- */

#define OLDEST "(SELECT min(rows_from_us, totals_from_hour * 3600000000) FROM extent)"

/* Processes of the running boot are written down as of its first run. */
#define OLD_RUNS                                                                                   \
	"(SELECT r.id FROM run r WHERE r.last_commit_us < " OLDEST                                 \
	" AND r.boot_id <> (SELECT boot_id FROM run ORDER BY id DESC LIMIT 1)"                     \
	" AND NOT EXISTS (SELECT 1 FROM process p WHERE p.boot = r.id))"

static int drop_past(struct purge *p, int64_t deadline_ns, struct err *err)
{
	const int before = sqlite3_total_changes(p->db);
	int ret = db_exec(p->db,
			  "BEGIN IMMEDIATE;"
			  "DELETE FROM account WHERE run_id IN " OLD_RUNS ";"
			  "DELETE FROM dns_account WHERE run_id IN " OLD_RUNS ";"
			  "DELETE FROM clock WHERE run_id IN " OLD_RUNS ";"
			  "DELETE FROM run WHERE id IN " OLD_RUNS ";"
			  "DELETE FROM gap WHERE id IN"
			  " (SELECT id FROM gap WHERE to_us < " OLDEST " LIMIT 500);"
			  "DELETE FROM listener WHERE id IN"
			  " (SELECT id FROM listener WHERE to_us < " OLDEST " LIMIT 500);",
			  err);
	const int deleted = sqlite3_total_changes(p->db) - before;

	(void)deadline_ns;
	ret = db_end(p->db, ret, err);
	return ret ? ret : deleted > 0;
}

/* ---- a round ---- */

static const struct phase {
	/* 1: it is to be called again, 0: it is over. */
	int (*go_on)(struct purge *p, int64_t deadline_ns, struct err *err);
	int64_t from;
} phases[] = {
	{drop_past, 0},
	{read_open, INT64_MIN},
	{read_rows, INT64_MIN},
	{sweep_processes, INT64_MAX},
	{read_listeners, INT64_MIN},
	{read_totals, INT64_MIN},
	{read_recent, INT64_MIN},
	{sweep_programs, INT64_MIN},
	{sweep_containers, INT64_MIN},
	{sweep_addresses, INT64_MIN},
};
#define N_PHASES ((int)(sizeof(phases) / sizeof(phases[0])))

/* Only rows that are there now can be deleted; not the last of them, or its id would be given
 * to another one. */
static int begin_marks(struct purge *p, enum marked table, const char *sql, struct err *err)
{
	AUTO_STMT *stmt = NULL;
	int rc, ret = db_prepare(p->db, sql, &stmt, err);

	if (ret)
		return ret;
	rc = sqlite3_step(stmt);
	if (rc != SQLITE_ROW)
		return failed(p, rc, "rows", err);
	ret = marks_begin(&p->marks, table, sqlite3_column_int64(stmt, 0),
			  sqlite3_column_type(stmt, 1) == SQLITE_NULL
				  ? INT64_MIN
				  : sqlite3_column_int64(stmt, 1));
	return ret ? err_set(err, ret, "no memory for the purge") : 0;
}

static int are_hours_whole(struct purge *p, bool *whole, struct err *err)
{
	sqlite3_stmt *stmt = p->stmts[ARE_HOURS_WHOLE];
	int rc = sqlite3_step(stmt);

	*whole = rc == SQLITE_ROW && sqlite3_column_int(stmt, 0) != 0;
	sqlite3_reset(stmt);
	return rc == SQLITE_ROW ? 0 : failed(p, rc, "rows", err);
}

static int begin_round(struct purge *p, struct err *err)
{
	int ret = are_hours_whole(p, &p->hours_whole, err);

	if (!ret)
		ret = begin_marks(p, MARKED_PROCESS, "SELECT min(id), max(id) - 1 FROM process",
				  err);

	if (!ret)
		ret = begin_marks(p, MARKED_PROGRAM, "SELECT min(id), max(id) - 1 FROM program",
				  err);
	if (!ret)
		ret = begin_marks(p, MARKED_CONTAINER, "SELECT min(id), max(id) - 1 FROM container",
				  err);
	if (!ret)
		ret = begin_marks(p, MARKED_LOCAL_ADDRESS,
				  "SELECT min(id), max(id) - 1 FROM local_address", err);
	if (ret) {
		marks_clear(&p->marks);
		return ret;
	}
	dictionary_mark_in(p->dictionary, &p->marks);
	p->phase = 0;
	p->at = phases[0].from;
	p->deleted = p->seen = 0;
	return 0;
}

static void end_round(struct purge *p)
{
	dictionary_mark_in(p->dictionary, NULL);
	marks_clear(&p->marks);
	p->phase = NO_ROUND;
	p->before = p->seen;
	p->ended_ns = clock_boot_ns();
}

/* Each round reads all rows: so an eighth of them must have gone, or hours. */
static bool is_due(const struct purge *p)
{
	if (p->deleted >= FEW_ROWS && p->deleted >= p->before / 8)
		return true;
	return p->deleted > 0 && clock_boot_ns() - p->ended_ns >= ROUND_NS;
}

int purge_step(struct purge *p, int64_t deadline_ns, struct err *err)
{
	int ret;

	if (p->phase == NO_ROUND) {
		if (!is_due(p))
			return 0;
		ret = begin_round(p, err);
		if (ret)
			return ret;
	}
	do {
		ret = phases[p->phase].go_on(p, deadline_ns, err);
		if (ret < 0)
			return ret;
		if (ret == 0 && ++p->phase < N_PHASES)
			p->at = phases[p->phase].from;
	} while (p->phase < N_PHASES && clock_boot_ns() < deadline_ns);
	if (p->phase < N_PHASES)
		return 1;
	end_round(p);
	return is_due(p);
}
