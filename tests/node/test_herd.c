/* A hundred readers at once, who open, read, lock what they can, stop in the middle and are killed
 * at any moment, while connections come without a pause: none is lost, nothing waits, and the
 * files stay within their bound. For longer with CONNMON_FAULT_ALL in the environment, and then
 * until a stopped reader has the database set aside. */
#include "herd.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "load.h"
#include "log_lines.h"
#include "program.h"

#define FEW	  1500L
#define MANY	  100000L
#define MAX_BYTES (64L << 20)
#define LOOK_US	  10000
#define KILL_EACH 5	      /* looks */
#define TOLD	  (20L << 20) /* of the WAL: more than after which a reader is named */

static int fresh(void **state)
{
	struct node *n = node_new();

	node_start(n, (const char *const[]){"--flush", "100ms", "--max-size", "64M", NULL});
	node_fence(n);
	*state = n;
	return 0;
}

/* What there is of the database, with what was set aside. */
static long measure(const struct node *n)
{
	char pattern[128];
	long bytes = 0;
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s*", n->db_path);
	must(glob(pattern, 0, NULL, &found) == 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct stat st;

		if (stat(found.gl_pathv[i], &st) == 0) /* one may be gone by now */
			bytes += (long)st.st_size;
	}
	globfree(&found);
	return bytes;
}

static long wal_bytes(const struct node *n)
{
	struct stat st;
	char path[128];

	snprintf(path, sizeof(path), "%s-wal", n->db_path);
	return stat(path, &st) == 0 ? (long)st.st_size : 0;
}

static bool is_said(struct node *n, const char *words)
{
	char *text = file_text(n->err_path);
	bool said = strstr(text, words);

	free(text);
	return said;
}

/* ---- all that was recorded, also in files that were set aside ---- */

static long number_in(const char *path, const char *sql, long arg)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	long n;

	must(sqlite3_open(path, &db) == SQLITE_OK);
	must(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK);
	sqlite3_bind_int64(stmt, 1, arg);
	must(sqlite3_step(stmt) == SQLITE_ROW);
	n = (long)sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return n;
}

static bool is_database(const char *path)
{
	const char *end = path + strlen(path);

	return strcmp(end - 4, "-wal") != 0 && strcmp(end - 4, "-shm") != 0 &&
	       strcmp(end - 5, ".lock") != 0;
}

static long in_all_files(const struct node *n, const char *sql, long arg, int *files)
{
	char pattern[128];
	long sum = 0;
	glob_t found;

	*files = 0;
	snprintf(pattern, sizeof(pattern), "%s*", n->db_path);
	must(glob(pattern, 0, NULL, &found) == 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		if (is_database(found.gl_pathv[i])) {
			sum += number_in(found.gl_pathv[i], sql, arg);
			assert_int_equal(number_in(found.gl_pathv[i],
						   "SELECT integrity_check = 'ok' FROM"
						   " pragma_integrity_check",
						   0),
					 1);
			(*files)++;
		}
	globfree(&found);
	return sum;
}

/* ---- the test ---- */

/* Returns the most that the files took together. */
static long disturb(struct node *n, struct herd *c, const struct load *load, long connections)
{
	long most = 0, longest = 0;
	char words[96];

	snprintf(words, sizeof(words), "process %d (node_herd, user %d) keeps a read transaction",
		 (int)herd_stopped(c), HERD_USER);
	for (int i = 1; load_made(load) < connections; i++) {
		long bytes = measure(n), wal = wal_bytes(n);

		most = bytes > most ? bytes : most;
		longest = wal > longest ? wal : longest;
		if (i % KILL_EACH == 0)
			herd_kill_one(c);
		usleep(LOOK_US);
	}
	/* Which of those who are stopped is named is up to SQLite's five places for them. */
	if (longest > TOLD && !is_said(n, "(node_herd, user 61001) keeps a read transaction"))
		fail_msg("nobody is named, as in %s:\n%s", words, file_text(n->err_path));
	assert_in_range(most, 1, MAX_BYTES);
	return most;
}

static void a_hundred_readers_cost_no_record(void **state)
{
	const bool all = getenv("CONNMON_FAULT_ALL");
	int64_t start_ns = now_ns();
	struct node *n = *state;
	long netns = (long)node_stage(n), made, most, recorded, lost;
	struct herd_account account;
	struct herd *herd;
	struct load *load;
	int files;

	herd = herd_begin(n, QUERY);
	load = load_begin();
	most = disturb(n, herd, load, all ? MANY : FEW);
	made = load_end(load);
	account = herd_end(herd);
	assert_int_equal(waitpid(n->pid, NULL, WNOHANG), 0); /* it runs */
	node_stop(n, &recorded, &lost);

	assert_true(account.asked > HERD && account.locked > 0);
	assert_int_equal(in_all_files(n, "SELECT count(*) FROM connections WHERE netns = ?1", netns,
				      &files),
			 2 * made);
	assert_int_equal(in_all_files(n,
				      "SELECT count(*) FROM gap"
				      " WHERE reason NOT IN ('recursion', 'set_aside')",
				      0, &files),
			 0);
	assert_int_equal(in_all_files(n,
				      "SELECT count(*) FROM account"
				      " WHERE seen <> recorded + lost + filtered",
				      0, &files),
			 0);
	assert_false(is_said(n, "waits in memory"));
	assert_lines_are_rare(n, start_ns);
	/* Who holds such locks is in the way of others who read, though not of the collector. */
	print_message("%ld connections beside %ld readers, %ld of them killed, %ld answers, %ld"
		      " refused, %ld bytes locked; %d files, at most %ld MiB\n",
		      made, account.begun, account.killed, account.asked, account.refused,
		      account.locked, files, most >> 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hundred_readers_cost_no_record),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, fresh, node_teardown);
}
