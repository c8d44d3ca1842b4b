/* The nearest word of a table, or none. */
#include "unit.h"

#include <string.h>

#include "suggest.h"

static const char *nearest(const char *word)
{
	static const char *const words[] = {
		"top-destinations", "top-clients", "list", "failures", "open", "in", NULL};
	struct suggestion s = {.word = word};

	for (int i = 0; words[i]; i++)
		suggest_try(&s, words[i]);
	return s.best;
}

static void a_distance_counts_single_letter_changes(void **state)
{
	(void)state;
	assert_int_equal(suggest_distance("", ""), 0);
	assert_int_equal(suggest_distance("", "abc"), 3);
	assert_int_equal(suggest_distance("abc", ""), 3);
	assert_int_equal(suggest_distance("list", "list"), 0);
	assert_int_equal(suggest_distance("lst", "list"), 1);
	assert_int_equal(suggest_distance("lisst", "list"), 1);
	assert_int_equal(suggest_distance("lost", "list"), 1);
	assert_int_equal(suggest_distance("lits", "list"), 1);
	assert_int_equal(suggest_distance("kitten", "sitting"), 3);
}

static void a_slip_finds_its_word(void **state)
{
	(void)state;
	assert_string_equal(nearest("lst"), "list");
	assert_string_equal(nearest("fialures"), "failures");
	assert_string_equal(nearest("failed"), "failures");
	assert_string_equal(nearest("top-destination"), "top-destinations");
	assert_string_equal(nearest("opne"), "open");
	assert_string_equal(nearest("inn"), "in");
}

static void a_part_of_a_name_finds_it(void **state)
{
	(void)state;
	assert_string_equal(nearest("destinations"), "top-destinations");
	assert_string_equal(nearest("clients"), "top-clients");
	assert_string_equal(nearest("fail"), "failures");
}

static void a_word_far_from_all_finds_none(void **state)
{
	(void)state;
	assert_null(nearest("xyzzy"));
	assert_null(nearest(""));
	assert_null(nearest("q"));
}

static void words_of_any_length_are_compared(void **state)
{
	char word[5000];

	(void)state;
	memset(word, 'a', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	assert_null(nearest(word));
	assert_int_equal(suggest_distance(word, word), 0);
}

static void the_message_names_word_and_suggestion(void **state)
{
	struct suggestion s = {.word = "lst"};
	struct err err = {0};

	(void)state;
	suggest_error(&s, &err, "report", "reports lists them");
	assert_string_equal(err.msg, "unknown report \"lst\"; reports lists them");
	suggest_try(&s, "list");
	suggest_error(&s, &err, "report", "reports lists them");
	assert_string_equal(err.msg, "unknown report \"lst\"; did you mean \"list\"?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_distance_counts_single_letter_changes),
		cmocka_unit_test(a_slip_finds_its_word),
		cmocka_unit_test(a_part_of_a_name_finds_it),
		cmocka_unit_test(a_word_far_from_all_finds_none),
		cmocka_unit_test(words_of_any_length_are_compared),
		cmocka_unit_test(the_message_names_word_and_suggestion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
