/*
 * How SQLite goes about each report. A window must stay a range of the key of
 * connection: whatever makes SQLite read the whole table (a column of the view with
 * another affinity, an ORDER BY it cannot merge) costs minutes on a full history.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "functions.h"
#include "report.h"
#include "tempdb.h"
#include "totals_column.h"

#define NOW    INT64_C(1769860800000000)
#define RANGE  "SEARCH c USING INTEGER PRIMARY KEY (rowid>?"
#define FOUND  "SEARCH c USING INTEGER PRIMARY KEY (rowid=?)"
#define FAILED "SEARCH c USING INDEX connection_failed (id>?"
#define TOTALS "SCAN totals VIRTUAL TABLE INDEX " /* see test_totals.c for what it does */

static struct tempdb *temp;

static int open_temp(void **state)
{
	struct err err = {0};
	sqlite3 *db = NULL;

	tempdb_setup((void **)&temp);
	if (db_open_writer(temp->path, false, &db, &err) || functions_register(db, &err))
		return -1;
	tempdb_run(db, "INSERT INTO dns_name VALUES ('2001:db8::7', 'a.example', 's', 0, 0, 1)");
	*state = db;
	return 0;
}

static int close_temp(void **state)
{
	db_close(*state);
	return tempdb_teardown((void **)&temp);
}

struct plan {
	int n;
	struct {
		int id, parent;
		char detail[120];
	} steps[64];
};

static struct plan explain(sqlite3 *db, const char *sql)
{
	struct plan plan = {0};
	sqlite3_stmt *stmt = NULL;
	char *text = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);

	if (sqlite3_prepare_v2(db, text, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		assert_true(plan.n < 64);
		plan.steps[plan.n].id = sqlite3_column_int(stmt, 0);
		plan.steps[plan.n].parent = sqlite3_column_int(stmt, 1);
		snprintf(plan.steps[plan.n++].detail, sizeof(plan.steps[0].detail), "%s",
			 sqlite3_column_text(stmt, 3));
	}
	sqlite3_finalize(stmt);
	sqlite3_free(text);
	assert_true(plan.n > 0);
	return plan;
}

/* The index of the first step that starts with @words; -1 when there is none. */
static int find(const struct plan *plan, const char *words)
{
	for (int i = 0; i < plan->n; i++)
		if (!strncmp(plan->steps[i].detail, words, strlen(words)))
			return i;
	return -1;
}

static bool scans_connection(const struct plan *plan)
{
	for (int i = 0; i < plan->n; i++)
		if (!strcmp(plan->steps[i].detail, "SCAN c") ||
		    !strncmp(plan->steps[i].detail, "SCAN c ", 7))
			return true;
	return false;
}

/* Merged, row by row, and only the open connections sorted for it. */
static void assert_merges(const struct plan *plan)
{
	int left = find(plan, "LEFT");

	assert_int_not_equal(find(plan, "MERGE (UNION ALL)"), -1);
	assert_int_not_equal(left, -1);
	for (int i = 0; i < plan->n; i++)
		if (!strncmp(plan->steps[i].detail, "USE TEMP B-TREE", 15))
			assert_int_not_equal(plan->steps[i].parent, plan->steps[left].id);
}

/* A report with the options in @argv, a NULL-terminated array. */
static sqlite3_stmt *prepared(sqlite3 *db, const struct report *r, char *const argv[])
{
	sqlite3_stmt *stmt = NULL;
	struct option_set set = {0};
	struct options given;
	struct report_args args;
	struct scope scope;
	struct err err = {0};
	int argc = 0;

	while (argv[argc])
		argc++;
	for (int i = 0; i < r->n_params; i++)
		options_add(&set, (struct option_spec){.name = r->params[i].name, .arg = "X"});
	scope_add_options(&set, 1, 2);
	options_add(&set, (struct option_spec){.name = "resolve"});
	if (options_parse(argc, argv, &set, &given, &err) ||
	    report_read_args(r, &given, NOW, &args, &err) ||
	    scope_parse(&given, NOW, &scope, &err) ||
	    report_prepare(r, &args, &scope, db, &stmt, &err))
		fail_msg("%s: %s", r->name, err.msg);
	return stmt;
}

static struct plan plan_of(sqlite3 *db, const struct report *r, char *const argv[])
{
	AUTO_STMT *stmt = prepared(db, r, argv);

	return explain(db, sqlite3_sql(stmt));
}

static struct report report_called(const char *name)
{
	const struct embed *f = query_reports;
	struct report r = {0};
	struct err err = {0};

	while (f->name && strcmp(f->name, name) != 0)
		f++;
	if (!f->name || report_parse(f, &r, &err))
		fail_msg("no report %s", name);
	return r;
}

static void each_report_reads_a_range_of_the_key_in_every_window(void **state)
{
	static char *const windows[][5] = {
		{"x"},
		{"x", "--since", "7d", "--until", "6d"},
		{"x", "--started"},
		{"x", "--ended"},
		{"x", "--comm", "curl"},
		{"x", "--peer", "10.0.0.0/8", "--port", "443"},
		{"x", "--peer", "a.example"},
		{"x", "--failed"},
		{"x", "--no-loopback"},
	};
	struct err err = {0};
	int n = 0;

	for (const struct embed *f = query_reports; f->name; f++) {
		struct report r;

		assert_int_equal(report_parse(f, &r, &err), 0);
		if (!r.filtered || r.relation == SCOPE_OPEN)
			continue;
		for (size_t w = 0; w < sizeof(windows) / sizeof(windows[0]); w++, n++) {
			char *argv[6] = {0};
			struct plan plan;

			memcpy(argv, windows[w], sizeof(windows[w]));
			plan = plan_of(*state, &r, argv);
			if (scans_connection(&plan))
				fail_msg("%s %s scans connection", r.name, argv[1]);
			if (find(&plan, RANGE) < 0 && find(&plan, FAILED) < 0 &&
			    find(&plan, TOTALS) < 0 && find(&plan, FOUND) < 0)
				fail_msg("%s %s: no range of the key", r.name, argv[1]);
		}
	}
	assert_true(n >= 6 * 8);
}

/* Of what the step asks totals for, see the begin of totals.c. */
static bool sums_hours(const char *detail)
{
	return !totals_needs_rows(strtoull(detail + strlen(TOTALS "0:"), NULL, 16));
}

/* One column that hours do not know, and all is summed from the rows. */
static void reports_over_tally_sum_whole_hours(void **state)
{
	struct err err = {0};
	struct plan plan;
	int n = 0;

	for (const struct embed *f = query_reports; f->name; f++) {
		struct report r;

		assert_int_equal(report_parse(f, &r, &err), 0);
		if (r.relation != SCOPE_TALLY)
			continue;
		plan = plan_of(*state, &r, (char *[]){"x", "--port", "443", NULL});
		assert_true(find(&plan, TOTALS "0:") >= 0);
		for (int i = 0; i < plan.n; i++, n++)
			if (!strncmp(plan.steps[i].detail, TOTALS, strlen(TOTALS)) &&
			    !sums_hours(plan.steps[i].detail))
				fail_msg("%s: %s", r.name, plan.steps[i].detail);
	}
	assert_true(n >= 10);
	plan = explain(*state, "SELECT outcome, sum(connections) FROM totals GROUP BY 1");
	assert_false(sums_hours(plan.steps[find(&plan, TOTALS)].detail));
}

static void what_ended_in_a_window_is_a_range_with_two_ends(void **state)
{
	struct report r = report_called("list");
	struct plan plan = plan_of(*state, &r, (char *[]){"x", "--ended", NULL});

	assert_int_not_equal(find(&plan, RANGE " AND rowid<?)"), -1);
}

/* Names are sought after the longest are chosen, and not even the process before. */
static void what_lasted_longest_is_chosen_from_the_durations_alone(void **state)
{
	static char *const filters[][4] = {
		{"x"},
		{"x", "--ended", "--no-loopback"},
		{"x", "--direction", "in"},
		{"x", "--failed", "--started"},
	};
	struct report r = report_called("long-lived");

	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		char *argv[5] = {0};
		struct plan plan;
		int n = 0;

		memcpy(argv, filters[i], sizeof(filters[i]));
		plan = plan_of(*state, &r, argv);
		for (int step = 0; step < plan.n; step++) {
			const char *next = step + 1 < plan.n ? plan.steps[step + 1].detail : "";

			if (strncmp(plan.steps[step].detail, "SEARCH connection USING I", 25))
				continue;
			assert_string_equal(next, "USE TEMP B-TREE FOR ORDER BY");
			n++;
		}
		assert_true(n >= 1);
	}
}

static void what_is_open_reads_nothing_that_ended(void **state)
{
	struct report r = report_called("open");
	struct plan plan = plan_of(*state, &r, (char *[]){"x", "--port", "22", NULL});

	assert_int_equal(r.relation, SCOPE_OPEN);
	assert_int_not_equal(find(&plan, "SCAN open_row"), -1);
	for (int i = 0; i < plan.n; i++)
		assert_null(strstr(plan.steps[i].detail, " c "));
}

/* A date for each row of a day takes longer than all else. */
static void rows_that_are_grouped_have_the_columns_that_are_used(void **state)
{
	struct report r = report_called("resets");
	AUTO_STMT *stmt = prepared(*state, &r, (char *[]){"x", "--ended", NULL});

	assert_non_null(strstr(sqlite3_sql(stmt), "SELECT id, direction, outcome, comm, "));
	assert_null(strstr(sqlite3_sql(stmt), "started_at"));
	assert_null(strstr(sqlite3_sql(stmt), "SELECT *"));
}

static void failures_are_found_through_their_index(void **state)
{
	struct report failures = report_called("failures");
	struct report list = report_called("list");
	struct plan plan = plan_of(*state, &failures, (char *[]){"x", NULL});

	assert_int_not_equal(find(&plan, FAILED), -1);
	plan = plan_of(*state, &list, (char *[]){"x", "--failed", NULL});
	assert_int_not_equal(find(&plan, FAILED), -1);
}

/* So that it stops after its limit, however long the window is. */
static void the_list_is_merged_not_sorted(void **state)
{
	struct report r = report_called("list");
	struct plan plan = plan_of(*state, &r, (char *[]){"x", NULL});

	assert_merges(&plan);
	plan = plan_of(*state, &r, (char *[]){"x", "--comm", "curl", "--until", "2h", NULL});
	assert_merges(&plan);
	plan = plan_of(*state, &r, (char *[]){"x", "--started", NULL});
	assert_merges(&plan);
}

/* The plan of the statement that @words are in, of those that a list with @argv runs within. */
static struct plan plan_within(sqlite3 *db, char *const argv[], const char *words)
{
	struct report list = report_called("list");
	AUTO_STMT *stmt = prepared(db, &list, argv);
	struct plan plan = {0};

	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	for (sqlite3_stmt *s = sqlite3_next_stmt(db, NULL); s && plan.n == 0;
	     s = sqlite3_next_stmt(db, s))
		if (s != stmt && strstr(sqlite3_sql(s), words))
			plan = explain(db, sqlite3_sql(s));
	if (plan.n == 0)
		fail_msg("no statement with %s", words);
	return plan;
}

static void what_is_found_is_merged_not_sorted(void **state)
{
	static char *const filters[][2] = {
		{"--peer", "10.0.0.1"}, {"--peer", "10.0.0.0/8"}, {"--port", "22"},
		{"--uid", "0"},		{"--container", "web"},
	};
	struct report r = report_called("list");

	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		struct plan plan =
			plan_of(*state, &r, (char *[]){"x", filters[i][0], filters[i][1], NULL});

		assert_merges(&plan);
		assert_false(scans_connection(&plan));
		assert_int_not_equal(find(&plan, FOUND), -1);
		assert_int_not_equal(find(&plan, "SCAN f VIRTUAL TABLE INDEX 1:"), -1);
	}
}

static void hours_are_asked_for_an_address_by_their_key(void **state)
{
	static const struct {
		char *option, *value;
		const char *totals;
	} cases[] = {
		{"--peer", "2001:db8::7",
		 "SEARCH h USING PRIMARY KEY (hour=? AND direction=? AND peer_addr=?)"},
		{"--peer", "a.example",
		 "SEARCH h USING PRIMARY KEY (hour=? AND direction=? AND peer_addr=?)"},
		{"--peer", "2001:db8::/32",
		 "SEARCH h USING PRIMARY KEY (hour=? AND direction=? AND peer_addr>? AND "
		 "peer_addr<?)"},
		{"--peer", "::/0", "SEARCH h USING PRIMARY KEY (hour=?"},
		{"--comm", "curl", "SEARCH h USING PRIMARY KEY (hour=?"},
		{"--port", "22", "SEARCH h USING PRIMARY KEY (hour=?"},
	};

	tempdb_run(*state, "SAVEPOINT s;"
			   "INSERT INTO program (id, comm, uid) VALUES (1, 'curl', 0);"
			   "INSERT INTO process (id, boot, pid, start_us, program_id)"
			   " VALUES (1, 1, 1, 1, 1);"
			   "INSERT INTO connection (id, duration_us, direction, outcome, flags,"
			   " peer_addr, peer_port, local_port, process_id, tx_bytes, rx_bytes,"
			   " retransmits, local_id) VALUES (1769860000000000, 0, 0, 2, 0,"
			   " '2001:db8::7', 22, 1, 1, 0, 0, 0, 1)");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *argv[] = {"x", cases[i].option, cases[i].value, NULL};
		struct plan plan = plan_within(*state, argv, ":hour");

		if (find(&plan, cases[i].totals) < 0)
			fail_msg("%s %s: %s", cases[i].option, cases[i].value,
				 plan.steps[0].detail);
		plan = plan_within(*state, argv, ":first");
		assert_int_not_equal(find(&plan, RANGE " AND rowid<?)"), -1);
		assert_int_equal(find(&plan, "USE TEMP B-TREE"), -1);
	}
	tempdb_run(*state, "ROLLBACK TO s; RELEASE s");
}

static void names_are_found_through_their_index_and_addresses_by_their_key(void **state)
{
	AUTO_STMT *stmt = NULL;
	struct peer_name name;
	struct plan plan;
	bool known = false;

	assert_true(peer_name_parse("a.example", &name));
	plan = explain(*state, peer_name_sql(&name));
	assert_int_not_equal(find(&plan, "SEARCH dns_name USING INDEX dns_name_name (name=?)"), -1);

	/* What name_of() asks while it is asked. */
	assert_int_equal(sqlite3_prepare_v2(*state,
					    "SELECT name_of('2001:db8::7', 9) FROM (SELECT 1 UNION"
					    " ALL SELECT 2)",
					    -1, &stmt, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	for (sqlite3_stmt *s = sqlite3_next_stmt(*state, NULL); s;
	     s = sqlite3_next_stmt(*state, s)) {
		if (!strstr(sqlite3_sql(s), "dns_name"))
			continue;
		plan = explain(*state, sqlite3_sql(s));
		known = find(&plan, "SEARCH main.dns_name USING PRIMARY KEY (address=?)") >= 0;
	}
	assert_true(known);
}

static void names_are_sought_for_the_rows_that_are_shown(void **state)
{
	struct report list = report_called("list");
	AUTO_STMT *stmt = prepared(*state, &list, (char *[]){"x", "--resolve", NULL});
	const char *sql = sqlite3_sql(stmt);
	struct plan plan = explain(*state, sql);

	assert_non_null(strstr(sql, "name_of(peer_addr, id - duration_us) AS peer_name"));
	assert_merges(&plan);
	assert_non_null(strstr(strstr(sql, "ORDER BY id DESC"), "LIMIT :limit)"));
}

static void the_view_is_merged_not_sorted(void **state)
{
	struct plan plan = explain(*state, "SELECT * FROM connections ORDER BY id DESC LIMIT 20");

	assert_merges(&plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_report_reads_a_range_of_the_key_in_every_window),
		cmocka_unit_test(reports_over_tally_sum_whole_hours),
		cmocka_unit_test(what_ended_in_a_window_is_a_range_with_two_ends),
		cmocka_unit_test(what_lasted_longest_is_chosen_from_the_durations_alone),
		cmocka_unit_test(what_is_open_reads_nothing_that_ended),
		cmocka_unit_test(rows_that_are_grouped_have_the_columns_that_are_used),
		cmocka_unit_test(failures_are_found_through_their_index),
		cmocka_unit_test(the_list_is_merged_not_sorted),
		cmocka_unit_test(what_is_found_is_merged_not_sorted),
		cmocka_unit_test(hours_are_asked_for_an_address_by_their_key),
		cmocka_unit_test(names_are_found_through_their_index_and_addresses_by_their_key),
		cmocka_unit_test(names_are_sought_for_the_rows_that_are_shown),
		cmocka_unit_test(the_view_is_merged_not_sorted),
	};

	return cmocka_run_group_tests(tests, open_temp, close_temp);
}
