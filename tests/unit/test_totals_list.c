/* Lists of totals: the values of the same connections that the sums are of. */
#include "totals_db.h"

#include <stdlib.h>
#include <string.h>

/* Three days, of which all but the last hours are totalled. */
static void fill(sqlite3 *db, unsigned seed)
{
	int64_t id = NOW_US - 72 * US_PER_HOUR;

	tempdb_run(db, "BEGIN");
	for (int i = 0; i < 2900; i++) {
		static const char *const processes[] = {"1", "2", "4", "5", "NULL"};
		char peer[32];
		int64_t duration = rand_r(&seed) % 20 ? rand_r(&seed) % 5000000
						      : rand_r(&seed) % 7200 * INT64_C(1000000);

		id += 1 + rand_r(&seed) % 170000000;
		snprintf(peer, sizeof(peer), "10.0.0.%d", rand_r(&seed) % 5);
		add_ended(db, id, duration, rand_r(&seed) % 4 == 0, peer, 80 + rand_r(&seed) % 2,
			  processes[rand_r(&seed) % 5]);
	}
	tempdb_run(db, "UPDATE connection SET connect_us = id * 7919 % 1000003,"
		       " local_port = 1024 + id % 300 WHERE direction = 0 AND id % 10");
	tempdb_run(db, "INSERT INTO open_row (id, start_us, seen_us, direction, outcome,"
		       " local_addr, local_port, peer_addr, peer_port, process_id, netns,"
		       " connect_us, tx_bytes, rx_bytes, retransmits, flags)"
		       " SELECT value, 1769860700000000 + value, 0, 0, 1, '10.0.0.1', value,"
		       " '10.0.0.' || value % 5, 80, 2, 4026531840, 5000 + value, 1, 1, 0, 0"
		       " FROM json_each('[1,2,3,4,5,6,7,8,9]')");
	tempdb_run(db, "COMMIT");
}

/* Each row of @a is the row of @b, as text. Returns how many there are. */
static void bind(sqlite3_stmt *stmt, const char *name, int64_t value)
{
	sqlite3_bind_int64(stmt, sqlite3_bind_parameter_index(stmt, name), value);
}

static int assert_same(sqlite3 *db, const char *a, const char *b, int64_t since, int64_t until)
{
	sqlite3_stmt *x = NULL, *y = NULL;
	int rows = 0;

	if (sqlite3_prepare_v2(db, a, -1, &x, NULL) || sqlite3_prepare_v2(db, b, -1, &y, NULL))
		fail_msg("%s\n%s\n%s", sqlite3_errmsg(db), a, b);
	bind(x, ":since", since);
	bind(x, ":until", until);
	bind(y, ":since", since);
	bind(y, ":until", until);
	for (;; rows++) {
		int rc = sqlite3_step(x);

		if (rc != sqlite3_step(y) || (rc != SQLITE_ROW && rc != SQLITE_DONE))
			fail_msg("row %d: %s\n%s\n%s", rows, sqlite3_errmsg(db), a, b);
		if (rc == SQLITE_DONE)
			break;
		for (int i = 0; i < sqlite3_column_count(x); i++) {
			const char *got = (const char *)sqlite3_column_text(x, i);
			const char *want = (const char *)sqlite3_column_text(y, i);

			if (!got != !want || (got && strcmp(got, want) != 0))
				fail_msg("row %d, column %d: %s, not %s\n%s", rows, i, got, want,
					 a);
		}
	}
	sqlite3_finalize(x);
	sqlite3_finalize(y);
	return rows;
}

/* What of the columns there is beside, whichever are grouped by or narrowed by. */
static const struct {
	const char *group, *where;
} questions[] = {
	{"peer_addr, service_port", "direction = 'out'"},
	{"peer_addr, service_port", "direction = 'out' AND comm = 'curl'"},
	{"comm, peer_addr", "1"},
	{"service_port, direction, peer_addr", "NOT loopback AND ip_in(peer_addr, '10.0.0.0/30')"},
	{"pid, direction", "1"},
	{"peer_addr || comm", "comm IS NOT NULL"}, /* not a column: the rows are sorted */
};

static void lists_hold_what_the_rows_hold(void **state)
{
	static const struct {
		const char *window, *rows;
	} windows[] = {
		{"active", "id >= :since AND id - duration_us < :until"},
		{"started", "id >= :since AND id - duration_us >= :since AND"
			    " id - duration_us < :until"},
		{"ended", "id >= :since AND id < :until AND ended_at IS NOT NULL"},
	};
	sqlite3 *db = db_of(state);
	unsigned seed = 7;
	int rows = 0;

	fill(db, seed);
	add_totals(db, NOW_HOUR - 1);
	for (size_t w = 0; w < sizeof(windows) / sizeof(windows[0]); w++) {
		for (size_t q = 0; q < sizeof(questions) / sizeof(questions[0]); q++) {
			int64_t since = NOW_US - (int64_t)(rand_r(&seed) % 70 + 2) * US_PER_HOUR -
					rand_r(&seed);
			int64_t until = q % 2 ? NOW_US : since + 40 * US_PER_HOUR;
			char a[1024], b[1024];

			snprintf(
				a, sizeof(a),
				"SELECT * FROM (SELECT %s, list_percentile(connect_us_list, 95),"
				" list_percentile(duration_us_list, 50),"
				" list_ports(local_port_list), sum(connections)"
				" FROM totals(:since, :until, '%s') WHERE %s GROUP BY %s) ORDER BY 1, 2, 3",
				questions[q].group, windows[w].window, questions[q].where,
				questions[q].group);
			snprintf(b, sizeof(b),
				 "SELECT * FROM (SELECT %s, percentile(connect_us, 95),"
				 " percentile(duration_us, 50),"
				 " count(DISTINCT local_port), count(*)"
				 " FROM connections WHERE %s AND %s GROUP BY %s) ORDER BY 1, 2, 3",
				 questions[q].group, windows[w].rows, questions[q].where,
				 questions[q].group);
			rows += assert_same(db, a, b, since, until);
		}
	}
	assert_true(rows > 100);
}

/* As an hour's sums outlive its rows, there may be sums without values. */
static void of_rows_that_are_gone_there_is_no_list(void **state)
{
	sqlite3 *db = db_of(state);
	int64_t hour = NOW_HOUR - 10;

	for (int i = 0; i < 5; i++)
		add_ended(db, hour * US_PER_HOUR + 1000000 * (i + 1), 1000, 0, "10.0.0.1", 80, "1");
	add_totals(db, NOW_HOUR);
	tempdb_run(db, "DELETE FROM connection");
	run_f(db, "UPDATE extent SET rows_from_us = %lld", (long long)((hour + 1) * US_PER_HOUR));
	assert_string_equal(tempdb_text(db, "SELECT sum(connections) || ' ' ||"
					    " ifnull(list_percentile(duration_us_list, 50), 'none')"
					    " FROM totals()"),
			    "5 none");
}

static void too_few_moments_have_no_regularity(void **state)
{
	sqlite3 *db = db_of(state);

	for (int i = 0; i < 3; i++)
		add_ended(db, NOW_US - 1000000 * (10 - i), 1000, 0, "10.0.0.1", 80, "1");
	assert_string_equal(tempdb_text(db, "SELECT ifnull(list_regularity(start_us_list), 'none')"
					    " FROM totals()"),
			    "none");
	add_ended(db, NOW_US - 1000000 * 7, 1000, 0, "10.0.0.1", 80, "1");
	assert_string_equal(tempdb_text(db, "SELECT list_regularity(start_us_list) FROM totals()"),
			    "{\"score\":1.000000,\"interval_us\":1000000}");
}

/* From the first step that has some to the last, and none is lost at either end. */
static void steps_count_each_value_once(void **state)
{
	static const int64_t durations[] = {0, 1, 1, 2, 49, 50, 99, 100, 999};
	sqlite3 *db = db_of(state);

	assert_string_equal(tempdb_text(db, "SELECT ifnull(list_steps(duration_us_list), 'none')"
					    " FROM totals()"),
			    "none");
	for (size_t i = 3; i < sizeof(durations) / sizeof(durations[0]); i++)
		add_ended(db, NOW_US - 1000000 * (10 - (int64_t)i), durations[i], 0, "10.0.0.1", 80,
			  "1");
	assert_string_equal(tempdb_text(db, "SELECT list_steps(duration_us_list) FROM totals()"),
			    "2 5 1,5 10 0,10 20 0,20 50 1,50 100 2,100 200 1,200 500 0,500 1000 1");
	for (size_t i = 0; i < 3; i++)
		add_ended(db, NOW_US - 1000000 * (20 - (int64_t)i), durations[i], 0, "10.0.0.1", 80,
			  "1");
	assert_string_equal(tempdb_text(db, "SELECT substr(list_steps(duration_us_list), 1, 17)"
					    " FROM totals()"),
			    "0 1 1,1 2 2,2 5 1");
}

/* Nobody can make a list of a number: not of one that was right a moment ago, either. */
static void what_is_no_list_is_an_error(void **state)
{
	static const char *const statements[] = {
		"SELECT list_percentile(1, 50)",
		"SELECT list_percentile(-1, 50)",
		"SELECT list_percentile(4294967296, 50)",
		"SELECT list_percentile(4294967297, 50)",
		"SELECT list_ports(9223372036854775807)",
		"SELECT list_ports('x')",
		"SELECT list_percentile(duration_us_list, 101) FROM totals()",
		"SELECT list_percentile(duration_us_list, -1) FROM totals()",
		"SELECT list_percentile(duration_us_list + 1, 50) FROM totals()",
		"SELECT list_percentile(duration_us_list - 1, 50) FROM totals()",
	};
	sqlite3 *db = db_of(state);
	int64_t last;
	char *sql;

	for (int i = 0; i < 9; i++)
		add_ended(db, NOW_US - 1000000 * (10 - i), 1000 + i, 0, "10.0.0.1", 80, "1");
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
		if (sqlite3_exec(db, statements[i], NULL, NULL, NULL) != SQLITE_ERROR)
			fail_msg("%s is no error", statements[i]);
	last = tempdb_number(db, "SELECT duration_us_list FROM totals()");
	sql = sqlite3_mprintf("SELECT list_ports(%lld)", (long long)last);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_ERROR);
	sqlite3_free(sql);
	assert_non_null(strstr(sqlite3_errmsg(db), "no list of totals"));
}

/* Two tables of totals at once do not take each other's lists. */
static void lists_of_two_tables_are_kept_apart(void **state)
{
	sqlite3 *db = db_of(state);

	for (int i = 0; i < 8; i++)
		add_ended(db, NOW_US - 1000000 * (10 - i), i % 2 ? 100 : 900, i % 2, "10.0.0.1", 80,
			  "1");
	assert_string_equal(
		tempdb_text(db,
			    "SELECT list_percentile(a.duration_us_list, 50) || ' ' ||"
			    " list_percentile(b.duration_us_list, 50)"
			    " FROM totals(NULL, NULL, 'ended') a, totals(NULL, NULL, 'active') b"
			    " WHERE a.direction = 'out' AND b.direction = 'in'"),
		"900.0 100.0");
}

int main(void)
{
#define EMPTY_DB(test) cmocka_unit_test_setup_teardown(test, totals_db_open, totals_db_close)
	const struct CMUnitTest tests[] = {
		EMPTY_DB(lists_hold_what_the_rows_hold),
		EMPTY_DB(of_rows_that_are_gone_there_is_no_list),
		EMPTY_DB(too_few_moments_have_no_regularity),
		EMPTY_DB(steps_count_each_value_once),
		EMPTY_DB(what_is_no_list_is_an_error),
		EMPTY_DB(lists_of_two_tables_are_kept_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
