#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "tempdb.h"

/* Makes a database with @sql by plain SQLite. */
static void make_foreign(const char *path, const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void assert_refused(const char *path, int code, const char *words)
{
	struct err err = {0};
	sqlite3 *db = NULL;

	assert_int_equal(db_open_writer(path, false, &db, &err), code);
	assert_null(db);
	if (!strstr(err.msg, words) || strncmp(err.msg, path, strlen(path)) != 0)
		fail_msg("%s", err.msg);
}

static void a_new_database_is_ours_in_wal_mode_and_at_the_newest_schema(void **state)
{
	struct tempdb *f = *state;
	struct err err = {0};
	sqlite3 *db = NULL;

	assert_int_equal(db_open_writer(f->path, false, &db, &err), 0);
	assert_int_equal(tempdb_number(db, "PRAGMA application_id"), DB_APPLICATION_ID);
	assert_int_equal(tempdb_number(db, "PRAGMA user_version"), db_schema_version());
	assert_int_equal(tempdb_number(db, "SELECT 'wal' = (SELECT * FROM pragma_journal_mode)"),
			 1);
	assert_int_equal(tempdb_number(db, "PRAGMA synchronous"), 1);
	assert_int_equal(tempdb_number(db, "PRAGMA auto_vacuum"), 2);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM pragma_table_list"
					   " WHERE type = 'table' AND NOT strict"
					   " AND name NOT LIKE 'sqlite_%'"),
			 0);
	db_close(db);
}

static void durable_means_that_each_commit_is_synchronised(void **state)
{
	struct tempdb *f = *state;
	struct err err = {0};
	sqlite3 *db = NULL;

	assert_int_equal(db_open_writer(f->path, true, &db, &err), 0);
	assert_int_equal(tempdb_number(db, "PRAGMA synchronous"), 2);
	db_close(db);
}

static void opening_again_keeps_what_is_there(void **state)
{
	struct tempdb *f = *state;
	struct err err = {0};
	sqlite3 *db = NULL;

	assert_int_equal(db_open_writer(f->path, false, &db, &err), 0);
	assert_int_equal(
		db_exec(db,
			"INSERT INTO gap(id, from_us, to_us, reason, count) VALUES(1, 2, 3, 'stopped', NULL)",
			&err),
		0);
	db_close(db);
	db = NULL;
	assert_int_equal(db_open_writer(f->path, false, &db, &err), 0);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM gap"), 1);
	db_close(db);
}

static void after_a_clean_end_wal_and_shm_stay_for_readers_without_rights(void **state)
{
	struct tempdb *f = *state;
	struct err err = {0};
	char path[128];
	sqlite3 *db = NULL;

	assert_int_equal(db_open_writer(f->path, false, &db, &err), 0);
	db_close(db);
	snprintf(path, sizeof(path), "%s-wal", f->path);
	assert_int_equal(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s-shm", f->path);
	assert_int_equal(access(path, F_OK), 0);
}

static void what_is_no_database_is_refused_and_stays_as_it_is(void **state)
{
	struct tempdb *f = *state;
	const char *text = "this is a text file, long enough to be read as a header of SQLite,"
			   " which has one hundred bytes in all, and some more\n";
	char back[256] = "";
	int fd;

	write_file(f->path, text);
	assert_refused(f->path, -EINVAL, "is not a SQLite database");
	fd = open(f->path, O_RDONLY);
	assert_int_equal(read(fd, back, sizeof(back)), strlen(text));
	close(fd);
	assert_string_equal(back, text);
}

static void the_database_of_another_application_is_refused(void **state)
{
	struct tempdb *f = *state;
	sqlite3 *db = NULL;

	make_foreign(f->path, "CREATE TABLE notes(text)");
	assert_refused(f->path, -EINVAL, "of another application");
	unlink(f->path);
	make_foreign(f->path, "PRAGMA application_id = 7; PRAGMA user_version = 1;");
	assert_refused(f->path, -EINVAL, "of another application");
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(tempdb_number(db, "PRAGMA application_id"), 7);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM sqlite_schema"), 0);
	sqlite3_close(db);
}

static void a_newer_schema_is_refused_by_both_programs(void **state)
{
	struct tempdb *f = *state;
	struct err err = {0};
	sqlite3 *db = NULL;

	assert_int_equal(db_open_writer(f->path, false, &db, &err), 0);
	assert_int_equal(db_exec(db, "PRAGMA user_version = 99", &err), 0);
	db_close(db);
	db = NULL;
	assert_refused(f->path, -EPROTO, "newer than this program's");
	assert_int_equal(db_open_reader(f->path, &db, &err), -EPROTO);
	assert_null(db);
}

static void a_folder_and_a_path_into_nowhere_are_refused_with_the_remedy(void **state)
{
	struct tempdb *f = *state;
	char path[128];

	assert_refused(f->folder, -EISDIR, "name a file in it");
	snprintf(path, sizeof(path), "%s/no/h.db", f->folder);
	assert_refused(path, -ENOENT, "create it first");
}

/* SQLite would take these for other things than files. */
static void a_name_is_that_of_a_file(void **state)
{
	static const char *const names[] = {"file:h.db?mode=rwc", "file:h.db?vfs=unix-none",
					    ":memory:", "file::memory:"};
	struct tempdb *f = *state;
	struct err err = {0};
	char *here = getcwd(NULL, 0);
	sqlite3 *db = NULL;

	assert_int_equal(chdir(f->folder), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char side[64];

		assert_int_equal(db_open_reader(names[i], &db, &err), -ENOENT);
		assert_int_equal(db_open_writer(names[i], false, &db, &err), 0);
		db_close(db);
		db = NULL;
		assert_int_equal(db_open_reader(names[i], &db, &err), 0);
		db_close(db);
		db = NULL;
		assert_int_equal(access("h.db", F_OK), -1);
		for (int k = 0; k < 3; k++) {
			snprintf(side, sizeof(side), "%s%s", names[i],
				 k == 0	  ? ""
				 : k == 1 ? "-wal"
					  : "-shm");
			assert_int_equal(unlink(side), 0);
		}
	}
	assert_int_equal(chdir(here), 0);
	free(here);
}

static void a_pipe_is_refused_and_not_waited_for(void **state)
{
	struct tempdb *f = *state;
	struct err err = {0};
	sqlite3 *db = NULL;

	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(db_open_reader(f->path, &db, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "is no regular file"));
	assert_refused(f->path, -EINVAL, "is no regular file");
	assert_int_equal(db_open_reader("/dev/null", &db, &err), -EINVAL);
}

static void a_reader_needs_a_history(void **state)
{
	struct tempdb *f = *state;
	struct err err = {0};
	sqlite3 *db = NULL;

	assert_int_equal(db_open_reader(f->path, &db, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "start connmon-collect"));
	write_file(f->path, "");
	assert_int_equal(db_open_reader(f->path, &db, &err), -ENODATA);
	assert_non_null(strstr(err.msg, "holds no history yet"));
	assert_null(db);
}

static void on_a_reader_nothing_but_a_select_compiles(void **state)
{
	static const char *const forbidden[] = {
		"DELETE FROM gap",
		"INSERT INTO gap(id, from_us, to_us, reason, count) VALUES(1, 2, 3, 'stopped', NULL)",
		"UPDATE run SET lost = 0",
		"CREATE TEMP TABLE t(x)",
		"CREATE TABLE t(x)",
		"DROP VIEW connections",
		"ATTACH '/tmp/connmon-never.db' AS other",
		"VACUUM INTO '/tmp/connmon-never.db'",
		"PRAGMA query_only = OFF",
		"PRAGMA writable_schema = ON",
		"BEGIN",
		"SELECT load_extension('x')",
		"SELECT fts3_tokenizer('simple')",
		"SELECT fts3_tokenizer('mine', x'0102030405060708')",
		"SELECT sqlite_log(1, 'x')",
		"SELECT * FROM pragma_user_version(7)",
		"PRAGMA user_version = 7",
		"PRAGMA journal_mode = DELETE",
		"PRAGMA temp_store_directory = '/tmp'",
		"PRAGMA trusted_schema = ON",
		"PRAGMA wal_checkpoint",
		"PRAGMA optimize",
		"REINDEX",
		"ANALYZE",
		"SAVEPOINT a",
		"DETACH main",
		"INSERT INTO gap SELECT * FROM gap RETURNING 1",
		"WITH g AS (SELECT 1) DELETE FROM gap",
		"CREATE VIRTUAL TABLE temp.v USING json_each",
		"CREATE TEMP TRIGGER t AFTER INSERT ON gap BEGIN SELECT 1; END",
		"UPDATE sqlite_master SET sql = ''",
		"UPDATE sqlite_schema SET sql = ''",
		"SELECT \"no such column\"",
	};
	struct tempdb *f = *state;
	struct err err = {0};
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;

	assert_int_equal(db_open_writer(f->path, false, &db, &err), 0);
	db_close(db);
	db = NULL;
	assert_int_equal(db_open_reader(f->path, &db, &err), 0);
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		int ret = db_prepare(db, forbidden[i], &stmt, &err);

		if (ret == 0) { /* what compiles must fail when it runs */
			int rc = sqlite3_step(stmt);

			ret = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -EINVAL;
			sqlite3_finalize(stmt);
		}
		if (ret == 0)
			fail_msg("allowed: %s", forbidden[i]);
	}
	assert_int_equal(access("/tmp/connmon-never.db", F_OK), -1);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM pragma_table_info('gap')"), 7);
	assert_int_equal(tempdb_number(db, "SELECT * FROM pragma_user_version"),
			 db_schema_version());
	assert_int_equal(tempdb_number(db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
					   " FROM n WHERE i < 5) SELECT sum(i) FROM n"),
			 15);
	db_close(db);
}

static void one_statement_at_a_time_and_not_none(void **state)
{
	struct tempdb *f = *state;
	struct err err = {0};
	sqlite3 *db = NULL;
	AUTO_STMT *stmt = NULL;

	assert_int_equal(db_open_writer(f->path, false, &db, &err), 0);
	db_close(db);
	assert_int_equal(db_open_reader(f->path, &db, &err), 0);
	assert_int_equal(db_prepare(db, "SELECT 1; SELECT 2", &stmt, &err), -EINVAL);
	assert_int_equal(db_prepare(db, "  ", &stmt, &err), -EINVAL);
	assert_int_equal(db_prepare(db, "SELEC 1", &stmt, &err), -EINVAL);
	assert_null(stmt);
	assert_int_equal(db_prepare(db, "SELECT 1; -- that is all", &stmt, &err), 0);
	sqlite3_finalize(stmt);
	stmt = NULL;
	db_close(db);
}

static void what_the_writers_own_statements_miss_is_damage(void **state)
{
	struct tempdb *f = *state;
	AUTO_DB *writer = NULL;
	AUTO_DB *reader = NULL;
	AUTO_STMT *stmt = NULL;
	struct err err = {0};

	assert_int_equal(db_open_writer(f->path, false, &writer, &err), 0);
	assert_int_equal(db_open_reader(f->path, &reader, &err), 0);
	assert_int_equal(db_prepare(writer, "SELECT id FROM connectiom", &stmt, &err), -EUCLEAN);
	assert_int_equal(db_prepare(reader, "SELECT id FROM connectiom", &stmt, &err), -EINVAL);
	assert_string_equal(err.msg, "no such table: connectiom");
}

static void statements_between_begin_and_end_are_of_one_moment_and_the_guard_stays(void **state)
{
	struct tempdb *f = *state;
	AUTO_DB *writer = NULL;
	AUTO_DB *reader = NULL;
	AUTO_STMT *stmt = NULL;
	struct err err = {0};

	assert_int_equal(db_open_writer(f->path, false, &writer, &err), 0);
	assert_int_equal(db_open_reader(f->path, &reader, &err), 0);
	assert_int_equal(db_exec_ours(reader, "BEGIN", &err), 0);
	assert_int_equal(tempdb_number(reader, "SELECT count(*) FROM gap"), 0);
	tempdb_run(writer, "INSERT INTO gap (from_us, to_us, reason) VALUES (1, 2, 'stopped')");
	assert_int_equal(tempdb_number(reader, "SELECT count(*) FROM gap"), 0);
	assert_int_equal(db_prepare(reader, "END", &stmt, &err), -EINVAL);
	assert_int_equal(db_exec_ours(reader, "END", &err), 0);
	assert_int_equal(tempdb_number(reader, "SELECT count(*) FROM gap"), 1);
	/* A writer has no guard, and gets none. */
	assert_int_equal(db_exec_ours(writer, "BEGIN; END", &err), 0);
	tempdb_run(writer, "DELETE FROM gap");
}

#define WAL_LIMIT (64 << 20)

static off_t wal_bytes(const struct tempdb *f)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s-wal", f->path);
	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static void a_wal_that_a_reader_made_grow_shrinks_when_it_has_left(void **state)
{
	struct tempdb *f = *state;
	AUTO_DB *writer = NULL;
	sqlite3 *reader = NULL;
	struct err err = {0};

	assert_int_equal(db_open_writer(f->path, false, &writer, &err), 0);
	tempdb_run(writer, "CREATE TABLE much (id INTEGER PRIMARY KEY, bytes BLOB)");
	assert_int_equal(db_open_reader(f->path, &reader, &err), 0);
	assert_int_equal(db_exec_ours(reader, "BEGIN", &err), 0);
	assert_int_equal(tempdb_number(reader, "SELECT count(*) FROM gap"), 0);
	for (int i = 0; i < 5; i++)
		tempdb_run(writer, "REPLACE INTO much VALUES (1, zeroblob(16000000))");
	assert_true(wal_bytes(f) > WAL_LIMIT);
	db_close(reader);
	for (int i = 0; i < 2; i++) /* one is copied back at its end, the next begins anew */
		tempdb_run(writer, "REPLACE INTO much VALUES (1, zeroblob(100000))");
	assert_true(wal_bytes(f) <= WAL_LIMIT);
}

/* What is waited for when a file cannot be read must not be taken for a wish to end. */
static void an_interrupt_is_told_from_a_file_that_cannot_be_read(void **state)
{
	(void)state;
	assert_int_equal(db_errno(SQLITE_INTERRUPT), -EINTR);
	assert_int_equal(db_errno(SQLITE_IOERR_READ), -EIO);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, tempdb_setup, tempdb_teardown)
	const struct CMUnitTest tests[] = {
		T(a_new_database_is_ours_in_wal_mode_and_at_the_newest_schema),
		T(durable_means_that_each_commit_is_synchronised),
		T(opening_again_keeps_what_is_there),
		T(after_a_clean_end_wal_and_shm_stay_for_readers_without_rights),
		T(what_is_no_database_is_refused_and_stays_as_it_is),
		T(the_database_of_another_application_is_refused),
		T(a_newer_schema_is_refused_by_both_programs),
		T(a_folder_and_a_path_into_nowhere_are_refused_with_the_remedy),
		T(a_name_is_that_of_a_file),
		T(a_pipe_is_refused_and_not_waited_for),
		T(a_reader_needs_a_history),
		T(on_a_reader_nothing_but_a_select_compiles),
		T(one_statement_at_a_time_and_not_none),
		T(what_the_writers_own_statements_miss_is_damage),
		T(statements_between_begin_and_end_are_of_one_moment_and_the_guard_stays),
		cmocka_unit_test(an_interrupt_is_told_from_a_file_that_cannot_be_read),
		T(a_wal_that_a_reader_made_grow_shrinks_when_it_has_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
