/* Which name an address had at a moment: the rule of dns_claim.h, and name_of() over the table. */
#include "totals_db.h"

#include "dns_claim.h"

#define S      INT64_C(1000000)
#define MINUTE (60 * S)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define T      NOW_US

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *name_at(const struct dns_claim *claims, int n, int64_t at_us)
{
	const struct dns_claim *c = dns_claim_at(claims, n, at_us);

	return c ? c->name : "none";
}

static void a_name_that_is_answered_after_the_connection_began_is_not_its(void **state)
{
	const struct dns_claim one[] = {{"a", T, T + HOUR, 9}};

	(void)state;
	assert_string_equal(name_at(one, 1, T - DAY), "none");
	assert_string_equal(name_at(one, 1, T - DNS_CLAIM_SLACK_US - 1), "none");
	/* What the clocks may differ by. */
	assert_string_equal(name_at(one, 1, T - DNS_CLAIM_SLACK_US), "a");
	assert_string_equal(name_at(one, 1, T), "a");
	assert_string_equal(name_at(one, 0, T), "none");
}

/* Two look-ups, one right after the other, each followed by its connection. */
static void what_was_answered_before_goes_before_what_comes_right_after(void **state)
{
	const struct dns_claim quick[] = {{"a", T, T, 1}, {"b", T + 500, T + 500, 1}};
	const struct dns_claim again[] = {{"a", T - HOUR, T + 400, 2}, {"b", T, T, 1}};
	const struct dns_claim skewed[] = {{"old", T - DAY, T - HOUR, 9},
					   {"late", T + 900, T + 900, 1},
					   {"sooner", T + 800, T + 800, 1}};

	(void)state;
	assert_string_equal(name_at(quick, 2, T + 100), "a");
	assert_string_equal(name_at(quick, 2, T + 600), "b");
	assert_string_equal(name_at(again, 2, T + 100), "b");
	assert_string_equal(name_at(again, 2, T + 500), "a");
	/* Of a name that was not in use any more an answer that seems to be later tells more. */
	assert_string_equal(name_at(skewed, 3, T), "sooner");
}

static void a_name_holds_for_as_long_as_no_other_is_answered(void **state)
{
	const struct dns_claim one[] = {{"a", T, T, 1}};
	const struct dns_claim two[] = {{"a", T, T, 1}, {"b", T + DAY, T + DAY, 1}};

	(void)state;
	assert_string_equal(name_at(one, 1, T + 365 * DAY), "a");
	assert_string_equal(name_at(two, 2, T + DAY - MINUTE), "a");
	assert_string_equal(name_at(two, 2, T + DAY), "b");
	assert_string_equal(name_at(two, 2, T + 30 * DAY), "b");
}

static void of_names_that_are_over_it_is_the_last_one(void **state)
{
	const struct dns_claim claims[] = {{"old", T, T + HOUR, 50},
					   {"new", T + 2 * HOUR, T + 3 * HOUR, 2},
					   {"older", T, T, 1}};

	(void)state;
	assert_string_equal(name_at(claims, 3, T + DAY), "new");
	assert_string_equal(name_at(claims, 3, T + 2 * HOUR - MINUTE), "old");
}

static void a_name_that_is_in_use_goes_before_one_that_was(void **state)
{
	/* used: all week, once a day; once: a day ago, after its last answer before. */
	const struct dns_claim claims[] = {{"used", T - 4 * DAY, T + 3 * DAY, 8},
					   {"once", T - HOUR, T - HOUR, 1}};

	(void)state;
	assert_string_equal(name_at(claims, 2, T), "used");
	/* For five minutes its answer is as good, and the later one. */
	assert_string_equal(name_at(claims, 2, T - HOUR + DNS_CLAIM_HOLD_US), "once");
	assert_string_equal(name_at(claims, 2, T - HOUR + DNS_CLAIM_HOLD_US + 1), "used");
}

static void of_names_in_use_it_is_the_one_that_was_answered_last_before(void **state)
{
	/* Each minute, and once a day: right after an answer the rare one is it. */
	const struct dns_claim claims[] = {{"often", T - 5 * DAY, T + 5 * DAY, 14401},
					   {"rarely", T - 5 * DAY, T, 6}};
	const struct dns_claim both[] = {{"often", T - 5 * DAY, T + 5 * DAY, 14401},
					 {"rarely", T - 5 * DAY, T + 5 * DAY, 11}};

	(void)state;
	assert_string_equal(name_at(claims, 2, T + S), "rarely");
	assert_string_equal(name_at(claims, 2, T + 2 * MINUTE), "often");
	assert_string_equal(name_at(both, 2, T + S), "often");
	/* No answer is thought of that was before the first. */
	assert_string_equal(name_at(both, 2, T - 5 * DAY + S), "often");
}

static void names_of_the_same_moment_go_by_the_alphabet(void **state)
{
	const struct dns_claim ab[] = {{"a", T, T, 1}, {"b", T, T, 1}};
	const struct dns_claim ba[] = {{"b", T, T, 1}, {"a", T, T, 1}};

	(void)state;
	assert_string_equal(name_at(ab, 2, T), "a");
	assert_string_equal(name_at(ba, 2, T), "a");
}

static void times_at_the_ends_of_their_range_do_no_harm(void **state)
{
	const struct dns_claim claims[] = {{"all", 0, DNS_CLAIM_MAX_US, INT64_MAX},
					   {"none", 0, DNS_CLAIM_MAX_US, INT64_MIN},
					   {"end", DNS_CLAIM_MAX_US, DNS_CLAIM_MAX_US, 0}};

	(void)state;
	assert_string_equal(name_at(claims, 3, 0), "all");
	assert_string_equal(name_at(claims, 3, DNS_CLAIM_MAX_US), "all");
}

static void add_claim(sqlite3 *db, const char *address, const char *name, const char *server,
		      int64_t first_us, int64_t last_us)
{
	run_f(db, "INSERT INTO dns_name VALUES (%Q, %Q, %Q, %lld, %lld, 2)", address, name, server,
	      (long long)first_us, (long long)last_us);
}

static void name_of_takes_moments_as_numbers_and_as_text(void **state)
{
	static const char *const cases[][2] = {
		{"name_of('192.0.2.1', 1769860800000000)", "www.example.com"},
		{"name_of('192.0.2.1', 1769860800000000.0)", "www.example.com"},
		{"name_of('192.0.2.1', '2026-01-31T12:00:00.000Z')", "www.example.com"},
		{"name_of('192.0.2.1', '2026-01-31T13:00:00+01:00')", "www.example.com"},
		{"name_of('192.0.2.1', '2026-01-31T11:59:00.000Z')", "NULL"},
		{"name_of('192.0.2.1', 1769860700000000)", "NULL"},
		{"name_of('2001:db8::1', 1769860800000000)", "www.example.com"},
		{"name_of('192.0.2.2', 1769860800000000)", "NULL"},
		/* other servers say the same of it, and something else */
		{"name_of('192.0.2.3', 1769860800000000)", "second.example.net"},
		/* what is neither an address nor a moment */
		{"name_of(NULL, 1769860800000000)", "NULL"},
		{"name_of('192.0.2.1', NULL)", "NULL"},
		{"name_of('192.0.2.1', 'now')", "NULL"},
		{"name_of('192.0.2.1', '1h')", "NULL"},
		{"name_of('192.0.2.1', 'x')", "NULL"},
		{"name_of('192.0.2.1', -1)", "NULL"},
		{"name_of('192.0.2.1', 9223372036854775807)", "NULL"},
		{"name_of('192.0.2.1', 9e99)", "NULL"},
		{"name_of('192.0.2.1', x'00')", "NULL"},
		{"name_of('', 1769860800000000)", "NULL"},
		{"name_of(17, 1769860800000000)", "NULL"},
		{"name_of(printf('%.100c', 'x'), 1769860800000000)", "NULL"},
	};
	sqlite3 *db = db_of(state);
	char sql[256];

	add_claim(db, "192.0.2.1", "www.example.com", "10.0.0.53", T, T);
	add_claim(db, "2001:db8::1", "www.example.com", "10.0.0.53", T, T);
	add_claim(db, "192.0.2.3", "first.example.net", "10.0.0.53", T - DAY, T - MINUTE);
	add_claim(db, "192.0.2.3", "second.example.net", "10.0.0.53", T - 2 * DAY, T - DAY);
	add_claim(db, "192.0.2.3", "second.example.net", "10.0.0.54", T - S, T - S);
	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(sql, sizeof(sql), "SELECT %s", cases[i][0]);
		if (strcmp(tempdb_text(db, sql), cases[i][1]) != 0)
			fail_msg("%s is %s", cases[i][0], tempdb_text(db, sql));
	}
}

/* The table may come from anywhere. */
static void rows_that_cannot_be_are_left_out(void **state)
{
	sqlite3 *db = db_of(state);

	add_claim(db, "192.0.2.1", "10.0.0.1", "s", T, T);    /* shown, it would be an address */
	add_claim(db, "192.0.2.1", "2001:db8::7", "s", T, T); /* likewise */
	add_claim(db, "192.0.2.1", "", "s", T, T);
	add_claim(db, "192.0.2.1", "before.example", "s", -1, T);
	add_claim(db, "192.0.2.1", "turned.example", "s", T, T - 1);
	add_claim(db, "192.0.2.1", "late.example", "s", T, INT64_MAX);
	assert_string_equal(tempdb_text(db, "SELECT name_of('192.0.2.1', 1769860800000000)"),
			    "NULL");
}

/* More of them than are remembered at once, again and again, and each with names of its own. */
static void many_addresses_are_not_mixed_up(void **state)
{
	sqlite3 *db = db_of(state);

	tempdb_run(db,
		   "WITH RECURSIVE i(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM i"
		   " WHERE i < 49999) INSERT INTO dns_name SELECT '10.' || (i / 65536) || '.' ||"
		   " (i / 256 % 256) || '.' || (i % 256), 'n' || i || '.' || j.value, 's',"
		   " 1000 * j.value, 1000 * j.value, 1 FROM i, (SELECT 1 AS value UNION ALL"
		   " SELECT 2) j");
	assert_int_equal(
		tempdb_number(db,
			      "WITH RECURSIVE i(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM i"
			      " WHERE i < 149999), k AS (SELECT i % 50000 AS n FROM i)"
			      " SELECT sum(name_of('10.' || (n / 65536) || '.' ||"
			      " (n / 256 % 256) || '.' || (n % 256), 9000000) = 'n' || n || '.2')"
			      " FROM k"),
		150000);
}

static void a_statement_that_runs_again_sees_what_is_new(void **state)
{
	sqlite3 *db = db_of(state);
	sqlite3_stmt *stmt = NULL;

	assert_int_equal(sqlite3_prepare_v2(db, "SELECT name_of('192.0.2.1', 1769860800000000)", -1,
					    &stmt, NULL),
			 SQLITE_OK);
	for (int i = 0; i < 3; i++) {
		char name[8];

		snprintf(name, sizeof(name), "n%d", i);
		add_claim(db, "192.0.2.1", name, "s", T - 10 * S, T - 9 * S + i);
		assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
		assert_string_equal((const char *)sqlite3_column_text(stmt, 0), name);
		sqlite3_reset(stmt);
	}
	sqlite3_finalize(stmt);
}

static void without_the_table_it_says_so(void **state)
{
	sqlite3 *db = db_of(state);

	tempdb_run(db, "DROP VIEW dns_names; DROP TABLE dns_name");
	assert_int_not_equal(sqlite3_exec(db, "SELECT name_of('', 0)", NULL, NULL, NULL),
			     SQLITE_OK);
	assert_non_null(strstr(sqlite3_errmsg(db), "no such table: main.dns_name"));
}

/* A view in a file that somebody sends could else read on and on. */
static void no_view_may_call_it(void **state)
{
	sqlite3 *db = db_of(state);

	tempdb_run(db, "CREATE VIEW v AS SELECT name_of('192.0.2.1', 0)");
	assert_int_not_equal(sqlite3_exec(db, "SELECT * FROM v", NULL, NULL, NULL), SQLITE_OK);
	assert_non_null(strstr(sqlite3_errmsg(db), "unsafe use of name_of()"));
}

/* sqlite3_close() of a program that loads connmon.so must not find it busy. */
static void nothing_of_it_outlives_the_statement(void **state)
{
	sqlite3 *db = db_of(state);

	add_claim(db, "192.0.2.1", "a", "s", T, T);
	assert_string_equal(tempdb_text(db, "SELECT name_of('192.0.2.1', 1769860800000000)"), "a");
	assert_null(sqlite3_next_stmt(db, NULL));
}

#define WITH_DB(test) cmocka_unit_test_setup_teardown(test, totals_db_open, totals_db_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_that_is_answered_after_the_connection_began_is_not_its),
		cmocka_unit_test(what_was_answered_before_goes_before_what_comes_right_after),
		cmocka_unit_test(a_name_holds_for_as_long_as_no_other_is_answered),
		cmocka_unit_test(of_names_that_are_over_it_is_the_last_one),
		cmocka_unit_test(a_name_that_is_in_use_goes_before_one_that_was),
		cmocka_unit_test(of_names_in_use_it_is_the_one_that_was_answered_last_before),
		cmocka_unit_test(names_of_the_same_moment_go_by_the_alphabet),
		cmocka_unit_test(times_at_the_ends_of_their_range_do_no_harm),
		WITH_DB(name_of_takes_moments_as_numbers_and_as_text),
		WITH_DB(rows_that_cannot_be_are_left_out),
		WITH_DB(many_addresses_are_not_mixed_up),
		WITH_DB(a_statement_that_runs_again_sees_what_is_new),
		WITH_DB(without_the_table_it_says_so),
		WITH_DB(no_view_may_call_it),
		WITH_DB(nothing_of_it_outlives_the_statement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
