/* Results in memory: whole, bounded, and with no transaction left behind. */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "rows.h"
#include "tempdb.h"

static int open_temp(void **state)
{
	struct tempdb *temp;
	struct err err = {0};
	sqlite3 *db = NULL;

	tempdb_setup((void **)&temp);
	if (db_open_writer(temp->path, false, &db, &err))
		return -1;
	tempdb_run(db, "INSERT INTO gap VALUES (1, 1, 2, 'stopped', NULL),"
		       " (2, 3, 4, 'ring_full', 5)");
	db_close(db);
	*state = temp;
	return 0;
}

static sqlite3 *reader(void **state)
{
	const struct tempdb *temp = *state;
	struct err err = {0};
	sqlite3 *db = NULL;

	if (db_open_reader(temp->path, &db, &err))
		fail_msg("%s", err.msg);
	return db;
}

static int fetch(sqlite3 *db, const char *sql, int64_t timeout_us, struct rows **out,
		 struct err *err)
{
	AUTO_STMT *stmt = NULL;

	assert_int_equal(db_prepare(db, sql, &stmt, err), 0);
	return rows_fetch(stmt, timeout_us, out, err);
}

#define COUNT_TO(n)                                                                                \
	"WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n WHERE x < " n ") "

static void every_kind_of_value_is_kept(void **state)
{
	AUTO_DB *db = reader(state);
	AUTO_ROWS *rows = NULL;
	struct err err = {0};

	assert_int_equal(fetch(db,
			       "SELECT 1 AS a, -9223372036854775807 - 1 AS b, 1.5 AS c, 'é' AS d,"
			       " x'00ff' AS e, NULL AS f, '' AS g, x'' AS h, 'a' || char(0) AS i",
			       0, &rows, &err),
			 0);
	assert_int_equal(rows->n_columns, 9);
	assert_int_equal(rows->n_rows, 1);
	assert_string_equal(rows->names[0], "a");
	assert_true(rows->cells[1].number == INT64_MIN);
	assert_true(rows->cells[2].real == 1.5);
	assert_string_equal(rows->cells[3].text, "é");
	assert_int_equal(rows->cells[4].type, SQLITE_BLOB);
	assert_memory_equal(rows->cells[4].text, "\x00\xff", 2);
	assert_int_equal(rows->cells[5].type, SQLITE_NULL);
	assert_int_equal(rows->cells[6].type, SQLITE_TEXT);
	assert_int_equal(rows->cells[6].len, 0);
	assert_int_equal(rows->cells[7].len, 0);
	assert_int_equal(rows->cells[8].len, 2);
	assert_int_equal(rows->longest, 2);
}

static void many_rows_and_long_texts_are_kept_in_order(void **state)
{
	AUTO_DB *db = reader(state);
	AUTO_ROWS *rows = NULL;
	struct err err = {0};

	assert_int_equal(fetch(db, COUNT_TO("10000") "SELECT x, hex(zeroblob(x % 50)), x FROM n", 0,
			       &rows, &err),
			 0);
	assert_int_equal(rows->n_rows, 10000);
	for (int64_t x = 1; x <= 10000; x++) {
		const struct cell *row = &rows->cells[(x - 1) * 3];

		assert_int_equal(row[0].number, x);
		assert_int_equal(row[1].len, x % 50 * 2);
		assert_int_equal(strlen(row[1].text), row[1].len);
		assert_int_equal(row[2].number, x);
	}
}

static void no_read_transaction_is_left(void **state)
{
	AUTO_DB *db = reader(state);
	AUTO_STMT *stmt = NULL;
	AUTO_ROWS *rows = NULL;
	struct err err = {0};

	assert_int_equal(db_prepare(db, "SELECT * FROM gap", &stmt, &err), 0);
	assert_int_equal(rows_fetch(stmt, 0, &rows, &err), 0);
	assert_int_equal(rows->n_rows, 2);
	assert_int_equal(sqlite3_txn_state(db, NULL), SQLITE_TXN_NONE);
	assert_false(sqlite3_stmt_busy(stmt));
}

static void too_many_rows_are_refused_with_what_to_do(void **state)
{
	AUTO_DB *db = reader(state);
	AUTO_ROWS *rows = NULL;
	struct err err = {0};

	assert_int_equal(fetch(db, COUNT_TO("1000000") "SELECT x FROM n", 0, &rows, &err), 0);
	rows_free(rows);
	rows = NULL;
	assert_int_equal(fetch(db, COUNT_TO("1000001") "SELECT x FROM n", 0, &rows, &err), -E2BIG);
	assert_null(rows);
	assert_string_equal(err.msg, "more than 1000000 rows; narrow the question, or use --limit");
	assert_int_equal(sqlite3_txn_state(db, NULL), SQLITE_TXN_NONE);
}

/* 1 GiB of result, of which only a part is ever allocated. */
static void too_many_bytes_are_refused(void **state)
{
	AUTO_DB *db = reader(state);
	AUTO_ROWS *rows = NULL;
	struct err err = {0};

	assert_int_equal(fetch(db, COUNT_TO("200") "SELECT zeroblob(15000000) FROM n", 0, &rows,
			       &err),
			 -E2BIG);
	assert_string_equal(err.msg,
			    "the result is larger than 1024 MiB; narrow it, or use --limit");
}

static void an_endless_statement_is_stopped(void **state)
{
	AUTO_DB *db = reader(state);
	AUTO_ROWS *rows = NULL;
	struct err err = {0};

	assert_int_equal(fetch(db,
			       "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n)"
			       " SELECT count(*) FROM n",
			       1, &rows, &err),
			 -ETIMEDOUT);
	assert_non_null(strstr(err.msg, "--timeout"));
	/* and the next one is not */
	assert_int_equal(fetch(db, "SELECT 1", 0, &rows, &err), 0);
}

static void an_error_while_stepping_is_told(void **state)
{
	AUTO_DB *db = reader(state);
	AUTO_ROWS *rows = NULL;
	struct err err = {0};

	assert_int_equal(fetch(db, "SELECT abs(-9223372036854775807 - 1)", 0, &rows, &err), -EIO);
	assert_string_equal(err.msg, "integer overflow");
	assert_null(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_value_is_kept),
		cmocka_unit_test(many_rows_and_long_texts_are_kept_in_order),
		cmocka_unit_test(no_read_transaction_is_left),
		cmocka_unit_test(too_many_rows_are_refused_with_what_to_do),
		cmocka_unit_test(too_many_bytes_are_refused),
		cmocka_unit_test(an_endless_statement_is_stopped),
		cmocka_unit_test(an_error_while_stepping_is_told),
	};

	return cmocka_run_group_tests(tests, open_temp, tempdb_teardown);
}
