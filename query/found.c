#include "found.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "text.h"

#define HOUR_US	  INT64_C(3600000000)
#define SPANS_MAX 1024 /* of an hour; with more it is read whole */

/* What is looked for. */
struct question {
	struct scope scope;
	int64_t since_us, until_us;
};

/* Ids from first to last. */
struct span {
	int64_t first, last;
};

struct found {
	sqlite3_vtab base;
	sqlite3 *db;
	const struct question *question; /* the module's */
};

/*
 * A search reads, in this order or the other way round, what ended before the first hour
 * with totals, hour after hour those with totals, and what ended after them. Where
 * nothing is, reading costs nothing, so no more must be known of the extent than this.
 */
struct search {
	sqlite3_vtab_cursor base;
	sqlite3_stmt *totals;		/* of an hour: what passes the filters */
	sqlite3_stmt *rows;		/* from an id to another: what passes the filters */
	int hour_at, first_at, last_at; /* their parameters */
	bool descending;
	int64_t first, last;	       /* ids that may be in the window */
	int64_t first_hour, last_hour; /* with totals, of these */
	int64_t next_hour;	       /* beyond them: what has no totals */
	bool at_end;		       /* of the hours */
	struct span spans[SPANS_MAX];  /* of what is being read, ascending */
	int n_spans, n_read;
	bool in_rows; /* rows is being stepped */
	int64_t id;
	bool done;
};

static const struct question *question_of(const struct search *s)
{
	return ((const struct found *)s->base.pVtab)->question;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t sum(int64_t a, int64_t b)
{
	int64_t out;

	return __builtin_add_overflow(a, b, &out) ? INT64_MAX : out;
}

/* ---- one hour ---- */

static void whole_hour(struct search *s)
{
	s->spans[0].first = larger(s->first, s->next_hour * HOUR_US);
	s->spans[0].last = smaller(s->last, s->next_hour * HOUR_US + HOUR_US - 1);
	s->n_spans = 1;
}

/*
 * Where the connections of one total are: none ended before the first of them started, nor
 * later than the last that started plus what all lasted together. If it is one, that is
 * when it ended.
 */
static struct span span_of(int64_t n, int64_t first_start_us, int64_t last_start_us,
			   int64_t duration_us_sum)
{
	int64_t last = sum(last_start_us, duration_us_sum);

	return (struct span){n == 1 ? last : first_start_us, last};
}

/* False: the hour must be read whole. */
static bool add_total(struct search *s, sqlite3_stmt *total)
{
	const struct question *q = question_of(s);
	struct scope_window window = scope_window(&q->scope);
	int64_t hour_us = s->next_hour * HOUR_US, hour_end_us = hour_us + HOUR_US;
	int64_t first_start_us = sqlite3_column_int64(total, 1);
	int64_t last_start_us = sqlite3_column_int64(total, 2);
	struct span span = span_of(sqlite3_column_int64(total, 0), first_start_us, last_start_us,
				   sqlite3_column_int64(total, 3));

	if (span.first >= hour_end_us || span.last < hour_us)
		return false; /* not of this hour: it can say nothing */
	if (!window.ends_before_until && first_start_us >= q->until_us)
		return true;
	if (window.starts_at_or_after_since && last_start_us < q->since_us)
		return true;
	span.first = larger(span.first, larger(s->first, hour_us));
	span.last = smaller(span.last, smaller(s->last, hour_end_us - 1));
	if (span.first > span.last)
		return true;
	if (s->n_spans == SPANS_MAX)
		return false;
	s->spans[s->n_spans++] = span;
	return true;
}

static int by_first(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

/* So that no id comes twice. */
static void merge_spans(struct search *s)
{
	int n = 0;

	qsort(s->spans, (size_t)s->n_spans, sizeof(s->spans[0]), by_first);
	for (int i = 1; i < s->n_spans; i++) {
		if (s->spans[i].first <= s->spans[n].last)
			s->spans[n].last = larger(s->spans[n].last, s->spans[i].last);
		else
			s->spans[++n] = s->spans[i];
	}
	s->n_spans = s->n_spans ? n + 1 : 0;
}

static int read_hour(struct search *s)
{
	int rc;

	s->n_spans = 0;
	sqlite3_bind_int64(s->totals, s->hour_at, s->next_hour);
	while ((rc = sqlite3_step(s->totals)) == SQLITE_ROW) {
		if (!add_total(s, s->totals)) {
			whole_hour(s);
			rc = SQLITE_DONE;
			break;
		}
	}
	sqlite3_reset(s->totals);
	merge_spans(s);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* ---- the search ---- */

/* Finds the spans of what comes next. There may be none in it. */
static int read_next(struct search *s)
{
	int rc = SQLITE_OK;

	if (s->next_hour < s->first_hour) {
		s->spans[0] =
			(struct span){s->first, smaller(s->last, s->first_hour * HOUR_US - 1)};
		s->n_spans = 1;
		s->at_end = s->descending;
	} else if (s->next_hour > s->last_hour) {
		s->spans[0] =
			(struct span){larger(s->first, (s->last_hour + 1) * HOUR_US), s->last};
		s->n_spans = 1;
		s->at_end = !s->descending;
	} else {
		rc = read_hour(s);
	}
	s->next_hour += s->descending ? -1 : 1;
	s->n_read = 0;
	return rc;
}

static void begin_span(struct search *s)
{
	const struct span *span = &s->spans[s->descending ? s->n_spans - 1 - s->n_read : s->n_read];

	s->n_read++;
	sqlite3_bind_int64(s->rows, s->first_at, span->first);
	sqlite3_bind_int64(s->rows, s->last_at, span->last);
	s->in_rows = true;
}

static int step_rows(struct search *s, bool *found)
{
	int rc = sqlite3_step(s->rows);

	if (rc == SQLITE_ROW) {
		s->id = sqlite3_column_int64(s->rows, 0);
		*found = true;
		return SQLITE_OK;
	}
	s->in_rows = false;
	sqlite3_reset(s->rows);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int search_next(sqlite3_vtab_cursor *cursor)
{
	struct search *s = (struct search *)cursor;
	bool found = false;
	int rc = SQLITE_OK;

	while (!found && !s->done && rc == SQLITE_OK) {
		if (s->in_rows)
			rc = step_rows(s, &found);
		else if (s->n_read < s->n_spans)
			begin_span(s);
		else if (s->at_end)
			s->done = true;
		else
			rc = read_next(s);
	}
	return rc;
}

/* ---- the statements ---- */

static int prepare(struct search *s, const char *sql, sqlite3_stmt **out)
{
	struct found *found = (struct found *)s->base.pVtab;
	const struct param_value since = {.number = found->question->since_us};
	const struct param_value until = {.number = found->question->until_us};
	struct err err;
	int ret = db_prepare(found->db, sql, out, &err);

	if (!ret)
		ret = scope_bind(&found->question->scope, *out, &err);
	if (!ret)
		ret = param_bind(*out, "since", &since, &err);
	if (!ret)
		ret = param_bind(*out, "until", &until, &err);
	if (!ret)
		return SQLITE_OK;
	sqlite3_free(found->base.zErrMsg);
	found->base.zErrMsg = sqlite3_mprintf("%s", err.msg);
	return SQLITE_ERROR;
}

/* @select, with what @write adds, and @end. */
static int prepare_filtered(struct search *s, const char *select,
			    void (*write)(const struct scope *, FILE *), const char *end,
			    sqlite3_stmt **out)
{
	char *sql = NULL;
	size_t size;
	FILE *f = text_open(&sql, &size);
	int rc;

	if (!f)
		return SQLITE_NOMEM;
	fputs(select, f);
	write(&question_of(s)->scope, f);
	fputs(end, f);
	rc = fclose(f) ? SQLITE_NOMEM : prepare(s, sql, out);
	free(sql);
	return rc;
}

/* The columns of connections that the totals know, by their names there. */
#define TOTALS(columns)                                                                            \
	"SELECT attempts, first_start_us, first_start_us + start_span_us, duration_us_sum"         \
	" FROM (SELECT h.hour, h.direction AS way,"                                                \
	" CASE h.direction WHEN 0 THEN 'out' ELSE 'in' END AS direction,"                          \
	" h.service_port, h.failed > 0 AS failed, h.loopback, h.attempts,"                         \
	" h.hour * 3600000000 + h.start_us AS first_start_us, h.start_span_us,"                    \
	" h.duration_us_sum, g.comm, g.exe, g.uid, k.name AS container,"                           \
	" k.container_id AS container_id, k.pod" columns " h"                                      \
	" LEFT JOIN program g ON g.id = h.program_id"                                              \
	" LEFT JOIN container k ON k.id = h.container_id)"                                         \
	" WHERE hour = :hour AND way IN (0, 1)" /* so that the peer is sought in the key */

#define HOURS(table)                                                                               \
	"SELECT (SELECT hour FROM " table " WHERE hour >= e.totals_from_hour"                      \
	"         AND hour < e.totals_until_hour ORDER BY hour LIMIT 1),"                          \
	"       (SELECT hour FROM " table " WHERE hour >= e.totals_from_hour"                      \
	"         AND hour < e.totals_until_hour ORDER BY hour DESC LIMIT 1),"                     \
	"       rows_from_us FROM extent e WHERE id = 1"

static const struct {
	const char *totals, *hours;
} tables[] = {
	[SCOPE_PROGRAM_TOTALS] = {TOTALS(" FROM hourly_program"), HOURS("hourly_program")},
	[SCOPE_PEER_TOTALS] = {TOTALS(", h.peer_addr FROM hourly"), HOURS("hourly")},
};

/* Which of the hours that have totals are to be looked at. */
static int find_hours(struct search *s)
{
	AUTO_STMT *hours = NULL;
	int64_t from;
	int rc = prepare(s, tables[question_of(s)->scope.totals].hours, &hours);

	if (rc != SQLITE_OK)
		return rc;
	s->first_hour = 0;
	s->last_hour = -1;
	rc = sqlite3_step(hours);
	if (rc != SQLITE_ROW)
		return rc == SQLITE_DONE ? SQLITE_OK : rc;
	if (sqlite3_column_type(hours, 0) == SQLITE_NULL)
		return SQLITE_OK;
	from = larger(s->first, sqlite3_column_int64(hours, 2)) / HOUR_US;
	s->last_hour = sqlite3_column_int64(hours, 1);
	s->first_hour = smaller(larger(sqlite3_column_int64(hours, 0), from), s->last_hour + 1);
	s->last_hour = larger(smaller(s->last_hour, s->last / HOUR_US), s->first_hour - 1);
	return SQLITE_OK;
}

static void finalize(struct search *s)
{
	sqlite3_finalize(s->totals);
	sqlite3_finalize(s->rows);
	s->totals = s->rows = NULL;
}

/* ---- what SQLite calls ---- */

#define DESCENDING 1

static int search_filter(sqlite3_vtab_cursor *cursor, int order, const char *name, int argc,
			 sqlite3_value **argv)
{
	struct search *s = (struct search *)cursor;
	const struct question *q = question_of(s);
	int rc;

	(void)name, (void)argc, (void)argv;
	finalize(s);
	s->descending = order == DESCENDING;
	s->first = q->since_us;
	s->last = scope_window(&q->scope).ends_before_until ? q->until_us - 1 : INT64_MAX;
	s->n_spans = s->n_read = 0;
	s->at_end = s->in_rows = s->done = false;
	rc = find_hours(s);
	if (rc == SQLITE_OK)
		rc = prepare_filtered(s, tables[q->scope.totals].totals, scope_write_totals, "",
				      &s->totals);
	if (rc == SQLITE_OK)
		rc = prepare_filtered(
			s, "SELECT id FROM ended_connections WHERE id >= :first AND id <= :last",
			scope_write_ended, s->descending ? " ORDER BY id DESC" : " ORDER BY id",
			&s->rows);
	if (rc != SQLITE_OK)
		return rc;
	s->hour_at = sqlite3_bind_parameter_index(s->totals, ":hour");
	s->first_at = sqlite3_bind_parameter_index(s->rows, ":first");
	s->last_at = sqlite3_bind_parameter_index(s->rows, ":last");
	s->next_hour = s->descending ? s->last_hour + 1 : s->first_hour - 1;
	return search_next(cursor);
}

static int search_open(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
	struct search *s = sqlite3_malloc(sizeof(*s));

	(void)table;
	if (!s)
		return SQLITE_NOMEM;
	memset(s, 0, sizeof(*s));
	*out = &s->base;
	return SQLITE_OK;
}

static int search_close(sqlite3_vtab_cursor *cursor)
{
	struct search *s = (struct search *)cursor;

	finalize(s);
	sqlite3_free(s);
	return SQLITE_OK;
}

static int search_eof(sqlite3_vtab_cursor *cursor)
{
	return ((const struct search *)cursor)->done;
}

static int search_column(sqlite3_vtab_cursor *cursor, sqlite3_context *ctx, int column)
{
	(void)column;
	sqlite3_result_int64(ctx, ((const struct search *)cursor)->id);
	return SQLITE_OK;
}

static int search_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *id)
{
	*id = ((const struct search *)cursor)->id;
	return SQLITE_OK;
}

/* The one column is asked for in some order or in none; either is at hand. */
static int found_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
	(void)table;
	info->orderByConsumed = info->nOrderBy == 1;
	info->idxNum = info->nOrderBy == 1 && info->aOrderBy[0].desc ? DESCENDING : 0;
	info->estimatedCost = 100000;
	info->estimatedRows = 1000;
	return SQLITE_OK;
}

static int found_connect(sqlite3 *db, void *question, int argc, const char *const *argv,
			 sqlite3_vtab **out, char **message)
{
	struct found *found;
	int rc = sqlite3_declare_vtab(db, "CREATE TABLE found (at INTEGER)");

	(void)argc, (void)argv, (void)message;
	if (rc != SQLITE_OK)
		return rc;
	found = sqlite3_malloc(sizeof(*found));
	if (!found)
		return SQLITE_NOMEM;
	*found = (struct found){.db = db, .question = question};
	*out = &found->base;
	return SQLITE_OK;
}

static int found_disconnect(sqlite3_vtab *table)
{
	sqlite3_free(table);
	return SQLITE_OK;
}

/* Without xCreate: it is there without CREATE VIRTUAL TABLE. */
static const sqlite3_module module = {
	.xConnect = found_connect,
	.xBestIndex = found_best_index,
	.xDisconnect = found_disconnect,
	.xOpen = search_open,
	.xClose = search_close,
	.xFilter = search_filter,
	.xNext = search_next,
	.xEof = search_eof,
	.xColumn = search_column,
	.xRowid = search_rowid,
};

int found_register(sqlite3 *db, const struct scope *scope, int64_t since_us, int64_t until_us,
		   struct err *err)
{
	struct question *q = sqlite3_malloc(sizeof(*q));
	int rc;

	if (!q)
		return err_set(err, -ENOMEM, "no memory for the search");
	*q = (struct question){*scope, since_us, until_us};
	rc = sqlite3_create_module_v2(db, "found", &module, q, sqlite3_free);
	if (rc != SQLITE_OK)
		return err_set(err, db_errno(rc), "relation found: %s", sqlite3_errmsg(db));
	return 0;
}
