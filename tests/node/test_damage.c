/* A database that is damaged while the collector records to it, and one found so at the start. */
#include "node.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "db.h"
#include "parts.h"
#include "program.h"

#define N 20

static int setup(void **state)
{
	struct node *n = node_new();

	/* For cut_wal(). */
	node_start(n, (const char *const[]){"--flush", "100ms", "--no-hold", NULL});
	*state = n;
	return 0;
}

static bool told(struct node *n, const char *sentence)
{
	char *words = file_text(n->err_path);
	bool found = strstr(words, sentence);

	free(words);
	return found;
}

static void wait_until_told(struct node *n, const char *sentence)
{
	for (int i = 0; i < 1000; i++) {
		if (told(n, sentence))
			return;
		usleep(10000);
	}
	fail_msg("it does not say: %s\n%s", sentence, file_text(n->err_path));
}

/* Puts nonsense over all but the begin of the file, or cuts it down to that. */
static void damage(const char *path, bool cut)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	must(fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 4096);
	if (cut)
		must(ftruncate(fd, 4096) == 0);
	else
		for (off_t at = 4096; at < st.st_size; at += 8)
			must(pwrite(fd, "nonsense", 8, at) == 8);
	close(fd);
}

static void forget_reader(struct node *n)
{
	db_close(n->db);
	n->db = NULL;
}

/* Cuts off the WAL. What the collector has read it keeps in mind, unless another has written
 * meanwhile; so another does. */
static void cut_wal(struct node *n)
{
	sqlite3 *db = NULL;
	char wal[128];

	snprintf(wal, sizeof(wal), "%s-wal", n->db_path);
	must(sqlite3_open(n->db_path, &db) == SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	must(sqlite3_exec(db, "BEGIN IMMEDIATE; UPDATE extent SET id = 1", NULL, NULL, NULL) ==
	     SQLITE_OK);
	must(truncate(wal, 0) == 0);
	must(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
	sqlite3_close(db);
}

/* The one file that was set aside; its name into @path. */
static void find_set_aside(struct node *n, char path[512])
{
	DIR *d = opendir(n->folder);
	struct dirent *e;
	int found = 0;

	must(d);
	while ((e = readdir(d)))
		if (strstr(e->d_name, ".corrupt-") && !strstr(e->d_name, "-wal") &&
		    !strstr(e->d_name, "-shm")) {
			found++;
			snprintf(path, 512, "%s/%s", n->folder, e->d_name);
		}
	closedir(d);
	assert_int_equal(found, 1);
}

static void remove_set_aside(struct node *n)
{
	static const char *const endings[] = {"", "-wal", "-shm"};
	char path[512], part[528];

	find_set_aside(n, path);
	for (int i = 0; i < 3; i++) {
		snprintf(part, sizeof(part), "%s%s", path, endings[i]);
		unlink(part);
	}
}

static void assert_whole(struct node *n)
{
	assert_int_equal(
		node_number(n,
			    "SELECT count(*) FROM gap"
			    " WHERE reason = 'corrupt' AND count IS NULL AND from_us < to_us",
			    0),
		1);
	assert_int_equal(node_number(n, "SELECT count(*) FROM run", 0), 1);
}

static void ends_well(struct node *n)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	long recorded, lost;

	node_stop(n, &recorded, &lost);
	assert_account_balanced(n);
	assert_int_equal(sqlite3_open(n->db_path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	assert_string_equal(sqlite3_column_text(stmt, 0), "ok");
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	remove_set_aside(n);
}

static void a_wal_that_is_cut_while_it_records_is_set_aside_and_what_follows_recorded(void **state)
{
	struct node *n = *state;
	struct scene *s = scene_new("127.0.0.1");
	long netns = (long)node_stage(n);
	pid_t server, client;

	/* One that is open all the while. */
	s->request = s->reply = 1;
	server = actor_start("server", part_server, s);
	client = actor_start("client", part_staying_client, s);
	cue_wait(s, CUE_CONNECTED);
	node_expect_number(n, "SELECT count(*) FROM open_connection WHERE netns = ?1", netns, 2);
	node_expect_number(n, "SELECT count(*) FROM listener WHERE netns = ?1", netns, 1);
	forget_reader(n);

	cut_wal(n);
	netns = (long)node_stage(n);
	connect_often(N);
	wait_until_told(n, "recording goes on in a new file");
	node_expect_number(n, NODE_ENDED_ROWS, netns, 2 * N);
	assert_whole(n);
	/* What was open is in the new file, too, with its owner, and ends there. */
	netns = (long)n->stages[n->n_stages - 2].netns;
	node_expect_number(n, "SELECT count(*) FROM open_connection WHERE netns = ?1", netns, 2);
	cue_give(s, CUE_GO);
	actor_wait(client);
	actor_wait(server);
	node_expect_number(n, NODE_ENDED_ROWS, netns, 2);
	assert_int_equal(
		node_number(n,
			    "SELECT count(*) FROM connections WHERE netns = ?1"
			    " AND comm = 'client' AND direction = 'out' AND pid = closed_by",
			    netns),
		1);
	node_expect_number(n, "SELECT count(*) FROM listener WHERE netns = ?1 AND to_us > from_us",
			   netns, 1);
	scene_free(s);
	ends_well(n);
}

static void start_on_damaged(struct node *n, bool cut)
{
	long netns, recorded, lost;

	forget_reader(n);
	node_start(n, (const char *const[]){"--flush", "100ms", NULL});
	netns = (long)node_stage(n);
	connect_often(N);
	node_expect_number(n, NODE_ENDED_ROWS, netns, 2 * N);
	forget_reader(n); /* so that the last one to close empties the WAL */
	node_stop(n, &recorded, &lost);
	damage(n->db_path, cut);
	node_start(n, (const char *const[]){"--flush", "100ms", NULL});
	assert_true(told(n, "it is kept as "));
	assert_whole(n);
	netns = (long)node_stage(n);
	connect_often(N);
	node_expect_number(n, NODE_ENDED_ROWS, netns, 2 * N);
	ends_well(n);
}

static void a_database_full_of_nonsense_is_set_aside_at_the_start(void **state)
{
	start_on_damaged(*state, false);
}

static void a_database_that_was_cut_is_set_aside_at_the_start(void **state)
{
	start_on_damaged(*state, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_wal_that_is_cut_while_it_records_is_set_aside_and_what_follows_recorded),
		cmocka_unit_test(a_database_full_of_nonsense_is_set_aside_at_the_start),
		cmocka_unit_test(a_database_that_was_cut_is_set_aside_at_the_start),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, setup, node_teardown);
}
