/* --sort and --having: what is understood, what is refused, and what comes out. */
#include "unit.h"

#include <errno.h>

#include "arrange.h"
#include "functions.h"
#include "tempdb.h"

#define NOW_US INT64_C(1769860800000000)

static const char data[] =
	"SELECT column1 AS comm, column2 AS failed, column3 AS connect_us, column4 AS tx_bytes,"
	" column5 AS last_at, column6 AS \"in\", column7 AS outcome FROM"
	" (VALUES ('a', 1, 5000, 2048, 1769860800000000, 1, 'open'),"
	" ('b', 20, NULL, 10, '2026-01-31T11:00:00.000Z', 2, 'refused'),"
	" ('c', 3, 1500000, 3145728, 1769857200000000, 3, NULL),"
	" ('O''x', 3000, 60000000, 0, NULL, 4, 'refused'))"
	" ORDER BY comm DESC -- not (this ORDER BY\n";

static int open_memory(void **state)
{
	sqlite3 *db = NULL;
	struct err err = {0};

	if (sqlite3_open(":memory:", &db) != SQLITE_OK || functions_register(db, &err))
		return -1;
	*state = db;
	return 0;
}

static int close_memory(void **state)
{
	db_close(*state);
	return 0;
}

/* The first column of what is left, one after another. */
static const char *ask(sqlite3 *db, const char *sort, const char *having)
{
	static char got[512];
	struct arrange a = {0};
	sqlite3_stmt *plain = NULL, *stmt = NULL;
	char *select = strdup(data);
	struct err err = {0};

	got[0] = '\0';
	assert_non_null(select);
	assert_int_equal(db_prepare(db, select, &plain, &err), 0);
	if ((sort && sort_parse(sort, &a.sort, &err)) ||
	    (having && having_parse(having, NOW_US, &a.having, &err)) ||
	    arrange_select(&a, plain, &select, &err) || db_prepare(db, select, &stmt, &err) ||
	    having_bind(&a.having, stmt, &err)) {
		snprintf(got, sizeof(got), "%s", err.msg);
	} else {
		while (sqlite3_step(stmt) == SQLITE_ROW)
			snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s",
				 *got ? " " : "", (const char *)sqlite3_column_text(stmt, 0));
	}
	sqlite3_finalize(plain);
	sqlite3_finalize(stmt);
	free(select);
	return got;
}

static void measures_go_down_and_what_a_row_is_about_goes_up(void **state)
{
	assert_string_equal(ask(*state, NULL, NULL), "c b a O'x");
	assert_string_equal(ask(*state, "failed", NULL), "O'x b c a");
	assert_string_equal(ask(*state, "failed:asc", NULL), "a c b O'x");
	assert_string_equal(ask(*state, "comm", NULL), "O'x a b c");
	assert_string_equal(ask(*state, "comm:desc", NULL), "c b a O'x");
	assert_string_equal(ask(*state, "in:asc", NULL), "a b c O'x");
}

static void what_is_missing_comes_last_and_equal_rows_stay_as_they_were(void **state)
{
	assert_string_equal(ask(*state, "connect_us", NULL), "O'x c a b");
	assert_string_equal(ask(*state, "connect_us:asc", NULL), "a c O'x b");
	assert_string_equal(ask(*state, "outcome:asc", NULL), "a b O'x c");
	assert_string_equal(ask(*state, "outcome,failed", NULL), "a O'x b c");
}

/* Tables leave the unit away. */
static void a_column_may_be_called_without_its_unit(void **state)
{
	assert_string_equal(ask(*state, "connect", NULL), "O'x c a b");
	assert_string_equal(ask(*state, "tx:asc", "tx < 3M"), "O'x b a");
}

static void conditions_choose_rows(void **state)
{
	static const struct {
		const char *having, *want;
	} cases[] = {
		{"failed > 10", "b O'x"},
		{"failed>10", "b O'x"},
		{"failed >= 3k", "O'x"},
		{"failed = 3", "c"},
		{"failed == 3", "c"},
		{"failed != 3", "b a O'x"},
		{"failed <> 3", "b a O'x"},
		{"failed <= 3", "c a"},
		{"failed < 2.5", "a"},
		{"failed > -1", "c b a O'x"},
		{"connect_us >= 1.5s", "c O'x"},
		{"connect < 10ms", "a"},
		{"connect = 5000", "a"},
		{"connect = 5000us", "a"},
		{"connect = 1m", "O'x"},
		{"connect < 2w", "c a O'x"},
		{"connect = null", "b"},
		{"connect != NULL", "c a O'x"},
		{"tx_bytes = 2K", "a"},
		{"tx_bytes = 2KiB", "a"},
		{"tx_bytes >= 3MB", "c"},
		{"last_at >= 1h", "c b a"},
		{"last_at < 2026-01-31T11:30:00Z", "c b"},
		{"last_at = @1769857200", "c b"},
		{"comm = a", "a"},
		{"comm = 'O''x'", "O'x"},
		{"comm = \"O'x\"", "O'x"},
		{"comm != a", "c b O'x"},
		{"comm ~ O*", "O'x"},
		{"comm !~ ?", "O'x"},
		{"comm > 'a'", "c b"},
		{"outcome = refused", "b O'x"},
		{"outcome != refused", "c a"},
		{"failed > 10 and comm = b", "b"},
		{"failed > 100 OR comm = b", "b O'x"},
		{"comm = a or comm = b and failed = 1", "a"},
		{"(comm = a or comm = b) and failed = 20", "b"},
		{"((comm=a)or(comm=b))", "b a"},
		{"not comm = a", "c b O'x"},
		{"not (comm = a or comm = b)", "c O'x"},
		{"not not comm = a", "a"},
		{"in = 2", "b"},
		{"comm = '1 OR 1=1'", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(ask(*state, NULL, cases[i].having), cases[i].want) != 0)
			fail_msg("%s: %s", cases[i].having, ask(*state, NULL, cases[i].having));
	assert_string_equal(ask(*state, "failed", "failed > 2"), "O'x b c");
}

static void conditions_that_cannot_be_are_refused(void **state)
{
	static const char *const conditions[] = {
		"",
		" ",
		"failed",
		"failed >",
		"> 10",
		"10 > failed",
		"failed > 10 and",
		"failed > 10 or or failed = 1",
		"failed > 10 failed < 20",
		"failed > 10)",
		"(failed > 10",
		"()",
		"not",
		"failed > ten",
		"failed = 10; DROP TABLE x",
		"failed like 'x'",
		"comm = 'a",
		"comm = \"a",
		"connect_us > 10MB",
		"connect_us > fast",
		"tx_bytes > 10ms",
		"tx_bytes > 10KiBB",
		"last_at > never",
		"outcome = refusd",
		"failed > null",
		"failed > 0x10",
		"failed > 1e5",
		"failed > nan",
		"failed > 1.2.3",
		"failed > --1",
		"no_such = 1",
		"and = 1",
		"failed > :since",
		"(SELECT 1) = 1",
	};
	struct having having;
	struct err err;
	char deep[512];

	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
		const char *got = ask(*state, NULL, conditions[i]);

		if (!strstr(got, "missing") && strncmp(got, "--having: ", 10) != 0)
			fail_msg("\"%s\" gives \"%s\"", conditions[i], got);
	}
	memset(deep, '(', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_int_equal(having_parse(deep, NOW_US, &having, &err), -EINVAL);
	memset(deep, 'x', sizeof(deep) - 1);
	memcpy(deep, "comm = ", 7);
	assert_int_equal(having_parse(deep, NOW_US, &having, &err), -EINVAL);
}

static void orders_that_cannot_be_are_refused(void **state)
{
	static const char *const lists[] = {
		"",	",",	       "failed,", "failed:up",	       "failed:",
		":asc", "failed desc", "1",	  "a,b,c,d,e,f,g,h,i", "no_such"};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const char *got = ask(*state, lists[i], NULL);

		if (!strcmp(got, "c b a O'x") || *got == '\0')
			fail_msg("\"%s\" was taken", lists[i]);
	}
	assert_string_equal(ask(*state, "faild", NULL),
			    "--sort: unknown column \"faild\"; did you mean \"failed\"?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(measures_go_down_and_what_a_row_is_about_goes_up),
		cmocka_unit_test(what_is_missing_comes_last_and_equal_rows_stay_as_they_were),
		cmocka_unit_test(a_column_may_be_called_without_its_unit),
		cmocka_unit_test(conditions_choose_rows),
		cmocka_unit_test(conditions_that_cannot_be_are_refused),
		cmocka_unit_test(orders_that_cannot_be_are_refused),
	};

	return cmocka_run_group_tests(tests, open_memory, close_memory);
}
