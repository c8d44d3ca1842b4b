/* The command line, sorted into options and operands. */
#include "unit.h"

#include "options.h"

#define PARSE(set, options, err, ...)                                                              \
	options_parse(sizeof((char *[]){"program", __VA_ARGS__}) / sizeof(char *),                 \
		      (char *[]){"program", __VA_ARGS__, NULL}, set, options, err)

static struct option_set a_set(void)
{
	struct option_set set = {0};

	options_add(&set, (struct option_spec){.name = "since", .arg = "TIME"});
	options_add(&set, (struct option_spec){.name = "limit", .arg = "N"});
	options_add(&set, (struct option_spec){.name = "utc"});
	return set;
}

static void options_stand_anywhere(void **state)
{
	struct option_set set = a_set();
	struct options o;
	struct err err = {0};

	(void)state;
	assert_int_equal(PARSE(&set, &o, &err, "--since", "1h", "list", "--utc", "--limit=5", "x"),
			 0);
	assert_string_equal(options_get(&o, "since"), "1h");
	assert_string_equal(options_get(&o, "limit"), "5");
	assert_string_equal(options_get(&o, "utc"), "");
	assert_int_equal(o.n_operands, 2);
	assert_string_equal(o.operands[0], "list");
	assert_string_equal(o.operands[1], "x");
}

static void what_is_not_given_is_null(void **state)
{
	struct option_set set = a_set();
	struct options o;
	struct err err = {0};

	(void)state;
	assert_int_equal(PARSE(&set, &o, &err, "list"), 0);
	assert_null(options_get(&o, "since"));
	assert_null(options_get(&o, "utc"));
	assert_null(options_get(&o, "no-such"));
}

static void after_two_dashes_all_is_operand(void **state)
{
	struct option_set set = a_set();
	struct options o;
	struct err err = {0};

	(void)state;
	assert_int_equal(PARSE(&set, &o, &err, "sql", "--", "--utc", "-1"), 0);
	assert_null(options_get(&o, "utc"));
	assert_int_equal(o.n_operands, 3);
	assert_string_equal(o.operands[2], "-1");
}

static void a_value_may_look_like_an_option_or_be_empty(void **state)
{
	struct option_set set = a_set();
	struct options o;
	struct err err = {0};

	(void)state;
	assert_int_equal(PARSE(&set, &o, &err, "--since", "--utc", "--limit="), 0);
	assert_string_equal(options_get(&o, "since"), "--utc");
	assert_string_equal(options_get(&o, "limit"), "");
	assert_null(options_get(&o, "utc"));
}

static void what_the_set_does_not_know_is_refused(void **state)
{
	struct option_set set = a_set();
	struct options o;
	struct err err = {0};

	(void)state;
	assert_true(PARSE(&set, &o, &err, "--sinc", "1h") < 0);
	assert_string_equal(err.msg, "unknown option --sinc; did you mean --since?");
	assert_true(PARSE(&set, &o, &err, "--from=1h") < 0);
	assert_string_equal(err.msg, "unknown option --from; did you mean --since?");
	assert_true(PARSE(&set, &o, &err, "--xyzzy=1") < 0);
	assert_string_equal(err.msg, "unknown option --xyzzy; --help lists them");
	assert_true(PARSE(&set, &o, &err, "-s", "1h") < 0);
	assert_true(PARSE(&set, &o, &err, "-") < 0);
	assert_true(PARSE(&set, &o, &err, "--=1") < 0);
}

static void values_too_many_or_too_few_are_refused(void **state)
{
	struct option_set set = a_set();
	struct options o;
	struct err err = {0};

	(void)state;
	assert_true(PARSE(&set, &o, &err, "--since") < 0);
	assert_string_equal(err.msg, "--since needs a value: --since TIME");
	assert_true(PARSE(&set, &o, &err, "--utc=yes") < 0);
	assert_string_equal(err.msg, "--utc takes no value");
	assert_true(PARSE(&set, &o, &err, "--utc", "--utc") < 0);
	assert_string_equal(err.msg, "--utc is given twice");
	assert_true(PARSE(&set, &o, &err, "a", "b", "c", "d", "e") < 0);
	assert_string_equal(err.msg, "too many words, from \"e\" on");
}

static void the_first_of_a_name_stays_in_the_set(void **state)
{
	struct option_set set = a_set();

	(void)state;
	options_add(&set, (struct option_spec){.name = "utc", .arg = "ZONE"});
	assert_int_equal(set.n, 3);
	assert_null(set.specs[2].arg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_stand_anywhere),
		cmocka_unit_test(what_is_not_given_is_null),
		cmocka_unit_test(after_two_dashes_all_is_operand),
		cmocka_unit_test(a_value_may_look_like_an_option_or_be_empty),
		cmocka_unit_test(what_the_set_does_not_know_is_refused),
		cmocka_unit_test(values_too_many_or_too_few_are_refused),
		cmocka_unit_test(the_first_of_a_name_stays_in_the_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
