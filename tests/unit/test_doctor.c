/* The doctor finds each thing that can be wrong with a database and its collector, and names a
 * remedy. What it finds of this node (kernel, clock, disk) is not asked here. */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "doctor.h"
#include "tempdb.h"

#define NOW    INT64_C(1769860800000000)
#define SECOND INT64_C(1000000)
#define NOBODY 65534

/* Rows as the collector writes them: a run that committed a second ago and goes on. */
#define RUN                                                                                        \
	"INSERT INTO run VALUES (1, 'b', '1', 77, 1769600000000000, NULL, 1769860799000000, 30,"   \
	" 30, 0, 0, 0);"
#define ROW                                                                                        \
	"INSERT INTO local_address VALUES (1, 1, '10.0.0.1');"                                     \
	"INSERT INTO connection (id, duration_us, direction, outcome, flags, peer_addr,"           \
	" peer_port, local_port, tx_bytes, rx_bytes, retransmits, local_id)"                       \
	" VALUES (1769800000000000, 1, 0, 2, 0, '10.0.0.2', 80, 4000, 0, 0, 0, 1);"

#define MAX_FINDINGS 32

/* What was found, as text; NULL is "". */
struct found {
	char cells[MAX_FINDINGS][4][512];
	size_t n;
	int n_failed;
};

static void examine(struct tempdb *t, struct found *f)
{
	AUTO_ROWS *rows = NULL;
	AUTO_CURSOR cursor = {0};
	struct err err = {0};

	if (doctor_examine(t->path, NOW, TIMESPEC_UTC, &rows, &f->n_failed, &err) ||
	    rows_begin(rows, &cursor, &err))
		fail_msg("%s", err.msg);
	for (f->n = 0; f->n < MAX_FINDINGS && rows_next(&cursor, &err) > 0; f->n++)
		for (int i = 0; i < 4; i++)
			snprintf(f->cells[f->n][i], sizeof(f->cells[0][0]), "%s",
				 cursor.cells[i].type == SQLITE_TEXT ? cursor.cells[i].text : "");
}

/* Column @column of the first finding of @check, or of its state @state. */
static const char *cell(const struct found *f, const char *check, const char *state, int column)
{
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->cells[i][0], check) && (!state || !strcmp(f->cells[i][1], state)))
			return f->cells[i][column];
	fail_msg("there is no %s of %s", state ? state : "finding", check);
	return NULL;
}

/* The check says @state, with @finding and @remedy within its words. */
static void expect(struct tempdb *t, const char *check, const char *state, const char *finding,
		   const char *remedy)
{
	static struct found f;
	const char *text, *cure;

	examine(t, &f);
	text = cell(&f, check, state, 2);
	cure = cell(&f, check, state, 3);
	if (!strstr(text, finding))
		fail_msg("%s %s: \"%s\" is not \"%s\"", check, state, text, finding);
	if (!strstr(cure, remedy))
		fail_msg("%s %s: \"%s\" is not \"%s\"", check, state, cure, remedy);
	assert_int_equal(cure[0] == '\0', !strcmp(state, "ok"));
	assert_true(f.n_failed > 0 || strcmp(state, "fail") != 0);
}

static sqlite3 *make(struct tempdb *t, const char *rows)
{
	sqlite3 *db = NULL;
	struct err err = {0};

	if (db_open_writer(t->path, false, &db, &err))
		fail_msg("%s", err.msg);
	tempdb_run(db, rows);
	return db;
}

static void write_text(struct tempdb *t, const char *text)
{
	FILE *f = fopen(t->path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* ---- no database ---- */

static void without_a_database_it_says_so_and_looks_at_the_rest(void **state)
{
	static struct found f;

	examine(*state, &f);
	assert_int_equal(f.n_failed, 1);
	assert_string_equal(cell(&f, "database", "fail", 3),
			    "start connmon-collect, or name the file with --db");
	cell(&f, "disk", NULL, 2);
	cell(&f, "kernel", NULL, 2);
	cell(&f, "permissions", NULL, 2);
	cell(&f, "clock", NULL, 2);
}

static void what_is_no_history_is_refused_with_what_it_is(void **state)
{
	struct tempdb *t = *state;
	AUTO_DB *other = NULL;

	write_text(t, "this is not a database, but it is long enough to have a header, if SQLite "
		      "looks at that: a hundred bytes");
	expect(t, "database", "fail", "is not a SQLite database", "--db");
	write_text(t, "");
	expect(t, "database", "fail", "holds no history yet", "start connmon-collect");
	assert_int_equal(sqlite3_open(t->path, &other), SQLITE_OK);
	tempdb_run(other, "CREATE TABLE t (x)");
	expect(t, "database", "fail", "of another application", "--db");
	tempdb_run(other, "PRAGMA application_id = 1129205070; PRAGMA user_version = 9999");
	expect(t, "database", "fail", "newer than this program", "upgrade connmon");
}

static void an_older_schema_is_a_warning(void **state)
{
	db_close(make(*state, RUN "PRAGMA user_version = 2"));
	expect(*state, "database", "warn", "has schema 2, older", "start connmon-collect");
}

/* As user nobody, who is not held back by being root. */
static void expect_as_nobody(struct tempdb *t, const char *finding, const char *remedy)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (getuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
			_exit(2);
		expect(t, "database", "fail", finding, remedy);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void a_file_that_may_not_be_read_is_told_with_its_remedy(void **state)
{
	struct tempdb *t = *state;

	db_close(make(t, RUN));
	assert_int_equal(chmod(t->folder, 0755), 0);
	assert_int_equal(chmod(t->path, 0), 0);
	expect_as_nobody(t, "no permission", "run as root");
	assert_int_equal(chmod(t->path, 0644), 0);
	assert_int_equal(chmod(t->folder, 0), 0);
	expect_as_nobody(t, "no permission", "run as root");
	assert_int_equal(chmod(t->folder, 0755), 0);
}

static void a_folder_in_which_no_shm_can_be_made_is_told_with_its_remedy(void **state)
{
	struct tempdb *t = *state;
	char path[128];

	db_close(make(t, RUN));
	for (int i = 0; i < 2; i++) { /* as after a copy of the database alone */
		snprintf(path, sizeof(path), "%s%s", t->path, i ? "-shm" : "-wal");
		assert_int_equal(unlink(path), 0);
	}
	assert_int_equal(chmod(t->path, 0644), 0);
	assert_int_equal(chmod(t->folder, 0555), 0);
	expect_as_nobody(t, "-wal and -shm can be neither read nor made", "ask as root");
	assert_int_equal(chmod(t->folder, 0755), 0);
}

/* ---- damage ---- */

static void overwrite(struct tempdb *t, long at, size_t len)
{
	FILE *f = fopen(t->path, "r+");

	assert_non_null(f);
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	for (size_t i = 0; i < len; i++)
		fputc(0xa5, f);
	assert_int_equal(fclose(f), 0);
}

static void a_damaged_page_is_a_failure(void **state)
{
	AUTO_DB *db = make(*state, RUN ROW);
	const long page = tempdb_number(db, "SELECT rootpage FROM sqlite_schema"
					    " WHERE name = 'connection'");

	tempdb_run(db, "PRAGMA wal_checkpoint(TRUNCATE)");
	db_close(db);
	db = NULL;
	overwrite(*state, (page - 1) * 4096, 4096);
	expect(*state, "damage", "fail", "Page", "restart connmon-collect");
	expect(*state, "history", "fail", "malformed", "restart connmon-collect");
}

static void a_file_that_was_cut_is_a_failure(void **state)
{
	struct tempdb *t = *state;
	AUTO_DB *db = make(t, RUN ROW);

	tempdb_run(db, "PRAGMA wal_checkpoint(TRUNCATE)");
	db_close(db);
	db = NULL;
	assert_int_equal(truncate(t->path, 20000), 0);
	expect(t, "database", "fail", "malformed", "restart connmon-collect");
}

static void a_view_in_place_of_a_table_cannot_hold_it_up(void **state)
{
	db_close(make(*state, RUN "DROP TABLE gap; CREATE VIEW gap AS WITH RECURSIVE n(x) AS"
				  " (VALUES (1) UNION ALL SELECT x + 1 FROM n) SELECT 'stopped' AS"
				  " reason, x AS count, 9e18 + x AS to_us, 1 AS from_us,"
				  " 0 AS uid, 1 AS uid_count FROM n"));
	expect(*state, "losses", "warn", "took longer than", "begin a new database");
}

/* ---- the collector ---- */

static void a_collector_that_writes_is_well(void **state)
{
	AUTO_DB *db = make(*state, RUN ROW);
	static struct found f;

	assert_non_null(db);
	examine(*state, &f);
	assert_int_equal(f.n_failed, 0);

	expect(*state, "database", "ok", "can be read, schema ", "");
	expect(*state, "damage", "ok", "none", "");
	expect(*state, "collector", "ok", "last wrote 1.0s ago", "");
	expect(*state, "losses", "ok", "no gap in 24 h", "");
	expect(*state, "history", "ok", "connections since 2026-01-30 19:06:40Z (16h53m)", "");
}

static void one_that_does_not_run_is_a_failure(void **state)
{
	AUTO_DB *db = make(*state, "");

	expect(*state, "collector", "fail", "none has recorded", "start connmon-collect");
	tempdb_run(db, RUN "UPDATE run SET stop_us = 1769860799000000");
	expect(*state, "collector", "fail", "none is running since 2026-01-31 11:59:59Z, 1.0s ago",
	       "start connmon-collect");
	tempdb_run(db, "UPDATE run SET stop_us = NULL, last_commit_us = 1769860600000000");
	expect(*state, "collector", "fail", "the last one was killed", "start connmon-collect");
}

/* A child that holds the lock of a collector. */
static pid_t hold_lock(struct tempdb *t)
{
	char path[128], byte;
	int ready[2];
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

		snprintf(path, sizeof(path), "%s.lock", t->path);
		if (fcntl(open(path, O_RDWR | O_CREAT, 0600), F_SETLK, &lock) == 0 &&
		    write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void one_that_runs_and_is_silent_is_a_warning(void **state)
{
	AUTO_DB *db = make(*state, RUN "UPDATE run SET last_commit_us = 1769860500000000");
	const pid_t pid = hold_lock(*state);
	char who[96];

	snprintf(who, sizeof(who),
		 "process %d (test_doctor, user %u) runs, but last wrote 5m00s ago", (int)pid,
		 getuid());
	expect(*state, "collector", "warn", who, "standard error");
	expect(*state, "retention", "ok", "--retain 30d --retain-totals 400d --max-size 4G", "");
	tempdb_run(db, ROW "UPDATE connection SET id = 1700000000000000");
	expect(*state, "retention", "warn", "but the oldest connection is 808d", "standard error");
	end(pid);
	expect(*state, "collector", "fail", "none is running since", "start connmon-collect");
	expect(*state, "retention", "ok", "not known while no collector is seen", "");
}

/* ---- losses ---- */

static void gaps_of_a_day_are_told_each_with_its_remedy(void **state)
{
	static const char *const reasons[][2] = {
		{"ring_full", "--ring"},    {"table_full", "--max-open"}, {"recursion", "none"},
		{"stopped", "--pin"},	    {"disk_full", "--max-size"},  {"corrupt", "set aside"},
		{"set_aside", "set aside"}, {"pruned", "--max-size"},
	};
	AUTO_DB *db = make(*state, RUN);
	char sql[256], finding[64];

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		snprintf(sql, sizeof(sql),
			 "DELETE FROM gap; INSERT INTO gap (from_us, to_us, reason, count) VALUES"
			 " (1, %lld, '%s', 7), (1, %lld, '%s', 5), (1, %lld, '%s', 99)",
			 (long long)(NOW - SECOND), reasons[i][0], (long long)(NOW - 2 * SECOND),
			 reasons[i][0], (long long)(NOW - 86401 * SECOND), reasons[i][0]);
		tempdb_run(db, sql);
		snprintf(finding, sizeof(finding), "2 gaps in 24 h (%s), 12 events or more",
			 reasons[i][0]);
		expect(*state, "losses", "warn", finding, reasons[i][1]);
	}
	tempdb_run(db, "UPDATE gap SET uid = 1000, uid_count = 3");
	expect(*state, "losses", "warn", "12 events or more; the last ended", "");
	tempdb_run(db, "UPDATE gap SET uid_count = 4");
	expect(*state, "losses", "warn", "12 events or more, mostly of uid 1000; the last", "");
	tempdb_run(db, "UPDATE gap SET count = NULL");
	expect(*state, "losses", "warn", "nobody knows how many", "");
	tempdb_run(db, "DELETE FROM gap WHERE to_us > 1769774400000000");
	expect(*state, "losses", "ok", "no gap in 24 h", "");
}

static void the_account_of_the_last_run_is_told(void **state)
{
	static struct found f;
	AUTO_DB *db = make(*state, RUN);

	expect(*state, "account", "ok", "has met no end yet", "");
	tempdb_run(db, "INSERT INTO account VALUES (1, 'end', 30, 28, 0, 2)");
	expect(*state, "account", "ok",
	       "of 30 ends that the last run saw, 28 are recorded, 0 lost, 2", "");
	tempdb_run(db, "UPDATE account SET recorded = 25, lost = 3");
	expect(*state, "account", "warn", "25 are recorded, 3 lost", "connmon-query gaps");
	/* While it runs, some may be on their way. */
	tempdb_run(db, "UPDATE account SET lost = 0");
	expect(*state, "account", "ok", "25 are recorded, 0 lost", "");
	tempdb_run(db, "UPDATE run SET stop_us = last_commit_us");
	examine(*state, &f);
	assert_non_null(strstr(cell(&f, "account", "warn", 2), "saw 30 ends, but recorded 25"));
}

static void what_was_heard_of_names_is_told_and_what_was_not(void **state)
{
	static const struct {
		const char *column, *finding, *remedy;
	} losses[] = {
		{"dropped", "7 packets dropped", "give connmon-collect a processor"},
		{"overflow", "7 names without room", "names that he makes up"},
		{"pruned", "7 rows deleted, the oldest", "--max-size"},
		{"malformed", "7 malformed packets", "no DNS"},
		{"fragments", "7 fragments", "over TCP"},
		{"cut", "7 packets of which only a part was there", "over TCP"},
	};
	AUTO_DB *db = make(*state, RUN);

	expect(*state, "names", "ok", "told --no-dns, or has no CAP_NET_RAW", "");
	tempdb_run(db,
		   "INSERT INTO dns_account VALUES (1, 9, 4, 0, 0, 0, 0, 0, 0, 0, 0);"
		   "INSERT INTO dns_name VALUES ('192.0.2.1', 'a.test', '192.0.2.53', 1, 2, 3)");
	expect(*state, "names", "ok",
	       "1 kept; of 9 packets from port 53 that the last run read, 4 had some", "");
	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
		char *sql = sqlite3_mprintf("UPDATE dns_account SET \"%w\" = 7", losses[i].column);

		tempdb_run(db, sql);
		sqlite3_free(sql);
		expect(*state, "names", "warn", losses[i].finding, losses[i].remedy);
		tempdb_run(db, "UPDATE dns_account SET dropped = 0, overflow = 0, pruned = 0,"
			       " malformed = 0, fragments = 0, cut = 0");
	}
}

/* ---- the WAL ---- */

/* A child that reads, and does not end its transaction. */
static pid_t hold_reader(struct tempdb *t)
{
	char byte;
	int ready[2];
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		sqlite3 *db = NULL;

		if (sqlite3_open(t->path, &db) == SQLITE_OK &&
		    sqlite3_exec(db, "BEGIN; SELECT count(*) FROM run", NULL, NULL, NULL) ==
			    SQLITE_OK &&
		    write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void who_keeps_a_long_wal_from_being_used_again_is_named(void **state)
{
	struct tempdb *t = *state;
	AUTO_DB *db = make(t, RUN);
	char who[96];
	pid_t pid;

	expect(t, "wal", "ok", "K", "");
	pid = hold_reader(t);
	snprintf(who, sizeof(who),
		 "a read transaction is open in process %d (test_doctor, user %u)", (int)pid,
		 getuid());
	expect(t, "wal", "ok", who, "");
	tempdb_run(db, "CREATE TABLE big (x); INSERT INTO big VALUES (zeroblob(70 << 20))");
	expect(t, "wal", "warn", who, "end that transaction");
	end(pid);
	expect(t, "wal", "warn", "nobody reads it", "start connmon-collect");
	tempdb_run(db, "PRAGMA wal_checkpoint(TRUNCATE)");
	expect(t, "wal", "ok", "empty", "");
	/* Now the database is long: only its ends are looked at. */
	expect(t, "damage", "ok", "at the ends of its tables", "");
}

/* ---- the clock ---- */

static void steps_of_the_clock_are_told(void **state)
{
	AUTO_DB *db = make(*state, RUN "INSERT INTO clock VALUES (1769600000000000, 1, 1000),"
				       " (1769860000000000, 1, 1500)");
	static struct found f;

	examine(*state, &f);
	for (size_t i = 0; i < f.n; i++)
		assert_null(strstr(f.cells[i][2], "was set"));
	tempdb_run(db, "INSERT INTO clock VALUES (1769860003000000, 1, 3001500)");
	expect(*state, "clock", "warn", "was set 1 time in 24 h, by up to 3.0s", "chronyd");
	tempdb_run(db, "UPDATE run SET last_commit_us = 1769860805000000");
	expect(*state, "clock", "warn", "is 5.0s behind what the collector wrote", "chronyd");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, tempdb_setup, tempdb_teardown)
	const struct CMUnitTest tests[] = {
		TEST(without_a_database_it_says_so_and_looks_at_the_rest),
		TEST(what_is_no_history_is_refused_with_what_it_is),
		TEST(an_older_schema_is_a_warning),
		TEST(a_file_that_may_not_be_read_is_told_with_its_remedy),
		TEST(a_folder_in_which_no_shm_can_be_made_is_told_with_its_remedy),
		TEST(a_damaged_page_is_a_failure),
		TEST(a_file_that_was_cut_is_a_failure),
		TEST(a_view_in_place_of_a_table_cannot_hold_it_up),
		TEST(a_collector_that_writes_is_well),
		TEST(one_that_does_not_run_is_a_failure),
		TEST(one_that_runs_and_is_silent_is_a_warning),
		TEST(gaps_of_a_day_are_told_each_with_its_remedy),
		TEST(the_account_of_the_last_run_is_told),
		TEST(what_was_heard_of_names_is_told_and_what_was_not),
		TEST(who_keeps_a_long_wal_from_being_used_again_is_named),
		TEST(steps_of_the_clock_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
