#include "unit.h"

#include <errno.h>
#include <stdlib.h>

#include "options.h"

static void lengths_of_time_are_read_with_their_unit(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} table[] = {
		{"200ms", 200000000},	  {"1s", 1000000000},	 {"1.5s", 1500000000},
		{"15m", 900000000000},	  {"1h", 3600000000000}, {"7d", 604800000000000},
		{"2w", 1209600000000000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct err err = {0};
		int64_t ns = 0;

		assert_int_equal(parse_duration(table[i].text, &ns, &err), 0);
		assert_int_equal(ns, table[i].ns);
	}
}

static void what_is_no_length_of_time_is_refused(void **state)
{
	static const char *const texts[] = {"",	   "5",	     "s",   "-1s",	 "1x",	 "0s",
					    "1s ", " 1s",    "inf", "nans",	 "0x1s", "1e3s",
					    "1ss", "1.2.3s", "+1s", "999999999w"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct err err = {0};
		int64_t ns = 77;

		if (parse_duration(texts[i], &ns, &err) != -EINVAL || ns != 77)
			fail_msg("%s", texts[i]);
		assert_string_not_equal(err.msg, "");
	}
}

static void sizes_are_read_with_or_without_a_unit(void **state)
{
	struct err err = {0};
	size_t bytes = 0;

	(void)state;
	assert_int_equal(parse_size("4096", &bytes, &err), 0);
	assert_int_equal(bytes, 4096);
	assert_int_equal(parse_size("64K", &bytes, &err), 0);
	assert_int_equal(bytes, 65536);
	assert_int_equal(parse_size("16m", &bytes, &err), 0);
	assert_int_equal(bytes, 16 << 20);
	assert_int_equal(parse_size("1G", &bytes, &err), 0);
	assert_int_equal(bytes, 1 << 30);
	assert_int_equal(parse_size("1T", &bytes, &err), -EINVAL);
	assert_int_equal(parse_size("-1", &bytes, &err), -EINVAL);
	assert_int_equal(parse_size("1.5", &bytes, &err), -EINVAL);
	assert_int_equal(parse_size("99999999999999999999G", &bytes, &err), -EINVAL);
	assert_int_equal(parse_size("", &bytes, &err), -EINVAL);
}

static void without_options_it_records_to_the_usual_place(void **state)
{
	char *argv[] = {"connmon-collect", NULL};
	struct options o;

	(void)state;
	unsetenv("CONNMON_DB");
	options_parse(1, argv, &o);
	assert_string_equal(o.db, "/var/lib/connmon.db");
	assert_false(o.print);
	assert_false(o.durable);
	assert_int_equal(o.flush_ns, 1000000000);
	assert_int_equal(o.probe.ring_bytes, 16 << 20);
	assert_int_equal(o.duration_ns, 0);
	setenv("CONNMON_DB", "/tmp/x.db", 1);
	options_parse(1, argv, &o);
	assert_string_equal(o.db, "/tmp/x.db");
}

static void each_option_sets_what_it_says(void **state)
{
	char *argv[] = {"connmon-collect",
			"--db",
			"a.db",
			"--print",
			"--flush",
			"200ms",
			"--durable",
			"--ring",
			"64K",
			"--duration",
			"2m",
			"--verbose",
			NULL};
	struct options o;

	(void)state;
	options_parse(12, argv, &o);
	assert_string_equal(o.db, "a.db");
	assert_true(o.print);
	assert_true(o.durable);
	assert_true(o.probe.verbose);
	assert_int_equal(o.flush_ns, 200000000);
	assert_int_equal(o.probe.ring_bytes, 65536);
	assert_int_equal(o.duration_ns, 120000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_of_time_are_read_with_their_unit),
		cmocka_unit_test(what_is_no_length_of_time_is_refused),
		cmocka_unit_test(sizes_are_read_with_or_without_a_unit),
		cmocka_unit_test(without_options_it_records_to_the_usual_place),
		cmocka_unit_test(each_option_sets_what_it_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
