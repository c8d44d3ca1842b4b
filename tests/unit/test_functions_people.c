/* The SQL functions that make numbers readable, and ago(). */
#include "sql_cases.h"

#include <netdb.h>
#include <arpa/inet.h>
#include <pwd.h>
#include <sys/time.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void bytes_and_durations_are_readable(void **state)
{
	static const struct sql_case cases[] = {
		{"human_bytes(0)", "0"},
		{"human_bytes(1023)", "1023"},
		{"human_bytes(1024)", "1.0K"},
		{"human_bytes(5368709120)", "5.0G"},
		{"human_bytes(1181575540)", "1.1G"}, /* cut once, and not at each unit */
		{"human_bytes(9223372036854775807)", "7.9E"},
		{"human_bytes(-2048)", "-2.0K"},
		{"human_bytes(-9223372036854775807 - 1)", "-7.9E"},
		{"human_bytes(1536.9)", "1.5K"},
		{"human_bytes('2048')", "2.0K"},
		{"human_us(0)", "0us"},
		{"human_us(1500)", "1.5ms"},
		{"human_us(59990000)", "59.9s"},
		{"human_us(90000000)", "1m30s"},
		{"human_us(-90000000)", "-1m30s"},
		{"human_us(9223372036854775807)", "106751991d04h"},
		{"human_us(-9223372036854775807 - 1)", "-106751991d04h"},
	};

	assert_gives(*state, cases, COUNT(cases));
}

static void what_is_no_quantity_is_null(void **state)
{
	static const struct sql_case cases[] = {
		{"human_bytes(NULL)", "NULL"},	   {"human_bytes('many')", "NULL"},
		{"human_bytes(x'31')", "NULL"},	   {"human_bytes(9e999)", "NULL"},
		{"human_bytes(-9e999)", "NULL"},   {"human_bytes('')", "NULL"},
		{"human_us(NULL)", "NULL"},	   {"human_us('1h')", "NULL"},
		{"human_us(1e300)", "NULL"},	   {"human_us(char(0))", "NULL"},
		{"port_name(NULL)", "NULL"},	   {"port_name(-1)", "NULL"},
		{"port_name(65536)", "NULL"},	   {"port_name(65536 + 22)", "NULL"},
		{"port_name('ssh')", "NULL"},	   {"port_name(22.5)", "NULL"},
		{"user_name(NULL)", "NULL"},	   {"user_name(-1)", "NULL"},
		{"user_name(4294967295)", "NULL"}, {"user_name(4294967296)", "NULL"},
		{"user_name('root')", "NULL"},
	};

	assert_gives(*state, cases, COUNT(cases));
}

static void ago_is_the_time_before_now(void **state)
{
	struct timeval now;
	int64_t us;

	us = strtoll(tempdb_text(*state, "SELECT ago('1h')"), NULL, 10);
	gettimeofday(&now, NULL);
	us += INT64_C(3600000000); /* no sooner than it was asked, and not a minute sooner */
	assert_true(us <= now.tv_sec * INT64_C(1000000) + now.tv_usec);
	assert_true(us > (now.tv_sec - 60) * INT64_C(1000000));
	assert_string_equal(tempdb_text(*state, "SELECT ago(NULL)"), "NULL");
}

/* Or a statement over many rows would compare each with another moment. */
static void ago_is_the_same_for_all_rows(void **state)
{
	assert_string_equal(tempdb_text(*state,
					"WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1"
					" FROM n WHERE x < 100000)"
					" SELECT count(DISTINCT ago('1s')) FROM n"),
			    "1");
	assert_string_equal(tempdb_text(*state, "SELECT max(a) - min(a) > 3000000000 FROM"
						" (SELECT ago(column1) AS a FROM"
						" (VALUES ('1h'), ('1s'), ('2m')))"),
			    "1");
}

static void ago_of_no_duration_is_an_error(void **state)
{
	static const char *const wrong[] = {"''",    "'1'",
					    "1",     "'yesterday'",
					    "'-1h'", "'1h' || char(0) || 'x'",
					    "x'00'", "'99999999999999999999d'"};
	char sql[128];

	for (size_t i = 0; i < COUNT(wrong); i++) {
		snprintf(sql, sizeof(sql), "SELECT ago(%s)", wrong[i]);
		assert_sql_fails(*state, sql, "ago: no duration; write 90s");
	}
}

static void ports_and_users_have_their_names_of_the_system(void **state)
{
	char sql[64];

	for (int port = 0; port < 1024; port++) {
		const struct servent *entry = getservbyport(htons((uint16_t)port), "tcp");

		snprintf(sql, sizeof(sql), "SELECT port_name(%d)", port);
		assert_string_equal(tempdb_text(*state, sql), entry ? entry->s_name : "NULL");
	}
	for (int uid = 0; uid < 1024; uid++) { /* four share a slot */
		const struct passwd *entry = getpwuid((uid_t)uid);

		snprintf(sql, sizeof(sql), "SELECT user_name(%d)", uid);
		assert_string_equal(tempdb_text(*state, sql), entry ? entry->pw_name : "NULL");
	}
	assert_string_equal(tempdb_text(*state, "SELECT group_concat(ifnull(user_name(column1),"
						" '-')) FROM (VALUES (0), (256000), (0))"),
			    "root,-,root");
}

/* Looking beyond the database is not for what stands in it. */
static void a_view_cannot_ask_for_names(void **state)
{
	tempdb_run(*state, "CREATE VIEW asks AS SELECT user_name(0)");
	assert_sql_fails(*state, "SELECT * FROM asks", "unsafe use of user_name()");
	tempdb_run(*state, "CREATE VIEW counts AS SELECT human_us(1), ago('1h'),"
			   " percentile(1, 50)");
	sqlite3_db_config(*state, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	tempdb_run(*state, "SELECT * FROM counts");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_and_durations_are_readable),
		cmocka_unit_test(what_is_no_quantity_is_null),
		cmocka_unit_test(ago_is_the_time_before_now),
		cmocka_unit_test(ago_is_the_same_for_all_rows),
		cmocka_unit_test(ago_of_no_duration_is_an_error),
		cmocka_unit_test(ports_and_users_have_their_names_of_the_system),
		cmocka_unit_test(a_view_cannot_ask_for_names),
	};

	return cmocka_run_group_tests(tests, open_memory, close_memory);
}
