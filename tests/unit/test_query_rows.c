/* Results: whole, in little memory, and with no transaction left behind. */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "rows.h"
#include "tempdb.h"
#include "watch.h"

static int open_temp(void **state)
{
	struct tempdb *temp;
	struct err err = {0};
	sqlite3 *db = NULL;

	tempdb_setup((void **)&temp);
	if (db_open_writer(temp->path, false, &db, &err))
		return -1;
	tempdb_run(
		db,
		"INSERT INTO gap(id, from_us, to_us, reason, count) VALUES (1, 1, 2, 'stopped', NULL),"
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

static int fetch(sqlite3 *db, const char *sql, struct rows **out, struct err *err)
{
	AUTO_STMT *stmt = NULL;

	assert_int_equal(db_prepare(db, sql, &stmt, err), 0);
	return rows_fetch(stmt, out, err);
}

#define COUNT_TO(n)                                                                                \
	"WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n WHERE x < " n ") "

static void every_kind_of_value_is_kept(void **state)
{
	AUTO_DB *db = reader(state);
	AUTO_ROWS *rows = NULL;
	AUTO_CURSOR cursor = {0};
	struct err err = {0};

	assert_int_equal(fetch(db,
			       "SELECT 1 AS a, -9223372036854775807 - 1 AS b, 1.5 AS c, 'é' AS d,"
			       " x'00ff' AS e, NULL AS f, '' AS g, x'' AS h, 'a' || char(0) AS i",
			       &rows, &err),
			 0);
	assert_int_equal(rows->n_columns, 9);
	assert_int_equal(rows->n_rows, 1);
	assert_string_equal(rows->names[0], "a");
	assert_int_equal(rows->longest, 2);
	assert_int_equal(rows_begin(rows, &cursor, &err), 0);
	assert_int_equal(rows_next(&cursor, &err), 1);
	assert_int_equal(cursor.cells[0].number, 1);
	assert_true(cursor.cells[1].number == INT64_MIN);
	assert_true(cursor.cells[2].real == 1.5);
	assert_string_equal(cursor.cells[3].text, "é");
	assert_int_equal(cursor.cells[4].type, SQLITE_BLOB);
	assert_memory_equal(cursor.cells[4].text, "\x00\xff", 2);
	assert_int_equal(cursor.cells[5].type, SQLITE_NULL);
	assert_int_equal(cursor.cells[6].type, SQLITE_TEXT);
	assert_int_equal(cursor.cells[6].len, 0);
	assert_int_equal(cursor.cells[7].len, 0);
	assert_int_equal(cursor.cells[8].len, 2);
	assert_int_equal(rows_next(&cursor, &err), 0);
	assert_int_equal(rows_next(&cursor, &err), 0);
}

/* The row of COUNT_WITH_TEXTS that says @x. */
static void assert_is_row(const struct rows_cursor *cursor, int64_t x)
{
	const struct cell *row = cursor->cells;

	assert_int_equal(row[0].number, x);
	assert_int_equal(row[1].len, x % 50 * 2);
	assert_int_equal(strlen(row[1].text), row[1].len);
	assert_int_equal(row[2].number, x);
}

#define COUNT_WITH_TEXTS(n) COUNT_TO(n) "SELECT x, hex(zeroblob(x % 50)), x FROM n"

static void assert_all_come_in_order(sqlite3 *db, const char *sql, int64_t n, bool in_file)
{
	AUTO_ROWS *rows = NULL;
	AUTO_CURSOR cursor = {0};
	struct err err = {0};

	assert_int_equal(fetch(db, sql, &rows, &err), 0);
	assert_int_equal(rows->n_rows, n);
	assert_int_equal(rows->spool.fd >= 0, in_file);
	assert_true(rows->spool.room <= SPOOL_MEMORY_BYTES);
	assert_int_equal(rows_begin(rows, &cursor, &err), 0);
	for (int walk = 0; walk < 2; walk++) {
		for (int64_t x = 1; x <= n; x++) {
			assert_int_equal(rows_next(&cursor, &err), 1);
			assert_is_row(&cursor, x);
		}
		assert_int_equal(rows_next(&cursor, &err), 0);
		rows_rewind(&cursor);
	}
	assert_true(cursor.room <= 128 << 10);
}

static void rows_come_in_order_from_memory_and_from_a_file(void **state)
{
	AUTO_DB *db = reader(state);

	assert_all_come_in_order(db, COUNT_WITH_TEXTS("1000"), 1000, false);
	assert_all_come_in_order(db, COUNT_WITH_TEXTS("200000"), 200000, true);
}

static void a_row_larger_than_any_buffer_is_read_back(void **state)
{
	AUTO_DB *db = reader(state);
	AUTO_ROWS *rows = NULL;
	AUTO_CURSOR cursor = {0};
	struct err err = {0};

	assert_int_equal(fetch(db, COUNT_TO("4") "SELECT x, zeroblob(x * 1000000), x FROM n", &rows,
			       &err),
			 0);
	assert_int_equal(rows_begin(rows, &cursor, &err), 0);
	for (int64_t x = 1; x <= 4; x++) {
		assert_int_equal(rows_next(&cursor, &err), 1);
		assert_int_equal(cursor.cells[0].number, x);
		assert_int_equal(cursor.cells[1].len, x * 1000000);
		assert_int_equal(cursor.cells[2].number, x);
	}
	assert_int_equal(rows_next(&cursor, &err), 0);
}

static void the_temporary_file_has_no_name(void **state)
{
	const struct tempdb *temp = *state;
	AUTO_DB *db = reader(state);
	AUTO_ROWS *rows = NULL;
	struct err err = {0};
	char folder[256];

	snprintf(folder, sizeof(folder), "%s.tmp", temp->path);
	assert_int_equal(mkdir(folder, 0700), 0);
	setenv("TMPDIR", folder, 1);
	assert_int_equal(fetch(db, COUNT_WITH_TEXTS("100000"), &rows, &err), 0);
	unsetenv("TMPDIR");
	assert_true(rows->spool.fd >= 0);
	assert_int_equal(rmdir(folder), 0); /* it is empty */
}

static void a_folder_that_is_none_is_told_with_what_to_do(void **state)
{
	AUTO_DB *db = reader(state);
	AUTO_ROWS *rows = NULL;
	struct err err = {0};

	setenv("TMPDIR", "/nowhere", 1);
	assert_int_equal(fetch(db, "SELECT 1", &rows, &err), 0); /* which needs none */
	rows_free(rows);
	rows = NULL;
	assert_int_equal(fetch(db, COUNT_WITH_TEXTS("100000"), &rows, &err), -ENOENT);
	unsetenv("TMPDIR");
	assert_null(rows);
	assert_string_equal(err.msg,
			    "opening a temporary file in /nowhere for the rows: No such file or "
			    "directory; make room there, let $TMPDIR name another folder, narrow "
			    "the question, or use --limit");
	assert_int_equal(sqlite3_txn_state(db, NULL), SQLITE_TXN_NONE);
}

/* As when the disk is full. */
static void a_file_that_may_not_grow_is_an_error(void **state)
{
	AUTO_DB *db = reader(state);
	AUTO_ROWS *rows = NULL;
	struct err err = {0};
	struct rlimit before, small;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){3 << 20, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(fetch(db, COUNT_WITH_TEXTS("200000"), &rows, &err), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_null(rows);
	assert_non_null(strstr(err.msg, "writing a temporary file in /var/tmp"));
}

static void cells_can_be_added_without_a_statement(void **state)
{
	static const char *const names[] = {"a", "b"};
	AUTO_ROWS *rows = NULL;
	AUTO_CURSOR cursor = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(rows_new(2, names, &rows, &err), 0);
	assert_int_equal(rows_add_text(rows, "x", &err), 0);
	assert_int_equal(rows->n_rows, 0);
	assert_int_equal(rows_add_null(rows, &err), 0);
	assert_int_equal(rows_add_text(rows, "", &err), 0);
	assert_int_equal(rows_add_number(rows, 5, &err), 0);
	assert_int_equal(rows->n_rows, 2);
	assert_false(rows_is_number(rows, 0));
	assert_true(rows_is_number(rows, 1));
	assert_int_equal(rows_begin(rows, &cursor, &err), 0);
	assert_int_equal(rows_next(&cursor, &err), 1);
	assert_string_equal(cursor.cells[0].text, "x");
	assert_int_equal(cursor.cells[1].type, SQLITE_NULL);
	assert_int_equal(rows_next(&cursor, &err), 1);
	assert_string_equal(cursor.cells[0].text, "");
	assert_int_equal(cursor.cells[1].number, 5);
	assert_int_equal(rows_next(&cursor, &err), 0);
}

static void no_read_transaction_is_left(void **state)
{
	AUTO_DB *db = reader(state);
	AUTO_STMT *stmt = NULL;
	AUTO_ROWS *rows = NULL;
	struct err err = {0};

	assert_int_equal(db_prepare(db, "SELECT * FROM gap", &stmt, &err), 0);
	assert_int_equal(rows_fetch(stmt, &rows, &err), 0);
	assert_int_equal(rows->n_rows, 2);
	assert_int_equal(sqlite3_txn_state(db, NULL), SQLITE_TXN_NONE);
	assert_false(sqlite3_stmt_busy(stmt));
}

/* 4 GiB of result would be too long for a test. */
static void a_row_that_is_too_large_is_refused(void **state)
{
	AUTO_DB *db = reader(state);
	AUTO_ROWS *rows = NULL;
	struct err err = {0};

	assert_int_equal(fetch(db,
			       "SELECT zeroblob(15000000), zeroblob(15000000), zeroblob(15000000),"
			       " zeroblob(15000000), zeroblob(15000000)",
			       &rows, &err),
			 -E2BIG);
	assert_null(rows);
	assert_string_equal(err.msg, "a row is larger than 64 MiB");
}

static void an_endless_statement_is_stopped(void **state)
{
	AUTO_DB *db = reader(state);
	AUTO_ROWS *rows = NULL;
	struct err err = {0};
	int ret;

	watch_be_patient(); /* else the test, too, would be ended */
	watch_begin(1);
	watch_db(db);
	ret = fetch(db,
		    "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n)"
		    " SELECT count(*) FROM n",
		    &rows, &err);
	assert_int_equal(ret, -EINTR);
	assert_int_equal(watch_end(ret, &err), -ETIMEDOUT);
	assert_non_null(strstr(err.msg, "--timeout"));
	/* and the next one is not */
	assert_int_equal(fetch(db, "SELECT 1", &rows, &err), 0);
}

/* An alarm that outlives the question would end the program. */
static void what_was_interrupted_leaves_no_alarm(void **state)
{
	struct sigaction on_alarm;
	struct itimerval timer;
	struct err err = {0};

	(void)state;
	watch_be_patient();
	watch_begin(0);
	raise(SIGINT);
	assert_int_equal(watch_end(0, &err), -EINTR);
	assert_int_equal(getitimer(ITIMER_REAL, &timer), 0);
	assert_int_equal(timer.it_value.tv_sec + timer.it_value.tv_usec, 0);
	assert_int_equal(sigaction(SIGALRM, NULL, &on_alarm), 0);
	assert_true(on_alarm.sa_handler == SIG_DFL);
}

static void an_error_while_stepping_is_told(void **state)
{
	AUTO_DB *db = reader(state);
	AUTO_ROWS *rows = NULL;
	struct err err = {0};

	assert_int_equal(fetch(db, "SELECT abs(-9223372036854775807 - 1)", &rows, &err), -EIO);
	assert_string_equal(err.msg, "integer overflow");
	assert_null(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_value_is_kept),
		cmocka_unit_test(rows_come_in_order_from_memory_and_from_a_file),
		cmocka_unit_test(a_row_larger_than_any_buffer_is_read_back),
		cmocka_unit_test(the_temporary_file_has_no_name),
		cmocka_unit_test(a_folder_that_is_none_is_told_with_what_to_do),
		cmocka_unit_test(a_file_that_may_not_grow_is_an_error),
		cmocka_unit_test(cells_can_be_added_without_a_statement),
		cmocka_unit_test(no_read_transaction_is_left),
		cmocka_unit_test(a_row_that_is_too_large_is_refused),
		cmocka_unit_test(an_endless_statement_is_stopped),
		cmocka_unit_test(what_was_interrupted_leaves_no_alarm),
		cmocka_unit_test(an_error_while_stepping_is_told),
	};

	return cmocka_run_group_tests(tests, open_temp, tempdb_teardown);
}
