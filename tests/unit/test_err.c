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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setting_an_error_returns_its_code_and_keeps_the_words),
		cmocka_unit_test(wrapping_puts_words_in_front_and_keeps_the_code),
		cmocka_unit_test(a_message_that_is_too_long_is_cut_and_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
