/* What every format promises, whatever the cells hold. The golden tests show how the
 * formats look. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "render.h"
#include "tempdb.h"

static char *render(const char *format, const struct rows *rows)
{
	const struct renderer *renderer = NULL;
	struct err err = {0};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(render_find(format, &renderer, &err), 0);
	assert_int_equal(render_rows(renderer, rows, true, out, &err), 0);
	fclose(out);
	assert_int_equal(strlen(text), size); /* no NUL got through */
	return text;
}

static struct rows *rows_of(sqlite3 *db, const char *sql, const char *text, int len)
{
	AUTO_STMT *stmt = NULL;
	struct rows *rows = NULL;
	struct err err = {0};

	if (db_prepare(db, sql, &stmt, &err))
		fail_msg("%s", err.msg);
	if (text)
		sqlite3_bind_text(stmt, 1, text, len, SQLITE_TRANSIENT);
	if (rows_fetch(stmt, 0, &rows, &err))
		fail_msg("%s", err.msg);
	return rows;
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

/* Only what a terminal prints and the format's own line ends and tabs. SQLite's own
 * JSON reader is the judge of the rest. */
static void assert_harmless(sqlite3 *db, const char *format, const char *out)
{
	bool json = !strncmp(format, "json", 4);

	for (const unsigned char *p = (const unsigned char *)out; *p; p++)
		if ((*p < 0x20 && *p != '\n' && (*p != '\t' || strcmp(format, "tsv") != 0)) ||
		    *p == 0x7f)
			fail_msg("%s lets 0x%02x through", format, *p);
	if (json) {
		AUTO_STMT *stmt = NULL;

		assert_int_equal(sqlite3_prepare_v2(db, "SELECT json_valid(?1)", -1, &stmt, NULL),
				 SQLITE_OK);
		sqlite3_bind_text(stmt, 1, out, -1, SQLITE_STATIC);
		assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
		if (!sqlite3_column_int(stmt, 0))
			fail_msg("no JSON: %s", out);
	}
}

/* Every byte, every pair with a byte that means something, and what UTF-8 forbids;
 * as a cell and as the name of a column. */
static void no_text_breaks_any_format(void **state)
{
	static const char partners[] = {'a',	'"',	'\\',	',',	'|',	'\n', '\x1b',
					'\x80', '\xc2', '\xe2', '\xf0', '\xff', '\0'};
	char text[3] = {0};

	for (const struct renderer *r = renderers; r->name; r++)
		for (int first = 0; first < 256; first++)
			for (size_t i = 0; i < sizeof(partners); i++) {
				struct rows *rows;
				char *out;

				text[0] = (char)first;
				text[1] = partners[i];
				rows = rows_of(*state, "SELECT ?1 AS a, ?1 || ?1 AS b", text, 2);
				rows->names[0] = text;
				out = render(r->name, rows);
				assert_harmless(*state, r->name, out);
				free(out);
				rows_free(rows);
			}
}

/* A program must get the very text back, if it is UTF-8. */
static void json_gives_text_back_as_it_was(void **state)
{
	const char *text = "\x1b[31m\n\t\"\\/ \x7f é€😀 \u202e\u200b\xc2\x85\ufeff";
	struct rows *rows = rows_of(*state, "SELECT ?1 AS a", text, -1);
	char *out = render("jsonl", rows);
	AUTO_STMT *stmt = NULL;

	assert_int_equal(sqlite3_prepare_v2(*state, "SELECT ?1 ->> 'a'", -1, &stmt, NULL),
			 SQLITE_OK);
	sqlite3_bind_text(stmt, 1, out, -1, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(stmt, 0), text);
	free(out);
	rows_free(rows);
}

static void no_csv_cell_is_a_formula(void **state)
{
	static const char *const texts[] = {"=1+1", "+1", "-1", "@x", "=\"a\"", "-", "=a,b"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct rows *rows = rows_of(*state, "SELECT ?1 AS a", texts[i], -1);
		char *out = render("csv", rows);
		const char *cell = strchr(out, '\n') + 1;

		if (cell[cell[0] == '"'] != '\'')
			fail_msg("%s became %s", texts[i], cell);
		free(out);
		rows_free(rows);
	}
}

static void numbers_of_csv_are_untouched(void **state)
{
	struct rows *rows = rows_of(*state, "SELECT -1 AS a, -1.5 AS b, 1e300 AS c", NULL, 0);
	char *out = render("csv", rows);

	assert_string_equal(out, "a,b,c\n-1,-1.5,1.0e+300\n");
	free(out);
	rows_free(rows);
}

/* Counted in characters, so that a name that is not ASCII keeps the columns straight. */
static void table_columns_are_aligned(void **state)
{
	struct rows *rows = rows_of(*state,
				    "SELECT * FROM (VALUES ('é', 1, 'x'), ('long', 1000, NULL),"
				    " (NULL, NULL, 'y'))",
				    NULL, 0);
	char *out = render("table", rows);

	assert_string_equal(out, "column1  column2  column3\n"
				 "é              1  x\n"
				 "long        1000  -\n"
				 "-              -  y\n");
	free(out);
	rows_free(rows);
}

static void an_empty_result_is_valid_in_every_format(void **state)
{
	static const struct {
		const char *format, *want;
	} cases[] = {{"table", ""},    {"csv", "a,b\n"}, {"tsv", "a\tb\n"},
		     {"json", "[]\n"}, {"jsonl", ""},	 {"markdown", "| a | b |\n|---|---|\n"}};
	struct rows *rows = rows_of(*state, "SELECT 1 AS a, 2 AS b WHERE 0", NULL, 0);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *out = render(cases[i].format, rows);

		assert_string_equal(out, cases[i].want);
		free(out);
	}
	rows_free(rows);
}

static void a_failing_output_is_an_error(void **state)
{
	struct rows *rows = rows_of(*state, "SELECT 1 AS a", NULL, 0);

	for (const struct renderer *r = renderers; r->name; r++) {
		FILE *full = fopen("/dev/full", "w");
		struct err err = {0};

		assert_non_null(full);
		assert_int_equal(render_rows(r, rows, true, full, &err), -ENOSPC);
		fclose(full);
	}
	rows_free(rows);
}

static void a_format_that_is_none_is_refused(void **state)
{
	const struct renderer *r = NULL;
	struct err err = {0};

	(void)state;
	assert_true(render_find("jsn", &r, &err) < 0);
	assert_null(r);
	assert_string_equal(err.msg, "unknown format \"jsn\"; did you mean \"json\"?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_text_breaks_any_format),
		cmocka_unit_test(json_gives_text_back_as_it_was),
		cmocka_unit_test(no_csv_cell_is_a_formula),
		cmocka_unit_test(numbers_of_csv_are_untouched),
		cmocka_unit_test(table_columns_are_aligned),
		cmocka_unit_test(an_empty_result_is_valid_in_every_format),
		cmocka_unit_test(a_failing_output_is_an_error),
		cmocka_unit_test(a_format_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, open_memory, close_memory);
}
