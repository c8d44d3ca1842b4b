/* community_id() beside what others compute. */
#include "sql_cases.h"

/* All of TCP in baseline/baseline_deflt.json and baseline_seed1.json of
 * https://github.com/corelight/community-id-spec, and, for ports whose bytes are in another order
 * than their numbers, one of the tests of https://github.com/corelight/pycommunityid. */
static void it_equals_the_published_vectors(void **state)
{
	static const struct sql_case cases[] = {
		{"community_id('2001:470:e5bf:dead:4957:2174:e82c:4887', '2607:f8b0:400c:c03::1a',"
		 " 63943, 25)",
		 "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
		{"community_id('2607:f8b0:400c:c03::1a', '2001:470:e5bf:dead:4957:2174:e82c:4887',"
		 " 25, 63943)",
		 "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
		{"community_id('128.232.110.120', '66.35.250.204', 34855, 80)",
		 "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
		{"community_id('66.35.250.204', '128.232.110.120', 80, 34855)",
		 "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
		{"community_id('10.0.0.1', '10.0.0.2', 10, 11569)",
		 "1:SXBGMX1lBOwhhoDrZynfROxnhnM="},
		{"community_id('2001:470:e5bf:dead:4957:2174:e82c:4887', '2607:f8b0:400c:c03::1a',"
		 " 63943, 25, 1)",
		 "1:eJYTW6AOzFLlSUoESovMjnu7rMw="},
		{"community_id('2607:f8b0:400c:c03::1a', '2001:470:e5bf:dead:4957:2174:e82c:4887',"
		 " 25, 63943, 1)",
		 "1:eJYTW6AOzFLlSUoESovMjnu7rMw="},
		{"community_id('128.232.110.120', '66.35.250.204', 34855, 80, 1)",
		 "1:3V71V58M3Ksw/yuFALMcW0LAHvc="},
		{"community_id('66.35.250.204', '128.232.110.120', 80, 34855, 1)",
		 "1:3V71V58M3Ksw/yuFALMcW0LAHvc="},
		{"community_id('10.0.0.1', '10.0.0.2', 10, 11569, 1)",
		 "1:HmBRGR+fUyXF4t8WEtal7Y0gEAo="},
	};

	assert_gives(*state, cases, sizeof(cases) / sizeof(cases[0]));
}

static void either_end_may_come_first_and_an_address_may_be_written_in_any_way(void **state)
{
	static const struct sql_case cases[] = {
		{"community_id('127.0.0.1', '127.0.0.1', 8080, 40012) ="
		 " community_id('127.0.0.1', '127.0.0.1', 40012, 8080)",
		 "1"},
		/* 255 is less than 256, whatever their bytes are. */
		{"community_id('::1', '::1', 255, 256) = community_id('::1', '::1', 256, 255)",
		 "1"},
		{"community_id('::1', '::1', 255, 256) = community_id('::1', '::1', 1, 256)", "0"},
		{"community_id('::ffff:66.35.250.204', '128.232.110.120', 80, 34855)",
		 "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
		{"community_id('2607:F8B0:400C:C03:0::1A', '2001:470:e5bf:dead:4957:2174:e82c:4887',"
		 " 25, 63943)",
		 "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
		{"community_id('66.35.250.204', '128.232.110.120', '80', 34855, 0)",
		 "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
	};

	assert_gives(*state, cases, sizeof(cases) / sizeof(cases[0]));
}

static void what_is_no_connection_has_none(void **state)
{
	static const struct sql_case cases[] = {
		{"community_id(NULL, '10.0.0.2', 1, 2)", "NULL"},
		{"community_id('10.0.0.1', '10.0.0.2', 1, NULL)", "NULL"},
		{"community_id('10.0.0.1', '10.0.0.2', 1, 2, NULL)", "NULL"},
		{"community_id('10.0.0.1', 'host', 1, 2)", "NULL"},
		{"community_id('10.0.0.1', '10.0.0.0/8', 1, 2)", "NULL"},
		{"community_id('10.0.0.1', '::1', 1, 2)", "NULL"},
		{"community_id('', x'00', 1, 2)", "NULL"},
	};
	static const char *const errors[] = {
		"SELECT community_id('10.0.0.1', 80, '10.0.0.2', 81)",
		"SELECT community_id('10.0.0.1', '10.0.0.2', -1, 80)",
		"SELECT community_id('10.0.0.1', '10.0.0.2', 80, 65536)",
		"SELECT community_id('10.0.0.1', '10.0.0.2', 80, 1.5)",
		"SELECT community_id('10.0.0.1', '10.0.0.2', 80, 81, 65536)",
		"SELECT community_id('10.0.0.1', '10.0.0.2', 80, 81, 'salt')",
		"SELECT community_id('10.0.0.1', '10.0.0.2', 80)",
	};

	assert_gives(*state, cases, sizeof(cases) / sizeof(cases[0]));
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (sqlite3_exec(*state, errors[i], NULL, NULL, NULL) != SQLITE_ERROR)
			fail_msg("%s was taken", errors[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_equals_the_published_vectors),
		cmocka_unit_test(
			either_end_may_come_first_and_an_address_may_be_written_in_any_way),
		cmocka_unit_test(what_is_no_connection_has_none),
	};

	return cmocka_run_group_tests(tests, open_memory, close_memory);
}
