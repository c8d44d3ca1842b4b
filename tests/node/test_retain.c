/* The collector keeps house: a disk that becomes full, a reader that does not end. */
#include "node.h"

#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "db.h"
#include "program.h"

#define MAX_BYTES (64L << 20)
#define OLD_ROWS  200000L
#define LEFT	  (1L << 20) /* of 96 MiB, 1/50 of which is the reserve */

/* ---- a disk that is nearly full ---- */

/* Connections of yesterday, of hours that have their totals. */
static void make_old(const char *path)
{
	struct err err = {0};
	sqlite3 *db = NULL;

	must(db_open_writer(path, false, &db, &err) == 0);
	must(db_exec(db,
		     "INSERT INTO local_address VALUES(1, 1, '10.0.0.1');"
		     "WITH RECURSIVE n(i) AS (VALUES(0) UNION ALL SELECT i + 1 FROM n"
		     " WHERE i < 199999)"
		     "INSERT INTO connection(id, duration_us, direction, outcome, flags, peer_addr,"
		     " peer_port, local_port, tx_bytes, rx_bytes, retransmits, local_id)"
		     " SELECT (unixepoch('now') - 86400) * 1000000 + i * 1000, 1, 0, 2, 0,"
		     " '10.200.100.200', 443, 1, 1, 1, 0, 1 FROM n;"
		     "UPDATE extent SET totals_until_hour = unixepoch('now') / 3600",
		     &err) == 0);
	db_close(db);
}

static int on_disk(void **state)
{
	struct node *n = node_new();
	char disk[80];

	snprintf(disk, sizeof(disk), "%s/disk", n->folder);
	must(mkdir(disk, 0755) == 0);
	must(unshare(CLONE_NEWNS) == 0);
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	must(mount("connmon-test", disk, "tmpfs", 0, "size=96m,mode=755") == 0);
	snprintf(n->db_path, sizeof(n->db_path), "%s/connmon.db", disk);
	make_old(n->db_path);
	node_start(n, (const char *const[]){NULL});
	*state = n;
	return 0;
}

static int off_disk(void **state)
{
	struct node *n = *state;
	char disk[96];

	snprintf(disk, sizeof(disk), "%s/disk", n->folder);
	must(umount2(disk, MNT_DETACH) == 0);
	node_free(n);
	return 0;
}

static long left_on_disk(struct node *n)
{
	struct statvfs fs;

	must(statvfs(n->db_path, &fs) == 0);
	return (long)(fs.f_bavail * fs.f_frsize);
}

static void fill_disk(struct node *n)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/disk/filler", n->folder);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	must(fd >= 0);
	must(posix_fallocate(fd, 0, left_on_disk(n) - LEFT) == 0);
	close(fd);
}

static bool is_said(struct node *n, const char *words)
{
	char *text = file_text(n->err_path);
	bool said = strstr(text, words);

	free(text);
	return said;
}

static void before_the_disk_is_full_the_oldest_go_and_there_is_room_again(void **state)
{
	struct node *n = *state;
	long reserve = (96L << 20) / 50, rows;

	assert_int_equal(node_number(n, "SELECT rows_from_us FROM extent", 0), 0);
	fill_disk(n);
	assert_true(node_reaches(n, "SELECT rows_from_us FROM extent", 0, 1));
	for (int i = 0; i < 1000 && left_on_disk(n) < reserve; i++)
		usleep(10000);
	assert_in_range(left_on_disk(n), reserve, 4 * reserve);
	rows = node_number(n,
			   "SELECT count(*) FROM connection"
			   " WHERE id < (unixepoch('now') - 3600) * 1000000",
			   0);
	assert_in_range(rows, 1, OLD_ROWS - 1); /* and no more than are needed */
	assert_true(is_said(n, "the disk is nearly full"));
	node_fence(n);
	assert_false(is_said(n, "the disk is full"));
}

/* ---- a reader that does not end ---- */

/* What the collector would write in a while, and lets us write by --no-hold. */
static void write_mib(struct node *n, int mib)
{
	struct err err = {0};
	sqlite3 *db = NULL;
	char sql[128];

	must(sqlite3_open(n->db_path, &db) == SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	snprintf(sql, sizeof(sql),
		 "CREATE TABLE IF NOT EXISTS much(b);"
		 "INSERT INTO much VALUES(zeroblob(%d))",
		 mib << 20);
	if (db_exec(db, sql, &err))
		fail_msg("%s", err.msg);
	sqlite3_close(db);
}

static void wait_until_said(struct node *n, const char *words)
{
	for (int i = 0; i < 3000 && !is_said(n, words); i++)
		usleep(10000);
	assert_true(is_said(n, words));
}

static int bounded(void **state)
{
	*state = node_new();
	node_start(*state, (const char *const[]){"--max-size", "64M", "--no-hold", NULL});
	return 0;
}

static int ended(void **state)
{
	node_free(*state);
	return 0;
}

static void storm(struct node *n, long connections)
{
	char many[24];
	struct finished storm;

	snprintf(many, sizeof(many), "%ld", connections);
	node_stage(n);
	storm = program_run((const char *const[]){STORM, "--here", many, "16", "32", NULL}, 0);
	if (storm.code != 0)
		fail_msg("the storm: exit code %d\n%s", storm.code, storm.err);
	n->stages[n->n_stages - 1].n_rows = 2 * connections;
}

/* With what was set aside. */
static void expect_below_bound(struct node *n)
{
	char pattern[128];
	long bytes = 0;
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s*", n->db_path);
	must(glob(pattern, 0, NULL, &found) == 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct stat st;

		must(stat(found.gl_pathv[i], &st) == 0);
		bytes += (long)st.st_size;
	}
	globfree(&found);
	assert_in_range(bytes, 1, MAX_BYTES);
}

static void a_reader_that_does_not_end_is_named_and_recording_goes_on(void **state)
{
	struct node *n = *state;
	sqlite3_stmt *stuck = node_ask(n, "SELECT 1 FROM run", 0);
	char words[64];

	assert_int_equal(sqlite3_step(stuck), SQLITE_ROW);
	snprintf(words, sizeof(words), "process %d (node_retain, user 0) keeps a read",
		 (int)getpid());
	write_mib(n, 16); /* half of the room that the WAL has, and a little more; it may have 24 */
	storm(n, 5000);
	wait_until_said(n, words);
	expect_below_bound(n);
	sqlite3_finalize(stuck);
	node_fence(n);
	assert_false(is_said(n, "it is kept as"));
	the_collector_ends_and_its_account_equals_the_rows(state);
}

/* The last resort. */
static void when_its_wal_has_no_room_left_the_database_is_set_aside_with_what_it_holds(void **state)
{
	struct node *n = *state;
	sqlite3_stmt *stuck = node_ask(n,
				       "SELECT (SELECT count(*) FROM run)"
				       " UNION ALL SELECT count(*) FROM run",
				       0);
	sqlite3 *old = n->db;

	assert_int_equal(sqlite3_step(stuck), SQLITE_ROW);
	write_mib(n, 15);
	write_mib(n, 15);
	storm(n, 20000);
	wait_until_said(n, "it is kept as");
	/* Who reads the old one goes on to. */
	assert_int_equal(sqlite3_step(stuck), SQLITE_ROW);
	assert_int_equal(sqlite3_column_int(stuck, 0), 1);
	sqlite3_finalize(stuck);
	must(sqlite3_open_v2(n->db_path, &n->db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK);
	node_fence(n);
	node_expect_number(n, "SELECT count(*) FROM gap WHERE reason = 'set_aside'", 0, 1);
	assert_in_range(node_number(n, "SELECT count(*) FROM connections", 0), 1, 2 * 20000 + 1000);
	sqlite3_close(old);
	expect_below_bound(n);
}

/* ---- what is to be held ---- */

static int without_folder(void **state)
{
	struct node *n = node_new();
	char file[96];

	snprintf(file, sizeof(file), "%s/not-there/state", n->folder);
	node_start(n, (const char *const[]){"--hold-for", file, NULL});
	*state = n;
	return 0;
}

static void a_folder_to_hold_for_that_is_not_there_is_told_at_the_start(void **state)
{
	char words[160];

	snprintf(words, sizeof(words), "/not-there/state: the folder %s/not-there/ is not there",
		 ((struct node *)*state)->folder);
	assert_true(is_said(*state, words));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_reader_that_does_not_end_is_named_and_recording_goes_on, bounded, ended),
		cmocka_unit_test_setup_teardown(
			when_its_wal_has_no_room_left_the_database_is_set_aside_with_what_it_holds,
			bounded, ended),
		cmocka_unit_test_setup_teardown(
			before_the_disk_is_full_the_oldest_go_and_there_is_room_again, on_disk,
			off_disk),
		cmocka_unit_test_setup_teardown(
			a_folder_to_hold_for_that_is_not_there_is_told_at_the_start, without_folder,
			ended),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
