/* The node's database as connmon-forward reads it, when it cannot be read. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "calls.h"
#include "source.h"
#include "tempdb.h"

static const struct source_node node = {"0123456789abcdef0123456789abcdef", "n"};

static struct source *opened(const struct tempdb *t)
{
	struct source *s = NULL;
	struct err err = {0};

	if (source_new(t->path, &node, &s, &err))
		fail_msg("%s", err.msg);
	return s;
}

static void make(const char *sql, struct tempdb *t)
{
	sqlite3 *db = NULL;
	struct err err = {0};

	if (db_open_writer(t->path, false, &db, &err))
		fail_msg("%s", err.msg);
	tempdb_run(db, sql);
	sqlite3_close(db);
}

static void a_database_that_is_not_there_or_goes_away_is_told(void **state)
{
	struct tempdb *t = *state;
	struct source *s = NULL;
	struct err err = {0};

	assert_int_equal(source_new(t->path, &node, &s, &err), -ENOENT);
	assert_null(s);
	make("", t);
	/* The look at whether it was replaced, which is the last. */
	for (unsigned int nth = 1; err.code != -EIO && nth < 9; nth++) {
		err.code = 0;
		fail_call("stat", nth, EIO);
		if (source_new(t->path, &node, &s, &err) == 0)
			source_free(s);
		if (!mend_calls())
			break;
		s = NULL;
	}
	assert_int_equal(err.code, -EIO);
	assert_non_null(strstr(err.msg, "h.db: Input/output error"));
}

static void a_database_without_what_is_to_be_sent_is_told(void **state)
{
	struct tempdb *t = *state;
	struct source *s = NULL;
	struct err err = {0};
	sqlite3_stmt *stmt = NULL;

	make("", t);
	s = opened(t);
	assert_true(source_prepare(s, "SELECT a FROM nowhere", 0, &stmt, &err) < 0);
	assert_null(stmt);
	assert_non_null(strstr(err.msg, "nowhere"));
	source_free(s);
	make("DROP VIEW ended_connections", t);
	assert_true(source_new(t->path, &node, &s, &err) < 0);
	assert_non_null(strstr(err.msg, "ended_connections"));
}

/* Writes nonsense over the page where the rows of @table begin. */
static void damage(struct tempdb *t, const char *table)
{
	char sql[128];
	char page[4096];
	sqlite3 *db = NULL;
	long root;
	int fd;

	assert_int_equal(sqlite3_open(t->path, &db), SQLITE_OK);
	snprintf(sql, sizeof(sql), "SELECT rootpage FROM sqlite_schema WHERE name = '%s'", table);
	root = tempdb_number(db, sql);
	sqlite3_close(db);
	memset(page, 0xee, sizeof(page));
	fd = open(t->path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, page, sizeof(page), (root - 1) * (off_t)sizeof(page)),
			 sizeof(page));
	close(fd);
}

static void what_is_damaged_is_told_by_its_path_and_is_no_end_of_the_rows(void **state)
{
	struct tempdb *t = *state;
	struct source_batch batch = {.most = 100};
	struct body *body = NULL;
	struct source *s;
	struct err err = {0};
	int64_t rows = -1, newest_id = -1;

	make("PRAGMA wal_checkpoint(TRUNCATE)", t);
	damage(t, "connection");
	s = opened(t);
	assert_int_equal(body_new(&body, &err), 0);
	assert_int_equal(source_read_batch(s, &batch, body, &err), -EUCLEAN);
	assert_non_null(strstr(err.msg, "h.db: reading what is to be sent: "));
	assert_false(batch.is_last);
	assert_int_equal(source_count(s, 0, &rows, &newest_id, &err), -EUCLEAN);
	assert_int_equal(rows, -1);
	body_free(body);
	source_free(s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, tempdb_setup, tempdb_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_database_that_is_not_there_or_goes_away_is_told),
		TEST(a_database_without_what_is_to_be_sent_is_told),
		TEST(what_is_damaged_is_told_by_its_path_and_is_no_end_of_the_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
