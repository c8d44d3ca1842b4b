#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "escape.h"

static void check(const char *raw, size_t len, const char *escaped)
{
	char out[256], back[256];

	assert_int_equal(escape_text(raw, len, out, sizeof(out)), strlen(escaped));
	assert_string_equal(out, escaped);
	assert_int_equal(escape_undo(out, strlen(out), back), len);
	assert_memory_equal(back, raw, len);
}

#define CHECK(raw, escaped) check(raw, sizeof(raw) - 1, escaped)

static void ordinary_text_in_any_language_stays_as_it_is(void **state)
{
	(void)state;
	CHECK("", "");
	CHECK("curl", "curl");
	CHECK("tmux: server", "tmux: server");
	CHECK("gr\xc3\xbc\xc3\x9f \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x90\xa7",
	      "gr\xc3\xbc\xc3\x9f \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x90\xa7");
}

static void control_characters_become_visible(void **state)
{
	(void)state;
	CHECK("\x1b[31mred\n\t\r", "\\x1b[31mred\\x0a\\x09\\x0d");
	CHECK("a\0b\x7f", "a\\x00b\\x7f");
	CHECK("\xc2\x9b", "\\xc2\\x9b"); /* CSI as C1 */
}

static void characters_that_turn_or_hide_text_become_visible(void **state)
{
	(void)state;
	CHECK("\xe2\x80\xae"
	      "gpj",
	      "\\xe2\\x80\\xaegpj");		    /* right-to-left override */
	CHECK("\xe2\x81\xa6", "\\xe2\\x81\\xa6");   /* isolate */
	CHECK("a\xe2\x80\x8b", "a\\xe2\\x80\\x8b"); /* zero width space */
	CHECK("\xef\xbb\xbf", "\\xef\\xbb\\xbf");   /* byte order mark */
	CHECK("\xd8\x9c", "\\xd8\\x9c");	    /* Arabic letter mark */
}

static void what_is_no_utf8_becomes_visible_byte_by_byte(void **state)
{
	(void)state;
	CHECK("\xff", "\\xff");
	CHECK("a\xc3", "a\\xc3");			   /* cut short */
	CHECK("\xc0\xaf", "\\xc0\\xaf");		   /* overlong */
	CHECK("\xed\xa0\x80", "\\xed\\xa0\\x80");	   /* surrogate */
	CHECK("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* past U+10FFFF */
	CHECK("\x80z", "\\x80z");
}

static void a_backslash_is_doubled_so_that_nothing_is_ambiguous(void **state)
{
	(void)state;
	CHECK("\\x1b", "\\\\x1b");
	CHECK("a\\", "a\\\\");
}

static void stored_text_is_not_escaped_twice(void **state)
{
	char out[64];

	(void)state;
	escape_stored("\\x1b \\\\", 7, out, sizeof(out));
	assert_string_equal(out, "\\x1b \\\\");
	escape_stored("\x1b", 1, out, sizeof(out));
	assert_string_equal(out, "\\x1b");
}

static void a_result_that_does_not_fit_is_cut_between_characters(void **state)
{
	char out[6];

	(void)state;
	assert_int_equal(escape_text("ab\x1b", 3, out, sizeof(out)), 2);
	assert_string_equal(out, "ab");
	assert_int_equal(escape_text("abc\xc3\xbc", 5, out, 5), 3);
	assert_string_equal(out, "abc");
	assert_int_equal(escape_text("x", 1, out, 0), 0);
}

static void what_was_cut_is_undone_as_far_as_it_is_there(void **state)
{
	char back[8] = "";

	(void)state;
	assert_int_equal(escape_undo("\\x41", 4, back), 1);
	assert_memory_equal(back, "A", 1);
	assert_int_equal(escape_undo("\\x41", 3, back),
			 3); /* what is behind its end is not its own */
	assert_memory_equal(back, "\\x4", 3);
	assert_int_equal(escape_undo("\\xg1", 4, back), 4);
	assert_memory_equal(back, "\\xg1", 4);
}

static void any_bytes_come_back_and_none_of_them_is_a_control(void **state)
{
	(void)state;
	srand(1);
	for (int round = 0; round < 20000; round++) {
		char raw[64] = "", out[ESCAPED_SIZE(sizeof(raw))], back[sizeof(out)];
		size_t len = (size_t)rand() % sizeof(raw), n;

		for (size_t i = 0; i < len; i++)
			raw[i] = (char)rand();
		n = escape_text(raw, len, out, sizeof(out));
		assert_int_equal(n, strlen(out));
		for (size_t i = 0; i < n; i++)
			assert_true((unsigned char)out[i] >= 0x20 && out[i] != 0x7f);
		assert_int_equal(escape_undo(out, n, back), len);
		assert_memory_equal(back, raw, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_text_in_any_language_stays_as_it_is),
		cmocka_unit_test(control_characters_become_visible),
		cmocka_unit_test(characters_that_turn_or_hide_text_become_visible),
		cmocka_unit_test(what_is_no_utf8_becomes_visible_byte_by_byte),
		cmocka_unit_test(a_backslash_is_doubled_so_that_nothing_is_ambiguous),
		cmocka_unit_test(stored_text_is_not_escaped_twice),
		cmocka_unit_test(a_result_that_does_not_fit_is_cut_between_characters),
		cmocka_unit_test(what_was_cut_is_undone_as_far_as_it_is_there),
		cmocka_unit_test(any_bytes_come_back_and_none_of_them_is_a_control),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
