#include "fleet_doctor.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ask.h"
#include "db.h"
#include "fleet.h"
#include "human.h"
#include "timespec.h"

#define DAY_US (INT64_C(86400) * US_PER_S)

/* A node says how it is once a minute, or each --every where that is more. */
#define QUIET_US  (INT64_C(120) * US_PER_S)
#define SILENT_US (INT64_C(900) * US_PER_S)

#define BEHIND_US (INT64_C(60) * US_PER_S)
#define SKEW_US	  (INT64_C(2) * US_PER_S)

#define SEE_NODE "look there: systemctl status connmon-forward, connmon-forward --status"

struct ward {
	struct rows *rows;
	int64_t now_us;
	enum timespec_style style;
	int n_failed;
};

/* Of one node, in the order of the statement below. */
struct node {
	const char *name, *version;
	int64_t at_us, sent_us, behind_rows, behind_us, bad_rows, unsent_rows, skew_us;
	int64_t gaps, lost, namesakes;
};

static const char *const states[] = {"ok", "warn", "fail"};

enum state { OK, WARN, FAIL };

static int add(struct ward *w, const struct node *n, const char *check, enum state state,
	       const char *remedy, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 7, 8)));

static int add(struct ward *w, const struct node *n, const char *check, enum state state,
	       const char *remedy, struct err *err, const char *fmt, ...)
{
	char text[256];
	va_list args;
	int ret;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	w->n_failed += state == FAIL;
	ret = rows_add_text(w->rows, n->name, err);
	if (!ret)
		ret = rows_add_text(w->rows, check, err);
	if (!ret)
		ret = rows_add_text(w->rows, states[state], err);
	if (!ret)
		ret = rows_add_text(w->rows, text, err);
	if (!ret)
		ret = remedy ? rows_add_text(w->rows, remedy, err) : rows_add_null(w->rows, err);
	return ret;
}

/* By the server's clock. */
static int64_t silence_us(const struct ward *w, const struct node *n)
{
	return w->now_us - (n->at_us + n->skew_us);
}

static int check_sending(struct ward *w, const struct node *n, struct err *err)
{
	const int64_t silent_us = silence_us(w, n);
	char since[HUMAN_SIZE], moment[TIMESPEC_SIZE], behind[HUMAN_SIZE];

	human_duration(silent_us > 0 ? silent_us : 0, since, sizeof(since));
	human_duration(n->behind_us > 0 ? n->behind_us : 0, behind, sizeof(behind));
	timespec_format_s(n->sent_us, w->style, moment);
	if (silent_us > QUIET_US)
		return add(w, n, "sending", silent_us > SILENT_US ? FAIL : WARN, SEE_NODE, err,
			   "silent for %s; what ended until %s is here", since, moment);
	if (n->behind_us > BEHIND_US)
		return add(w, n, "sending", WARN, "it catches up; if not: " SEE_NODE, err,
			   "%" PRId64 " connections wait there, it is %s behind", n->behind_rows,
			   behind);
	return add(w, n, "sending", OK, NULL, err, "until %s; connmon %s", moment, n->version);
}

static int check_clock(struct ward *w, const struct node *n, struct err *err)
{
	char skew[HUMAN_SIZE];

	if (n->skew_us >= -SKEW_US && n->skew_us <= SKEW_US)
		return 0;
	human_duration(n->skew_us < 0 ? -n->skew_us : n->skew_us, skew, sizeof(skew));
	return add(w, n, "clock", WARN,
		   "run chronyd or systemd-timesyncd there, and on the server: rows carry the "
		   "node's clock",
		   err, "is %s %s the server's", skew, n->skew_us < 0 ? "ahead of" : "behind");
}

static int check_rows(struct ward *w, const struct node *n, struct err *err)
{
	int ret = 0;

	if (n->bad_rows)
		ret = add(w, n, "rows", WARN,
			  "they are kept there, beside its state file, in .bad.gz", err,
			  "%" PRId64 " set aside, as the server would not take them", n->bad_rows);
	if (!ret && n->unsent_rows)
		ret = add(w, n, "rows", WARN, "see --hold-for of connmon-collect", err,
			  "%" PRId64 " or more were deleted there before they were sent",
			  n->unsent_rows);
	if (!ret && n->gaps)
		ret = add(w, n, "gaps", WARN, "connmon-query gaps --since 1d --node ...", err,
			  "%" PRId64 " in 24 h, in which %" PRId64
			  " connections or more are missing",
			  n->gaps, n->lost);
	if (!ret && n->namesakes > 1)
		ret = add(w, n, "name", WARN, "--node ID tells them apart", err,
			  "%" PRId64 " machines have it", n->namesakes);
	return ret;
}

static const char statement[] =
	"WITH holes AS MATERIALIZED (SELECT node_id, count(*) AS gaps, sum(count) AS lost"
	" FROM fleet_gaps WHERE to_us >= ?1 GROUP BY node_id)"
	" SELECT node, version, at_us, sent_us, behind_rows, behind_us, bad_rows, unsent_rows,"
	" skew_us, gaps, lost, count(*) OVER (PARTITION BY node)"
	" FROM fleet_nodes n LEFT JOIN holes h ON h.node_id = n.node_id"
	" ORDER BY at_us + skew_us >= ?2, sent_us, node";

static int examine(struct fleet *fleet, sqlite3 *db, void *ctx, struct err *err)
{
	struct ward *w = ctx;
	AUTO_STMT *stmt = NULL;
	int rc = SQLITE_DONE, ret = fleet_check_version(fleet, err);

	if (!ret)
		ret = db_prepare(db, statement, &stmt, err);
	if (ret)
		return ret;
	sqlite3_bind_int64(stmt, 1, w->now_us - DAY_US);
	sqlite3_bind_int64(stmt, 2, w->now_us - QUIET_US);
	while (!ret && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(stmt, 0);
		const char *version = (const char *)sqlite3_column_text(stmt, 1);
		struct node n = {.name = name ? name : "", .version = version ? version : ""};
		int64_t *const numbers[] = {&n.at_us,	  &n.sent_us,  &n.behind_rows,
					    &n.behind_us, &n.bad_rows, &n.unsent_rows,
					    &n.skew_us,	  &n.gaps,     &n.lost,
					    &n.namesakes};

		for (int i = 0; i < 10; i++)
			*numbers[i] = sqlite3_column_int64(stmt, 2 + i);
		ret = check_sending(w, &n, err);
		if (!ret)
			ret = check_clock(w, &n, err);
		if (!ret)
			ret = check_rows(w, &n, err);
	}
	if (!ret && rc != SQLITE_DONE)
		ret = err_set(err, db_errno(rc), "%s", sqlite3_errmsg(db));
	return ret;
}

int fleet_doctor(const struct request *q, struct rows **out, int *n_failed, struct err *err)
{
	static const char *const names[] = {"node", "check", "state", "finding", "remedy"};
	struct ward w = {.now_us = q->now_us, .style = request_style(q)};
	int ret = rows_new(5, names, &w.rows, err);

	if (!ret)
		ret = ask_with_fleet(q, examine, &w, err);
	*n_failed = w.n_failed;
	if (ret)
		rows_free(w.rows);
	else
		*out = w.rows;
	return ret;
}
