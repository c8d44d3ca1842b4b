/*
 * --by: a report grouped by any columns says what a plain GROUP BY over the view connections
 * says, whether it reads tally or scope. The cases are random, and always the same.
 */
#include "totals_db.h"

#include <errno.h>

#include "report.h"
#include "rows.h"

#define N_HOURS	    6
#define FIRST_US    (NOW_US - N_HOURS * US_PER_HOUR)
#define N_HISTORIES 10
#define N_QUESTIONS 40

static uint64_t seed;

/* A number from 0 to @n - 1. */
static int any(int n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (int)((seed >> 33) % (uint64_t)n);
}

static const char *any_of(const char *const *words, int n)
{
	return words[any(n)];
}

#define ANY_OF(...)                                                                                \
	any_of((const char *const[]){__VA_ARGS__},                                                 \
	       sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static int64_t any_time(void)
{
	return FIRST_US + any(N_HOURS) * US_PER_HOUR + (any(4) ? any(3600) * 1000000L : 0);
}

static void any_history(sqlite3 *db)
{
	tempdb_run(db, "BEGIN; DELETE FROM connection; DELETE FROM open_row;"
		       "DELETE FROM hourly; DELETE FROM hourly_program");
	for (int i = 0; i < 200; i++)
		run_f(db,
		      "INSERT OR IGNORE INTO connection (id, duration_us, direction, outcome, flags,"
		      " peer_addr, peer_port, local_port, process_id, container_id, tx_bytes,"
		      " rx_bytes, connect_us, retransmits, local_id, error)"
		      " VALUES (%lld, %lld, %d, %s, %s, %Q, %s, %s, %s, %s, %d, %d, %s, 0, %s, %s)",
		      (long long)any_time(), any(3) ? any(9000000) : any(7200) * 1000000LL, any(2),
		      ANY_OF("2", "3", "16", "17"), ANY_OF("0", "32"),
		      ANY_OF("10.0.0.2", "10.0.0.3", "10.0.1.3", "2001:db8:1::1", "2001:db8:2::1"),
		      ANY_OF("80", "443"), ANY_OF("22", "443"),
		      ANY_OF("1", "2", "3", "4", "5", "6", "NULL"), ANY_OF("1", "2", "3", "NULL"),
		      any(5000), any(5000), ANY_OF("100", "7", "NULL"), ANY_OF("1", "2"),
		      ANY_OF("NULL", "111"));
	for (int i = 0; i < 8; i++)
		run_f(db,
		      "INSERT INTO open_row (id, start_us, seen_us, direction, outcome, flags,"
		      " local_addr, peer_addr, peer_port, local_port, process_id, container_id,"
		      " tx_bytes, rx_bytes, connect_us, retransmits, netns)"
		      " VALUES (%d, %lld, %lld, %d, %d, 0, '10.0.0.1', %Q, 80, 443, %s, %s, %d, 3,"
		      " 9, 1, 1)",
		      i + 1, (long long)any_time(), (long long)NOW_US, any(2), any(2),
		      ANY_OF("10.0.0.2", "2001:db8:2::1"), ANY_OF("1", "4", "NULL"),
		      ANY_OF("1", "NULL"), any(9));
	add_totals(db, NOW_HOUR - any(N_HOURS + 1));
	tempdb_run(db, "COMMIT");
}

/* The word after --by, and what it is in terms of connections. */
static const struct {
	const char *word, *sql;
} dimensions[] = {
	{"peer_addr", "peer_addr"},
	{"peer_addr/24",
	 "CASE WHEN peer_addr LIKE '10.0.0.%' THEN '10.0.0.0/24' WHEN peer_addr LIKE '10.0.1.%'"
	 " THEN '10.0.1.0/24' WHEN peer_addr LIKE '%:1::%' THEN '2001:db8:1::/64'"
	 " ELSE '2001:db8:2::/64' END"},
	{"peer_addr/8/32", "iif(family = 4, '10.0.0.0/8', '2001:db8::/32')"},
	{"name", "CASE peer_addr WHEN '10.0.0.2' THEN 'both.example' WHEN '2001:db8:1::1' THEN"
		 " 'both.example' WHEN '10.0.0.3' THEN 'one.example' ELSE peer_addr END"},
	{"service_port", "service_port"},
	{"direction", "direction"},
	{"comm", "comm"},
	{"exe", "exe"},
	{"uid", "uid"},
	{"container", "container"},
	{"container_id", "container_id"},
	{"pod", "pod"},
	{"loopback", "loopback"},
	{"family", "family"},
	{"outcome", "outcome"},
	{"error", "error"},
	{"pid", "pid"},
	{"netns", "netns"},
	{"local_addr", "local_addr"},
	{"minute", "min(id, :until - 1) / 60000000 * 60000000"},
	{"hour", "min(id, :until - 1) / 3600000000 * 3600000000"},
	{"day", "min(id, :until - 1) / 86400000000 * 86400000000"},
};

#define N_DIMENSIONS ((int)(sizeof(dimensions) / sizeof(dimensions[0])))
#define HEADER	     "-- title: T\n-- help: H\n-- by: comm\n-- example: E\n-- param: limit limit 0 all\n"

struct question {
	char by[256], plain[1024]; /* both lists */
	int64_t since, until;
	char since_word[32], until_word[32];
};

/* Whether the two cannot stand side by side. */
static bool exclude(int a, int b)
{
	const char *x = dimensions[a].word, *y = dimensions[b].word;

	return a == b || (strchr(x, '/') && strchr(y, '/')) ||
	       (strstr(dimensions[a].sql, ":until") && strstr(dimensions[b].sql, ":until"));
}

static struct question any_question(void)
{
	struct question q = {.since = any_time(), .until = any(3) ? any_time() : NOW_US};
	int chosen[4], n = 1 + any(4), have = 0;

	if (q.until < q.since) {
		int64_t later = q.since;

		q.since = q.until;
		q.until = later;
	}
	snprintf(q.since_word, sizeof(q.since_word), "@%lld", (long long)(q.since / 1000000));
	snprintf(q.until_word, sizeof(q.until_word), "@%lld", (long long)(q.until / 1000000));
	while (have < n) {
		bool fits = true;
		int d = any(N_DIMENSIONS);

		for (int i = 0; i < have; i++)
			fits &= !exclude(chosen[i], d);
		if (!fits)
			continue;
		snprintf(q.by + strlen(q.by), sizeof(q.by) - strlen(q.by), "%s%s", have ? "," : "",
			 dimensions[d].word);
		snprintf(q.plain + strlen(q.plain), sizeof(q.plain) - strlen(q.plain), "%s, ",
			 dimensions[d].sql);
		chosen[have++] = d;
	}
	return q;
}

static struct rows *ask_report(sqlite3 *db, const char *text, const struct question *q)
{
	static const struct option_spec specs[] = {{.name = "by"},
						   {.name = "since"},
						   {.name = "until"}};
	struct options given = {.given = {{&specs[0], q->by},
					  {&specs[1], q->since_word},
					  {&specs[2], q->until_word}},
				.n_given = 3};
	struct report r;
	struct report_args args;
	struct scope scope;
	struct rows *rows = NULL;
	sqlite3_stmt *stmt = NULL;
	struct err err = {0};

	if (report_parse(&(struct embed){.name = "x", .text = text}, &r, &err) ||
	    report_read_args(&r, &given, NOW_US, &args, &err) ||
	    scope_parse(&given, NOW_US, &scope, &err) ||
	    report_prepare(&r, &args, &scope, db, &stmt, &err) || rows_fetch(stmt, &rows, &err))
		fail_msg("--by %s: %s", q->by, err.msg);
	sqlite3_finalize(stmt);
	return rows;
}

static struct rows *ask_plain(sqlite3 *db, const char *measures, const struct question *q)
{
	char *sql = sqlite3_mprintf("SELECT %s%s FROM connections WHERE id >= :since AND id -"
				    " duration_us < :until GROUP BY ",
				    q->plain, measures);
	struct rows *rows = NULL;
	sqlite3_stmt *stmt = NULL;
	struct err err = {0};
	int n = 1;

	for (const char *p = q->by; *p; p++)
		n += *p == ',';
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 1; i <= n; i++)
			sql = sqlite3_mprintf("%z%s%d", sql, i > 1 ? ", " : "", i);
		if (pass == 0)
			sql = sqlite3_mprintf("%z ORDER BY ", sql);
	}
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_bind_int64(stmt, sqlite3_bind_parameter_index(stmt, ":since"), q->since);
	sqlite3_bind_int64(stmt, sqlite3_bind_parameter_index(stmt, ":until"), q->until);
	if (rows_fetch(stmt, &rows, &err))
		fail_msg("%s: %s", sql, err.msg);
	sqlite3_finalize(stmt);
	sqlite3_free(sql);
	return rows;
}

static bool same_cell(const struct cell *a, const struct cell *b)
{
	if (a->type != b->type)
		return false;
	if (a->type == SQLITE_INTEGER)
		return a->number == b->number;
	return a->type == SQLITE_NULL || !strcmp(a->text, b->text);
}

static size_t compare(struct rows *got, struct rows *want, const struct question *q)
{
	size_t n = want->n_rows;
	struct rows_cursor a, b;
	struct err err = {0};

	if (got->n_rows != want->n_rows || got->n_columns != want->n_columns)
		fail_msg("--by %s: %zu rows, not %zu", q->by, got->n_rows, want->n_rows);
	assert_int_equal(rows_begin(got, &a, &err), 0);
	assert_int_equal(rows_begin(want, &b, &err), 0);
	for (size_t row = 0; row < n; row++) {
		assert_int_equal(rows_next(&a, &err), 1);
		assert_int_equal(rows_next(&b, &err), 1);
		for (int i = 0; i < want->n_columns; i++)
			if (!same_cell(&a.cells[i], &b.cells[i]))
				fail_msg("--by %s --since %s --until %s: row %zu differs in %s",
					 q->by, q->since_word, q->until_word, row, got->names[i]);
	}
	rows_end(&a);
	rows_end(&b);
	rows_free(got);
	rows_free(want);
	return n;
}

static void any_columns_give_what_group_by_gives(void **state)
{
	static const char tally[] =
		HEADER "SELECT {by}, sum(connections) AS n, sum(failures) AS failed, sum(tx_bytes)"
		       " AS tx, max(connect_us_max) AS connect, min(first_start_us) AS first"
		       " FROM tally GROUP BY {by} ORDER BY {by}";
	static const char rows[] =
		HEADER "SELECT {by}, count(*) AS n FROM scope GROUP BY {by} ORDER BY {by}";
	sqlite3 *db = ((struct totals_db *)*state)->db;
	size_t n = 0;

	tempdb_run(db, "INSERT INTO dns_name VALUES ('10.0.0.2', 'both.example', 's', 0, 0, 1),"
		       " ('2001:db8:1::1', 'both.example', 's', 0, 0, 1),"
		       " ('10.0.0.3', 'one.example', 's', 0, 0, 1)");
	for (int h = 0; h < N_HISTORIES; h++) {
		seed = (uint64_t)h + 1;
		any_history(db);
		for (int i = 0; i < N_QUESTIONS; i++) {
			struct question q = any_question();

			n += compare(ask_report(db, tally, &q),
				     ask_plain(db,
					       "count(*), sum(failed), sum(tx_bytes),"
					       " max(connect_us), min(id - duration_us)",
					       &q),
				     &q);
			n += compare(ask_report(db, rows, &q), ask_plain(db, "count(*)", &q), &q);
		}
	}
	assert_true(n > (size_t)N_HISTORIES * N_QUESTIONS * 10);
}

static void what_is_no_column_is_refused(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"peer_adr", "unknown column \"peer_adr\"; did you mean \"peer_addr\"?"},
		{"comm,comm", "comm is given twice"},
		{"peer_addr/8,peer_addr/24", "peer_addr is given twice"},
		{"hour,minute", "hour and minute exclude each other"},
		{"comm exe", "a comma is missing before \"exe\""},
	};
	static const char *const refused[] = {
		"",
		",",
		"comm,",
		"peer_addr/33",
		"peer_addr/",
		"peer_addr/24/",
		"peer_addr/-1",
		"peer_addr/+8",
		"peer_addr/a",
		"peer_addr/8/129",
		"peer_addr/8/8/8",
		"comm/8",
		"1",
		"count(*)",
		"peer_addr--",
		"comm;comm",
		"peer_addr/0x8",
		"peer_addr/999999999999",
		"uid,pid,pod,exe,comm,error,family,netns,hour",
	};
	struct by by;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(by_parse(cases[i].text, &by, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].error);
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (by_parse(refused[i], &by, &err) != -EINVAL)
			fail_msg("\"%s\" was taken", refused[i]);
	assert_int_equal(by_parse("peer_addr/0/128, comm ,hour", &by, &err), 0);
	assert_int_equal(by.n, 3);
	assert_int_equal(by_bucket_us(&by), US_PER_HOUR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(any_columns_give_what_group_by_gives,
						totals_db_open, totals_db_close),
		cmocka_unit_test(what_is_no_column_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
