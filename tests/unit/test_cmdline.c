/* Arguments as one line, whose boundaries a reader can tell. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "cmdline.h"
#include "decode.h"

static void check(const char *args, size_t len, bool cut, const char *want)
{
	char *line = cmdline_join(args, len, cut);

	assert_non_null(line);
	assert_string_equal(line, want);
	free(line);
}

#define CHECK(args, want)     check(args, sizeof(args), false, want) /* its NUL ends the last one */
#define CHECK_CUT(args, want) check(args, sizeof(args) - 1, true, want)

static void plain_arguments_stand_as_they_are(void **state)
{
	(void)state;
	CHECK("curl\0-s\0https://a.example:8443/x%20y,z=1+2@_",
	      "curl -s https://a.example:8443/x%20y,z=1+2@_");
	CHECK("sh", "sh");
}

static void what_a_shell_would_take_apart_stands_in_quotes(void **state)
{
	(void)state;
	CHECK("sh\0-c\0echo a; b", "sh -c 'echo a; b'");
	CHECK("x\0", "x ''");
	CHECK("", "''");
	CHECK("x\0it's", "x 'it'\\\\''s'"); /* the backslash twice, as in all names */
	CHECK("x\0$HOME\0*", "x '$HOME' '*'");
}

static void what_would_command_a_terminal_is_escaped(void **state)
{
	(void)state;
	CHECK("x\0\x1b[2J\n", "x '\\x1b[2J\\x0a'");
	CHECK("x\0\xff", "x '\\xff'");
	CHECK("x\0gr\xc3\xbc\xc3\x9f", "x 'gr\xc3\xbc\xc3\x9f'");
}

static void what_was_cut_ends_in_dots_that_no_argument_can_feign(void **state)
{
	(void)state;
	CHECK_CUT("x\0abc", "x abc...");
	CHECK_CUT("x\0a b", "x 'a b'...");
	CHECK_CUT("x\0", "x ...");
	CHECK("go\0test\0./...", "go test './...'");
	CHECK("...", "'...'");
}

static void the_longest_that_can_be_finds_room(void **state)
{
	char args[ARGS_LEN + 1];
	char *line;

	(void)state;
	memset(args, '\'', sizeof(args));
	line = cmdline_join(args, ARGS_LEN, true);
	assert_int_equal(strlen(line), ARGS_LEN * 5 + 5); /* '\\'' each, quotes and dots around */
	free(line);
	memset(args, '\0', sizeof(args));
	line = cmdline_join(args, ARGS_LEN, true);
	assert_int_equal(strlen(line), ARGS_LEN * 3 + 3);
	free(line);
	memset(args, 1, sizeof(args));
	line = cmdline_join(args, ARGS_LEN, false);
	assert_int_equal(strlen(line), ARGS_LEN * 4 + 2);
	free(line);
	assert_null(cmdline_join(args, ARGS_LEN + 1, false));
	assert_null(cmdline_join(args, 0, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_arguments_stand_as_they_are),
		cmocka_unit_test(what_a_shell_would_take_apart_stands_in_quotes),
		cmocka_unit_test(what_would_command_a_terminal_is_escaped),
		cmocka_unit_test(what_was_cut_ends_in_dots_that_no_argument_can_feign),
		cmocka_unit_test(the_longest_that_can_be_finds_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
