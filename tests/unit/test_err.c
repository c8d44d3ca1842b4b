#include "unit.h"

#include <errno.h>
#include <string.h>

#include "err.h"

static void setting_an_error_returns_its_code_and_keeps_the_words(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(err_set(&err, -EINVAL, "%s is %d", "x", 7), -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_string_equal(err.msg, "x is 7");
}

static void wrapping_puts_words_in_front_and_keeps_the_code(void **state)
{
	struct err err = {0};

	(void)state;
	err_set(&err, -EIO, "disk");
	assert_int_equal(err_wrap(&err, "file %s", "a.db"), -EIO);
	assert_string_equal(err.msg, "file a.db: disk");
}

static void a_message_that_is_too_long_is_cut_and_ended(void **state)
{
	struct err err = {0};
	char words[1000];

	(void)state;
	memset(words, 'x', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	err_set(&err, -EIO, "%s", words);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	err_wrap(&err, "y");
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	assert_memory_equal(err.msg, "y: xxx", 6);
}

static void a_long_path_does_not_push_out_what_went_wrong(void **state)
{
	struct err err = {0};
	char path[4000];

	(void)state;
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	err_set(&err, -EIO, "the disk is full");
	err_wrap(&err, "%s", path);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	assert_memory_equal(err.msg, "ppp", 3);
	assert_string_equal(err.msg + strlen(err.msg) - strlen("p...: the disk is full"),
			    "p...: the disk is full");
	/* Of two that are long, each has its half. */
	err_set(&err, -EIO, "%s", path);
	err_wrap(&err, "%s", path);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	assert_memory_equal(err.msg + sizeof(err.msg) / 2 - 4, "p...: p", 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setting_an_error_returns_its_code_and_keeps_the_words),
		cmocka_unit_test(wrapping_puts_words_in_front_and_keeps_the_code),
		cmocka_unit_test(a_long_path_does_not_push_out_what_went_wrong),
		cmocka_unit_test(a_message_that_is_too_long_is_cut_and_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
