/* What every format promises, whatever the cells hold. The golden tests show how the
 * formats look. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "render.h"
#include "tempdb.h"

static char *render_styled(const char *format, const struct rows *rows,
			   const struct render_style *style)
{
	const struct renderer *renderer = NULL;
	struct err err = {0};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(render_find(format, &renderer, &err), 0);
	if (render_rows(renderer, rows, style, out, &err))
		fail_msg("%s: %s", format, err.msg);
	fclose(out);
	assert_int_equal(strlen(text), size); /* no NUL got through */
	return text;
}

static char *render(const char *format, const struct rows *rows)
{
	return render_styled(format, rows, &(struct render_style){.utc = true});
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
	if (rows_fetch(stmt, &rows, &err))
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

	for (size_t i = 0, len = strlen(out); i < len;) {
		uint32_t point = 0;
		size_t n = escape_next(out + i, len - i, &point);

		if (n == 0)
			fail_msg("%s lets 0x%02x through", format, (unsigned char)out[i]);
		if (escape_is_unsafe(point) && point != '\n' &&
		    (point != '\t' || strcmp(format, "tsv") != 0))
			fail_msg("%s lets U+%04x through", format, point);
		i += n;
	}
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
				rows = rows_of(*state,
					       "SELECT ?1 AS source, ?1 || ?1 AS target,"
					       " ?1 AS label, ?1 AS a",
					       text, 2);
				free(rows->names[3]);
				rows->names[3] = strdup(text);
				out = render(r->name, rows);
				assert_harmless(*state, r->name, out);
				free(out);
				rows_free(rows);
			}
}

/* Bidirectional overrides, zero-width characters, C1 controls, and others beyond one byte. */
static void no_invisible_character_gets_through(void **state)
{
	for (const struct renderer *r = renderers; r->name; r++)
		for (unsigned point = 1; point <= 0xffff; point++) {
			char sql[128];
			struct rows *rows;
			char *out;

			if (!escape_is_unsafe(point))
				continue;
			snprintf(sql, sizeof(sql),
				 "SELECT char(%u) AS source, 'a' || char(%u) AS target, 1 AS label",
				 point, point);
			rows = rows_of(*state, sql, NULL, 0);
			out = render(r->name, rows);
			assert_harmless(*state, r->name, out);
			free(out);
			rows_free(rows);
		}
}

/* To a terminal of another charset: there a byte from 0x80 on may be a control character. */
static void nothing_but_ascii_goes_where_nothing_else_is_known(void **state)
{
	struct render_style style = {.ascii = true, .color = true, .width = 80};
	struct rows *rows = rows_of(*state,
				    "SELECT 'é' AS source, '日本😀' AS target, 5 AS a_bar,"
				    " 'x' AS label",
				    NULL, 0);

	for (const struct renderer *r = renderers; r->name; r++) {
		char *out = render_styled(r->name, rows, &style);

		for (const char *p = out; *p; p++)
			if ((unsigned char)*p >= 0x80)
				fail_msg("%s: %s", r->name, out);
		if (!strncmp(r->name, "json", 4))
			assert_non_null(strstr(out, "\\u65e5\\u672c\\ud83d\\ude00"));
		free(out);
	}
	rows_free(rows);
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
	static const char *const texts[] = {"=1+1", "+1",   "-1",  "@x",  "=\"a\"",
					    "-",    "=a,b", " =1", "＝1", "＠x"};

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

/* Not a digit is lost, whatever a double or a script thinks of it. */
static void numbers_are_exact(void **state)
{
	struct rows *rows = rows_of(*state,
				    "SELECT 9007199254740993 AS a, -9223372036854775807 - 1 AS b,"
				    " 0.1 + 0.2 AS c, 0.1 AS d, 9e999 AS e, 1e15 AS f",
				    NULL, 0);
	char *json = render("jsonl", rows), *csv = render("csv", rows);

	assert_string_equal(json, "{\"a\": 9007199254740993, \"b\": -9223372036854775808,"
				  " \"c\": 0.30000000000000004, \"d\": 0.1, \"e\": null,"
				  " \"f\": 1.0e+15}\n");
	assert_string_equal(csv, "a,b,c,d,e,f\n9007199254740993,-9223372036854775808,"
				 "0.30000000000000004,0.1,Inf,1.0e+15\n");
	free(json);
	free(csv);
	rows_free(rows);
}

static void a_graph_needs_its_columns(void **state)
{
	struct rows *rows = rows_of(*state, "SELECT 1 AS source, 2 AS label", NULL, 0);
	const struct renderer *renderer = NULL;
	struct err err = {0};

	assert_int_equal(render_find("dot", &renderer, &err), 0);
	assert_int_equal(render_rows(renderer, rows, &(struct render_style){0}, stderr, &err),
			 -EBADRQC);
	assert_string_equal(err.msg, "a graph is drawn from the columns source, target and label, "
				     "as connmon-query map has them; here is no target");
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
	struct rows *rows = rows_of(*state, "SELECT 1 AS source, 2 AS target, 3 AS label", NULL, 0);

	for (const struct renderer *r = renderers; r->name; r++) {
		FILE *full = fopen("/dev/full", "w");
		struct err err = {0};

		assert_non_null(full);
		assert_int_equal(render_rows(r, rows, &(struct render_style){0}, full, &err),
				 -ENOSPC);
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
		cmocka_unit_test(no_invisible_character_gets_through),
		cmocka_unit_test(nothing_but_ascii_goes_where_nothing_else_is_known),
		cmocka_unit_test(json_gives_text_back_as_it_was),
		cmocka_unit_test(no_csv_cell_is_a_formula),
		cmocka_unit_test(numbers_of_csv_are_untouched),
		cmocka_unit_test(numbers_are_exact),
		cmocka_unit_test(a_graph_needs_its_columns),
		cmocka_unit_test(table_columns_are_aligned),
		cmocka_unit_test(an_empty_result_is_valid_in_every_format),
		cmocka_unit_test(a_failing_output_is_an_error),
		cmocka_unit_test(a_format_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, open_memory, close_memory);
}
