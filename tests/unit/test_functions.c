/* The SQL functions, asked through SQL. */
#include "sql_cases.h"

static void an_address_is_in_its_network(void **state)
{
	static const struct sql_case cases[] = {
		{"ip_in('10.1.2.3', '10.0.0.0/8')", "1"},
		{"ip_in('11.1.2.3', '10.0.0.0/8')", "0"},
		{"ip_in('10.1.2.3', '10.1.2.3')", "1"},
		{"ip_in('10.1.2.4', '10.1.2.3')", "0"},
		{"ip_in('10.1.2.3', '10.1.2.3/32')", "1"},
		{"ip_in('10.1.2.2', '10.1.2.3/31')", "1"}, /* host bits do not count */
		{"ip_in('10.1.2.1', '10.1.2.3/31')", "0"},
		{"ip_in('172.31.255.255', '172.16.0.0/12')", "1"},
		{"ip_in('172.32.0.0', '172.16.0.0/12')", "0"},
		{"ip_in('1.2.3.4', '0.0.0.0/0')", "1"},
		{"ip_in('2001:db8::1', '0.0.0.0/0')", "0"},
		{"ip_in('2001:db8::1', '::/0')", "1"},
		{"ip_in('1.2.3.4', '::/0')", "0"},
		{"ip_in('2001:db8:1::1', '2001:db8::/32')", "1"},
		{"ip_in('2001:db9::1', '2001:db8::/32')", "0"},
		{"ip_in('2001:DB8::0001', '2001:db8::1')", "1"}, /* however it is written */
		{"ip_in('::ffff:10.1.2.3', '10.0.0.0/8')", "1"},
		{"ip_in('10.1.2.3', '::ffff:10.0.0.0/104')", "1"},
		{"ip_in('::1', '127.0.0.0/8')", "0"},
		{"ip_in(NULL, '10.0.0.0/8')", "NULL"},
		{"ip_in('10.1.2.3', NULL)", "NULL"},
		{"ip_in('nonsense', '10.0.0.0/8')", "NULL"},
	};

	assert_gives(*state, cases, sizeof(cases) / sizeof(cases[0]));
}

static void an_address_has_a_network_of_any_size(void **state)
{
	static const struct {
		const char *sql, *want;
	} cases[] = {
		{"ip_net('10.1.2.3', 24)", "10.1.2.0/24"},
		{"ip_net('10.1.2.3', 32)", "10.1.2.3/32"},
		{"ip_net('10.1.2.3', 31)", "10.1.2.2/31"},
		{"ip_net('10.255.2.3', 9)", "10.128.0.0/9"},
		{"ip_net('10.1.2.3', 0)", "0.0.0.0/0"},
		{"ip_net('10.1.2.3', 64)", "10.1.2.3/32"},
		{"ip_net('::ffff:10.1.2.3', 24)", "10.1.2.0/24"},
		{"ip_net('2001:db8:1:2::3', 48)", "2001:db8:1::/48"},
		{"ip_net('2001:db8::ffff', 127)", "2001:db8::fffe/127"},
		{"ip_net('::1', 128)", "::1/128"},
		{"ip_net('2001:db8::1', 0)", "::/0"},
		{"ip_net(NULL, 8)", "NULL"},
		{"ip_net('10.1.2.3', NULL)", "NULL"},
		{"ip_net('nonsense', 8)", "NULL"},
	};
	char sql[128];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(sql, sizeof(sql), "SELECT %s", cases[i].sql);
		if (strcmp(tempdb_text(*state, sql), cases[i].want) != 0)
			fail_msg("%s is %s", cases[i].sql, tempdb_text(*state, sql));
	}
	assert_int_equal(sqlite3_exec(*state, "SELECT ip_net('::1', 129)", NULL, NULL, NULL),
			 SQLITE_ERROR);
	assert_int_equal(sqlite3_exec(*state, "SELECT ip_net('::1', -1)", NULL, NULL, NULL),
			 SQLITE_ERROR);
}

static void what_is_no_network_is_an_error(void **state)
{
	static const char *const networks[] = {
		"",	  "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "::/129",
		"10.0.0", "10.0.0.0/8x", "host/8",    "10.0.0.0/+8", "10.0.0.0/0008",
		"/8"};
	struct network net;

	for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++)
		if (network_parse(networks[i], &net))
			fail_msg("\"%s\" was taken", networks[i]);
	assert_int_equal(sqlite3_exec(*state, "SELECT ip_in('10.0.0.1', 'x')", NULL, NULL, NULL),
			 SQLITE_ERROR);
	assert_string_equal(sqlite3_errmsg(*state), "ip_in: no address and no network");
	assert_int_equal(sqlite3_exec(*state, "SELECT ip_in('10.0.0.1', x'00')", NULL, NULL, NULL),
			 SQLITE_ERROR);
}

/* A network that varies from row to row must not be taken from the row before. */
static void a_network_may_be_a_column(void **state)
{
	assert_string_equal(tempdb_text(*state,
					"SELECT group_concat(ip_in('10.0.0.1', column1)) FROM"
					" (VALUES ('10.0.0.0/8'), ('11.0.0.0/8'), ('10.0.0.1'))"),
			    "1,0,1");
}

static void a_value_is_in_a_list(void **state)
{
	assert_string_equal(tempdb_text(*state, "SELECT in_list(443, '80,443')"), "1");
	assert_string_equal(tempdb_text(*state, "SELECT in_list(44, '80,443')"), "0");
	assert_string_equal(tempdb_text(*state, "SELECT in_list(80, '80,443')"), "1");
	assert_string_equal(tempdb_text(*state, "SELECT in_list('refused', 'refused')"), "1");
	assert_string_equal(tempdb_text(*state, "SELECT in_list('refuse', 'refused')"), "0");
	assert_string_equal(tempdb_text(*state, "SELECT in_list('', 'a')"), "0");
	assert_string_equal(tempdb_text(*state, "SELECT in_list(NULL, 'a')"), "NULL");
	assert_string_equal(tempdb_text(*state, "SELECT in_list('a', NULL)"), "NULL");
}

static void text_matches_exactly_or_by_pattern(void **state)
{
	assert_string_equal(tempdb_text(*state, "SELECT matches('curl', 'curl')"), "1");
	assert_string_equal(tempdb_text(*state, "SELECT matches('curl', 'Curl')"), "0");
	assert_string_equal(tempdb_text(*state, "SELECT matches('curl', 'cur')"), "0");
	assert_string_equal(tempdb_text(*state, "SELECT matches('curl', 'c*')"), "1");
	assert_string_equal(tempdb_text(*state, "SELECT matches('curl', '?url')"), "1");
	assert_string_equal(tempdb_text(*state, "SELECT matches('[kworker]', '[kworker]')"), "1");
	assert_string_equal(tempdb_text(*state, "SELECT matches('k', '[kworker]')"), "0");
	assert_string_equal(tempdb_text(*state, "SELECT matches(NULL, '*')"), "NULL");
}

static void few_names_the_most_frequent_first(void **state)
{
	assert_string_equal(tempdb_text(*state,
					"SELECT few(column1) FROM (VALUES ('b'), ('a'), ('b'),"
					" (NULL), ('c'), ('a'), ('b'))"),
			    "b, a, c");
	assert_string_equal(tempdb_text(*state,
					"SELECT few(column1) FROM (VALUES ('e'), ('d'), ('c'),"
					" ('b'), ('a'), ('e'), ('f'))"),
			    "e, a, b, c, +2");
	assert_string_equal(
		tempdb_text(*state, "SELECT few(column1, column2) FROM (VALUES ('a', 2), ('b', 1),"
				    " ('c', 3000000000), ('b', 2), (NULL, 9))"),
		"c, b, a");
	assert_string_equal(tempdb_text(*state, "SELECT few(NULL)"), "NULL");
	assert_string_equal(tempdb_text(*state, "SELECT few(1) WHERE 0"), "NULL");
	assert_string_equal(tempdb_text(*state,
					"WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1"
					" FROM n WHERE x < 1000) SELECT few(x % 100) FROM n"),
			    "0, 1, 10, 11, +96");
}

/* SQLite must free what a statement had collected when it is given up. */
static void few_leaves_nothing_behind_when_it_is_interrupted(void **state)
{
	AUTO_STMT *stmt = NULL;

	assert_int_equal(sqlite3_prepare_v2(*state,
					    "SELECT few(column1) FROM (VALUES ('a'), ('b'),"
					    " (abs(-9223372036854775808)))",
					    -1, &stmt, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ERROR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_in_its_network),
		cmocka_unit_test(an_address_has_a_network_of_any_size),
		cmocka_unit_test(what_is_no_network_is_an_error),
		cmocka_unit_test(a_network_may_be_a_column),
		cmocka_unit_test(a_value_is_in_a_list),
		cmocka_unit_test(text_matches_exactly_or_by_pattern),
		cmocka_unit_test(few_names_the_most_frequent_first),
		cmocka_unit_test(few_leaves_nothing_behind_when_it_is_interrupted),
	};

	return cmocka_run_group_tests(tests, open_memory, close_memory);
}
