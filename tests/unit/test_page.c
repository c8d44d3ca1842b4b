#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "page.h"
#include "render_html.h"

/* A page of one section with the rows of @sql in it; the caller frees it. */
static char *page_of(const struct page *page, const char *sql)
{
	const struct render_style style = {.utc = true};
	struct err err = {0};
	AUTO_ROWS *rows = NULL;
	AUTO_STMT *stmt = NULL;
	sqlite3 *db;
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	assert_non_null(f);
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(db_prepare(db, sql, &stmt, &err), 0);
	assert_int_equal(rows_fetch(stmt, &rows, &err), 0);
	page_begin(f, page);
	page_section(f, "some", "Some <rows>");
	assert_int_equal(render_html_table(rows, &style, "A \"caption\"", f, &err), 0);
	page_section_end(f);
	page_end(f);
	assert_int_equal(fclose(f), 0);
	sqlite3_finalize(stmt);
	stmt = NULL;
	sqlite3_close(db);
	return out;
}

#define HAS(text, part)	    assert_non_null(strstr(text, part))
#define HAS_NOT(text, part) assert_null(strstr(text, part))

static void what_a_page_is_told_stands_in_it_as_text(void **state)
{
	const char *const notes[] = {"1 <gap>", "another", NULL};
	const struct page page = {.title = "A & B",
				  .node = "<node>",
				  .question = "x 'y'",
				  .window = "today",
				  .lead = "<b>",
				  .notes = notes};
	char *out = page_of(&page, "SELECT 1 AS n");

	(void)state;
	HAS(out, "<title>A &amp; B - &lt;node&gt;</title>");
	HAS(out, "<h1>A &amp; B</h1>");
	HAS(out, "<code>x &#39;y&#39;</code>");
	HAS(out, "<li>1 &lt;gap&gt;</li>\n<li>another</li>");
	HAS(out, "<p class=\"lead\">&lt;b&gt;</p>");
	HAS(out, "<h2 id=\"some-heading\">Some &lt;rows&gt;</h2>");
	HAS(out, "<caption>A &quot;caption&quot;</caption>");
	free(out);
}

static void what_a_page_is_not_told_is_left_out(void **state)
{
	char *out = page_of(&(struct page){.title = "T"}, "SELECT 1 AS n");

	(void)state;
	HAS_NOT(out, "class=\"lead\"");
	HAS_NOT(out, "class=\"notes\"");
	HAS_NOT(out, "<dt>");
	HAS_NOT(out, "(null)");
	free(out);
}

static void the_policy_stands_before_what_it_is_about(void **state)
{
	char *out = page_of(&(struct page){.title = "T"}, "SELECT 1 AS n");
	const char *policy = strstr(out, "Content-Security-Policy\" content=\"default-src 'none';");

	(void)state;
	assert_non_null(policy);
	assert_true(policy < strstr(out, "<style>"));
	assert_true(policy < strstr(out, "<script>"));
	HAS_NOT(out, "unsafe-inline");
	HAS_NOT(out, " style=\"");
	free(out);
}

static void cells_show_what_people_read_and_hold_what_is_exact(void **state)
{
	char *out = page_of(&(struct page){.title = "T"},
			    "SELECT 1536 AS tx_bytes, 1500 AS wait_us, NULL AS pid, '' AS comm,"
			    " 0 AS failed, 80 AS port, '<i>' AS name, 1769860800000000 AS end_at");

	(void)state;
	HAS(out, "<tr><td data-v=\"1536\">1.5K<td data-v=\"1500\">1.5ms<td data-v>-<td><td>0"
		 "<td>80<td>&lt;i&gt;<td data-v=\"2026-01-31T12:00:00.000Z\">"
		 "2026-01-31 12:00:00.000Z</tr>");
	HAS(out, "<table class=\"rows r1 r2 r5 r6\">");
	free(out);
}

static void rows_beyond_what_a_browser_bears_are_left_out_and_told(void **state)
{
	char *out = page_of(&(struct page){.title = "T"},
			    "WITH RECURSIVE s(id) AS (VALUES (1) UNION ALL SELECT id + 1 FROM s"
			    " WHERE id < 100002) SELECT id FROM s");

	(void)state;
	HAS(out, "Of 100002 rows the page has the first 100000 rows only");
	HAS(out, "<p class=\"count\" role=\"status\">100000 rows</p>");
	HAS(out, "<tr><td>100000</tr>");
	HAS_NOT(out, "<tr><td>100001</tr>");
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_page_is_told_stands_in_it_as_text),
		cmocka_unit_test(what_a_page_is_not_told_is_left_out),
		cmocka_unit_test(the_policy_stands_before_what_it_is_about),
		cmocka_unit_test(cells_show_what_people_read_and_hold_what_is_exact),
		cmocka_unit_test(rows_beyond_what_a_browser_bears_are_left_out_and_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
