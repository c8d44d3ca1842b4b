/* A disk that becomes full again and again while connections come without a pause, on real file
 * systems: each time the collector waits, says so, rarely, and goes on once there is room; no
 * connection is lost. Many more rounds with CONNMON_FAULT_ALL in the environment. */
#include "disk.h"
#include "load.h"
#include "log_lines.h"
#include "status.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "program.h"

#define FEW	  2
#define MANY	  40
#define MEANWHILE 500 /* connections while it is full */
#define NS_PER_MS 1000000
#define QUICK_S	  30 /* of an hour that must be left */
#define LONG_S	  300

static struct disk disk;
static int64_t start_ns;

static bool all(void)
{
	return getenv("CONNMON_FAULT_ALL");
}

/* Rows of an hour that is over may go for a disk that is nearly full: all are of one. */
static void stay_within_an_hour(void)
{
	const time_t left = 3600 - time(NULL) % 3600;

	if (left < (all() ? LONG_S : QUICK_S))
		sleep((unsigned int)left + 1);
}

static struct node *on(enum disk_kind kind, const char *ring)
{
	struct node *n = node_new();

	stay_within_an_hour();
	disk_make(&disk, kind, n);
	status_begin(n);
	start_ns = now_ns();
	node_start(n, (const char *const[]){"--flush", "100ms", "--ring", ring, NULL});
	return n;
}

static int on_tmpfs(void **state)
{
	*state = on(DISK_TMPFS, "16M");
	return 0;
}

static int on_ext4(void **state)
{
	*state = on(DISK_EXT4, "16M");
	return 0;
}

static int on_quota(void **state)
{
	*state = on(DISK_QUOTA, "16M");
	return 0;
}

static int done(void **state)
{
	struct node *n = *state;

	if (n->pid)
		node_crash(n);
	status_end();
	disk_remove(&disk);
	node_free(n);
	return 0;
}

static void assert_whole(struct node *n)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;

	assert_int_equal(waitpid(n->pid, NULL, WNOHANG), 0); /* it runs */
	must(sqlite3_open_v2(n->db_path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK);
	must(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL) == SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	assert_string_equal(sqlite3_column_text(stmt, 0), "ok");
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	assert_int_equal(node_number(n, NODE_OTHER_GAPS, 0), 0);
	assert_int_equal(node_number(n, "SELECT count(*) FROM run WHERE lost > recorded", 0), 0);
}

/* How long it takes to record again once there is room. */
static int64_t fill_and_free(struct load *load, const char *words)
{
	int64_t freed_ns;

	load_wait(load, MEANWHILE);
	disk_fill(&disk);
	status_wait(words);
	load_wait(load, MEANWHILE);
	disk_free(&disk);
	freed_ns = now_ns();
	status_wait("recording to ");
	return now_ns() - freed_ns;
}

static void fill_often(struct node *n, const char *words)
{
	const int rounds = all() ? MANY : FEW;
	long netns = (long)node_stage(n), made = 0;
	int64_t longest_ns = 0;
	char *said;

	for (int i = 0; i < rounds; i++) {
		struct load *load = load_begin();
		int64_t took_ns = fill_and_free(load, words);

		if (took_ns > longest_ns)
			longest_ns = took_ns;
		made += load_end(load);
		node_expect_number(n, NODE_ENDED_ROWS, netns, 2 * made);
		assert_whole(n);
	}
	assert_lines_are_rare(n, start_ns);
	said = file_text(n->err_path);
	assert_non_null(strstr(said, words));
	assert_non_null(strstr(said, "recording again"));
	free(said);
	n->stages[n->n_stages - 1].n_rows = 2 * made;
	the_collector_ends_and_its_account_equals_the_rows((void **)&n);
	print_message("%d times full, %ld connections, 0 lost; recorded again within %ld ms\n",
		      rounds, made, (long)(longest_ns / NS_PER_MS));
}

static void a_tmpfs_that_is_filled_and_enlarged_loses_nothing(void **state)
{
	fill_often(*state, "the disk is full; free some space");
}

static void an_ext4_that_is_filled_and_given_room_loses_nothing(void **state)
{
	fill_often(*state, "the disk is full; free some space");
}

static void a_quota_that_is_used_up_and_raised_loses_nothing(void **state)
{
	fill_often(*state, "the disk quota is used up; free some space, or raise it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_tmpfs_that_is_filled_and_enlarged_loses_nothing,
						on_tmpfs, done),
		cmocka_unit_test_setup_teardown(an_ext4_that_is_filled_and_given_room_loses_nothing,
						on_ext4, done),
		cmocka_unit_test_setup_teardown(a_quota_that_is_used_up_and_raised_loses_nothing,
						on_quota, done),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
