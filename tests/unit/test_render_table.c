/* Tables on terminals: as wide as these are, shortened where it is to be seen. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "render.h"
#include "tempdb.h"
#include "width.h"

static char *table(sqlite3 *db, const char *sql, const struct render_style *style)
{
	AUTO_STMT *stmt = NULL;
	AUTO_ROWS *rows = NULL;
	const struct renderer *renderer = NULL;
	struct err err = {0};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (db_prepare(db, sql, &stmt, &err) || rows_fetch(stmt, &rows, &err) ||
	    render_find("table", &renderer, &err) || render_rows(renderer, rows, style, out, &err))
		fail_msg("%s", err.msg);
	fclose(out);
	return text;
}

static void assert_table(sqlite3 *db, const char *sql, const struct render_style *style,
			 const char *want)
{
	char *got = table(db, sql, style);

	assert_string_equal(got, want);
	free(got);
}

static const struct render_style plain = {.utc = true};
static const struct render_style lines = {.utc = true, .lines = true, .blocks = true};

static struct render_style wide(int width)
{
	return (struct render_style){.utc = true, .lines = true, .blocks = true, .width = width};
}

static int open_memory(void **state)
{
	return sqlite3_open(":memory:", (sqlite3 **)state) == SQLITE_OK ? 0 : -1;
}

static int close_memory(void **state)
{
	db_close(*state);
	return 0;
}

static void ideographs_take_two_places_and_accents_none(void **state)
{
	(void)state;
	assert_int_equal(width_of(""), 0);
	assert_int_equal(width_of("abc"), 3);
	assert_int_equal(width_of("naïve"), 5);
	assert_int_equal(width_of("nai\xcc\x88ve"), 5);
	assert_int_equal(width_of("日本"), 4);
	assert_int_equal(width_of("😀"), 2);
	assert_int_equal(width_head("日本", 3), 3);
	assert_int_equal(width_head("i\xcc\x88x", 1), 3);
	assert_string_equal(width_tail("日本", 3), "本");
	assert_string_equal(width_tail("ai\xcc\x88x", 1), "x");
	assert_string_equal(width_tail("ai\xcc\x88x", 2), "i\xcc\x88x");
	assert_string_equal(width_tail("x", 0), "");
}

static void lines_stand_between_columns(void **state)
{
	assert_table(*state, "SELECT 'é日' AS a, 10 AS n, NULL AS b UNION ALL SELECT 'x', 5, 'y'",
		     &lines,
		     "a   │  n │ b\n"
		     "────┼────┼──\n"
		     "é日 │ 10 │ -\n"
		     "x   │  5 │ y\n");
}

static void a_terminal_without_unicode_gets_none(void **state)
{
	struct render_style style = {.utc = true, .ascii = true, .width = 15};

	assert_table(*state, "SELECT 'é' AS a, 'abcdefghijklmnop' AS b", &style,
		     "a       b\n"
		     "\\xc3\\x~ abcdef~\n");
}

/* Numbers, addresses, moments, texts and names of every kind, and hostile ones. */
#define WIDE_ROWS                                                                                  \
	"SELECT '2026-01-31T10:00:00.123Z' AS started_at, 61000000 AS duration_us,"                \
	" 'reset_by_peer' AS outcome, 'ECONNRESET' AS error, 'out' AS direction,"                  \
	" char(27) || '[31m日本日本日本日本' AS comm, 4194304 AS pid,"                     \
	" '2001:db8:1111:2222:3333:4444:5555:6666' AS peer_addr, 65535 AS service_port,"           \
	" 1234567 AS connections, 5 AS load_bar, 12345678901 AS tx_bytes,"                         \
	" 1769860800000000 AS id, '/usr/lib/jvm/java/bin/java' AS a_very_long_name_for_a_path"     \
	" UNION ALL SELECT '2026-01-30T10:00:00.123Z', 0, 'open', NULL, 'in', 'x', 1,"             \
	" '192.0.2.1', 80, 1, 10, 1, 1769860800000001, '/bin/sh'"

static void assert_no_line_is_wider(const char *text, int width)
{
	char line[4096];

	for (const char *p = text; *p;) {
		size_t len = strcspn(p, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)len, p);
		if (width_of(line) > width && strncmp(line, "no room", 7) != 0 &&
		    strncmp(line, "in every row", 12) != 0)
			fail_msg("wider than %d: %s", width, line);
		p += len + (p[len] == '\n');
	}
}

static void no_line_is_wider_than_the_terminal(void **state)
{
	for (int width = 1; width < 300; width++) {
		struct render_style style = wide(width);
		char *text = table(*state, WIDE_ROWS, &style);

		assert_no_line_is_wider(text, width);
		free(text);
	}
}

static void names_of_any_length_are_cut_between_characters(void **state)
{
	char sql[4096] = "SELECT 1 AS \"", *text;

	for (int i = 0; i < 600; i++)
		strcat(sql, i % 7 == 6 ? "_" : "é");
	strcat(sql, "\", 2 AS \"___\", 3 AS \"\"");
	for (int width = 0; width < 100; width++) {
		struct render_style style = wide(width);

		text = table(*state, sql, &style);
		for (size_t i = 0, len = strlen(text), n; i < len; i += n) {
			uint32_t point;

			n = escape_next(text + i, len - i, &point);
			if (n == 0)
				fail_msg("at %d: %s", width, text);
		}
		if (width)
			assert_no_line_is_wider(text, width);
		free(text);
	}
}

/* From where they fit at all. */
static void numbers_are_never_shortened(void **state)
{
	for (int width = 20; width < 300; width++) {
		struct render_style style = wide(width);
		char *text = table(*state, WIDE_ROWS, &style);

		if (strstr(text, "419") && !strstr(text, "4194304"))
			fail_msg("at %d: %s", width, text);
		if (strstr(text, "176986") && !strstr(text, "1769860800000001"))
			fail_msg("at %d: %s", width, text);
		free(text);
	}
}

static void names_break_at_their_underscores_first(void **state)
{
	struct render_style style = wide(20);

	assert_table(*state, "SELECT 1 AS service_port, 'abcdefg' AS text", &style,
		     "service │ text\n"
		     "   port │ \n"
		     "────────┼────────\n"
		     "      1 │ abcdefg\n");
}

static void moments_of_one_day_leave_it_to_the_header(void **state)
{
	struct render_style style = wide(24);

	assert_table(*state,
		     "SELECT '2026-01-31T10:00:00.123Z' AS x_at, 'abcdef' AS a"
		     " UNION ALL SELECT NULL, NULL",
		     &style,
		     "x_at          │ a\n"
		     "2026-01-31    │ \n"
		     "──────────────┼───────\n"
		     "10:00:00.123Z │ abcdef\n"
		     "-             │ -\n");
}

static void texts_are_shortened_before_addresses(void **state)
{
	struct render_style style = wide(40);

	assert_table(
		*state,
		"SELECT '2001:db8::1111:2222:3333' AS peer, 'one, two, three, four' AS programs",
		&style,
		"peer                    │programs\n"
		"────────────────────────┼───────────────\n"
		"2001:db8::1111:2222:3333│one, two, thre…\n");
}

static void a_path_keeps_its_end(void **state)
{
	struct render_style style = wide(20);

	assert_table(*state, "SELECT '/usr/lib/jvm/java-17/bin/java' AS exe, 123 AS n", &style,
		     "exe            │   n\n"
		     "───────────────┼────\n"
		     "/usr…/bin/java │ 123\n");
}

static void prose_takes_several_lines(void **state)
{
	struct render_style style = wide(36);

	assert_table(
		*state,
		"SELECT 'wal' AS a, 'It is larger than it should be, and a reader pins it.' AS b,"
		" 5 AS n UNION ALL SELECT 'rows', 'none', 12",
		&style,
		"a    │ b                        │  n\n"
		"─────┼──────────────────────────┼───\n"
		"wal  │ It is larger than it     │  5\n"
		"     │ should be, and a reader  │   \n"
		"     │ pins it.                 │   \n"
		"rows │ none                     │ 12\n");
}

/* And what is longer than some lines is shortened at last. */
static void prose_ends_at_some_line(void **state)
{
	struct render_style style = wide(22);

	assert_table(
		*state,
		"SELECT 'a b c d e f g h i j k l m n o p q r s t u v w x y z"
		" 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43' AS text,"
		" 1 AS n",
		&style,
		"text                │n\n"
		"────────────────────┼─\n"
		"a b c d e f g h i j │1\n"
		"k l m n o p q r s t │ \n"
		"u v w x y z 1 2 3 4 │ \n"
		"5 6 7 8 9 10 11 12  │ \n"
		"13 14 15 16 17 18 19│ \n"
		"20 21 22 23 24 25 26│ \n"
		"27 28 29 30 31 32 33│ \n"
		"34 35 36 37 38 39 4…│ \n");
}

static void what_is_the_same_in_all_rows_leaves_first(void **state)
{
	struct render_style style = wide(18);

	assert_table(*state,
		     "SELECT 1111111 AS a, 22222 AS b, 'out' AS way, 3333333 AS c"
		     " UNION ALL SELECT 1, 2, 'out', 3",
		     &style,
		     "      a │     b\n"
		     "────────┼──────\n"
		     "1111111 │ 22222\n"
		     "      1 │     2\n"
		     "in every row: way out\n"
		     "no room here, but in a wider terminal, a pipe or another --format: c\n");
}

#define UNITS                                                                                      \
	"SELECT 12345 AS connections, 12345 AS pid, 9999 AS failed, -1234567 AS change,"           \
	" 12.345 AS failed_pct, 0.5 AS connects_per_s, 12345.6 AS tx_bytes_per_s,"                 \
	" 1500 AS wait_us, 1e20 AS other, 2.50 AS ratio"

static void numbers_are_readable(void **state)
{
	assert_table(*state, UNITS, &plain,
		     "connections    pid  failed      change  failed_pct  connects_per_s"
		     "  tx_bytes_per_s   wait  other  ratio\n"
		     "     12,345  12345    9999  -1,234,567        12.3            0.50"
		     "           12.0K  1.5ms  1e+20    2.5\n");
}

static void exact_numbers_have_all_their_digits(void **state)
{
	struct render_style style = {.utc = true, .exact = true};

	assert_table(*state, UNITS, &style,
		     "connections    pid  failed    change  failed_pct  connects_per_s"
		     "  tx_bytes_per_s  wait_us    other  ratio\n"
		     "      12345  12345    9999  -1234567      12.345             0.5"
		     "         12345.6     1500  1.0e+20    2.5\n");
}

#define BARS                                                                                       \
	"SELECT 'a' AS hour, 80 AS n_bar UNION ALL SELECT 'b', 41 UNION ALL SELECT 'c', 0.001"     \
	" UNION ALL SELECT 'd', 0 UNION ALL SELECT 'e', NULL"

static void bars_are_relative_to_the_greatest(void **state)
{
	assert_table(*state, BARS, &plain,
		     "hour  n\n"
		     "a     ####################\n"
		     "b     ##########-\n"
		     "c     -\n"
		     "d     \n"
		     "e     -\n");
	assert_table(*state, BARS, &lines,
		     "hour │ n\n"
		     "─────┼─────────────────────\n"
		     "a    │ ████████████████████\n"
		     "b    │ ██████████▎\n"
		     "c    │ ▏\n"
		     "d    │ \n"
		     "e    │ -\n");
}

static void a_bar_gets_the_room_there_is(void **state)
{
	struct render_style style = wide(17);

	assert_table(*state, BARS, &style,
		     "hour │ n\n"
		     "─────┼───────────\n"
		     "a    │ ██████████\n"
		     "b    │ █████▏\n"
		     "c    │ ▏\n"
		     "d    │ \n"
		     "e    │ -\n");
}

static void colours_tell_what_is_wrong(void **state)
{
	struct render_style style = {.utc = true, .color = true};

	assert_table(*state,
		     "SELECT 'refused' AS outcome, 0 AS failed, NULL AS error"
		     " UNION ALL SELECT 'closed', 2, 'E'",
		     &style,
		     "\x1b[1moutcome\x1b[0m  \x1b[1mfailed\x1b[0m  \x1b[1merror\x1b[0m\n"
		     "\x1b[31mrefused\x1b[0m       0  \x1b[2m-\x1b[0m\n"
		     "closed        \x1b[31m2\x1b[0m  \x1b[31mE\x1b[0m\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ideographs_take_two_places_and_accents_none),
		cmocka_unit_test(lines_stand_between_columns),
		cmocka_unit_test(a_terminal_without_unicode_gets_none),
		cmocka_unit_test(no_line_is_wider_than_the_terminal),
		cmocka_unit_test(names_of_any_length_are_cut_between_characters),
		cmocka_unit_test(numbers_are_never_shortened),
		cmocka_unit_test(names_break_at_their_underscores_first),
		cmocka_unit_test(moments_of_one_day_leave_it_to_the_header),
		cmocka_unit_test(texts_are_shortened_before_addresses),
		cmocka_unit_test(a_path_keeps_its_end),
		cmocka_unit_test(prose_takes_several_lines),
		cmocka_unit_test(prose_ends_at_some_line),
		cmocka_unit_test(what_is_the_same_in_all_rows_leaves_first),
		cmocka_unit_test(numbers_are_readable),
		cmocka_unit_test(exact_numbers_have_all_their_digits),
		cmocka_unit_test(bars_are_relative_to_the_greatest),
		cmocka_unit_test(a_bar_gets_the_room_there_is),
		cmocka_unit_test(colours_tell_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, open_memory, close_memory);
}
