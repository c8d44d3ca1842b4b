/* percentile(): exact, over values of all kinds. */
#include "sql_cases.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define OF(values)   " FROM (SELECT column1 AS x FROM (VALUES " values "))"

static void values_in_order_are_counted_off(void **state)
{
	static const struct sql_case cases[] = {
		{"percentile(x, 0)" OF("(3), (1), (2)"), "1.0"},
		{"percentile(x, 50)" OF("(3), (1), (2)"), "2.0"},
		{"percentile(x, 100)" OF("(3), (1), (2)"), "3.0"},
		{"percentile(x, 50)" OF("(1), (2)"), "1.5"},
		{"percentile(x, 25)" OF("(10), (20), (30), (40), (50)"), "20.0"},
		{"percentile(x, 90)" OF("(10), (20)"), "19.0"},
		{"percentile(x, 50)" OF("(7)"), "7.0"},
		{"percentile(x, 50)" OF("(NULL), (4), (NULL)"), "4.0"},
		{"percentile(x, 50)" OF("(NULL)"), "NULL"},
		{"percentile(x, 50)" OF("(1)") " WHERE 0", "NULL"},
		{"percentile(x, 50)" OF("(-3), (-1), (-2)"), "-2.0"},
		{"percentile(x, 50)" OF("(-0.5), (0), (0.5)"), "0.0"},
		{"percentile(x, 50)" OF("('1'), ('2'), ('3')"), "2.0"},
		{"percentile(x, 100)" OF("(9e999), (1)"), "Inf"},
		{"percentile(x, 0)" OF("(-9e999), (1)"), "-Inf"},
		{"percentile(x, 50)" OF("(9e999), (9e999)"), "Inf"},
		{"percentile(x, 50)" OF("(9223372036854775807)"), "9.22337203685478e+18"},
	};

	assert_gives(*state, cases, COUNT(cases));
}

static void it_is_what_sorting_gives(void **state)
{
	tempdb_run(*state, "CREATE TEMP TABLE t AS WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL"
			   " SELECT i + 1 FROM n WHERE i < 10001) SELECT i % 7 AS g, CASE i % 3"
			   " WHEN 0 THEN random() % 1000 ELSE random() / 1e10 END AS x FROM n");
	for (int p = 0; p <= 100; p++) {
		char sql[512];

		snprintf(sql, sizeof(sql),
			 "SELECT percentile(x, %d) = (SELECT x FROM t ORDER BY CAST(x AS REAL)"
			 " LIMIT 1 OFFSET %d) FROM t",
			 p, p * 100);
		assert_string_equal(tempdb_text(*state, sql), "1");
	}
	assert_string_equal(tempdb_text(*state,
					"SELECT count(*) FROM (SELECT g, percentile(x, 0) AS"
					" low, min(x) AS least FROM t GROUP BY g)"
					" WHERE low = least"),
			    "7");
}

static void what_cannot_be_is_an_error(void **state)
{
	assert_sql_fails(*state, "SELECT percentile(1, 101)", "must be from 0 to 100");
	assert_sql_fails(*state, "SELECT percentile(1, -1)", "must be from 0 to 100");
	assert_sql_fails(*state, "SELECT percentile(1, NULL)", "must be from 0 to 100");
	assert_sql_fails(*state, "SELECT percentile(1, 'half')", "must be from 0 to 100");
	assert_sql_fails(*state, "SELECT percentile(x, x)" OF("(1), (2)"), "same for all rows");
	assert_sql_fails(*state, "SELECT percentile('fast', 50)", "is no number");
	assert_sql_fails(*state, "SELECT percentile(x'31', 50)", "is no number");
	/* and what it had taken until then is given back: a sanitizer would tell */
	assert_sql_fails(*state, "SELECT percentile(x, 50)" OF("(1), (2), ('a')"), "is no number");
	assert_sql_fails(*state, "SELECT percentile(x, 50)" OF("(1), (abs(-9223372036854775808))"),
			 "integer overflow");
}

static void a_group_that_is_too_large_is_refused(void **state)
{
	/* 5793 times 5793 */
	assert_sql_fails(*state,
			 "WITH RECURSIVE n(x) AS MATERIALIZED (VALUES (1) UNION ALL"
			 " SELECT x + 1 FROM n LIMIT 5793) SELECT percentile(1, 50) FROM n, n",
			 "more than 33554432 values in one group");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_in_order_are_counted_off),
		cmocka_unit_test(it_is_what_sorting_gives),
		cmocka_unit_test(what_cannot_be_is_an_error),
		cmocka_unit_test(a_group_that_is_too_large_is_refused),
	};

	return cmocka_run_group_tests(tests, open_memory, close_memory);
}
