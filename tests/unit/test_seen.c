#include "unit.h"

#include <stdio.h>

#include "seen.h"

static bool is_new(struct seen *s, const char *name)
{
	struct err err = {0};
	bool is_new = false;

	assert_int_equal(seen_add(s, name, &is_new, &err), 0);
	return is_new;
}

static void what_is_there_at_each_look_is_new_once(void **state)
{
	struct seen s = {0};

	(void)state;
	assert_true(is_new(&s, "a"));
	assert_true(is_new(&s, ""));
	assert_false(is_new(&s, "a"));
	for (int look = 0; look < 3; look++) {
		seen_forget(&s);
		assert_false(is_new(&s, "a"));
		assert_false(is_new(&s, ""));
	}
	seen_free(&s);
	assert_true(is_new(&s, "a"));
	seen_free(&s);
}

/* More than are forgotten at a time. */
static void what_was_not_there_at_the_last_look_is_new_again(void **state)
{
	struct seen s = {0};
	char name[16];

	(void)state;
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		assert_true(is_new(&s, name));
	}
	seen_forget(&s);
	assert_false(is_new(&s, "5000"));
	seen_forget(&s);
	assert_false(is_new(&s, "5000"));
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(is_new(&s, name), i != 5000);
	}
	seen_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_there_at_each_look_is_new_once),
		cmocka_unit_test(what_was_not_there_at_the_last_look_is_new_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
