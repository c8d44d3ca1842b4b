/* Who may just read the database takes every lock that he can get, before it is opened and while it
 * is written: nothing is lost, and nothing waits for him. */
#include "node.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "parts.h"
#include "program.h"
#include "schema/db.h"

#define N	    20L
#define FIRST_SHM   120
#define LAST_SHM    135
#define PENDING	    0x40000000L /* https://www.sqlite.org/c3ref/file_control.html: of the database */
#define SHARED_LAST (PENDING + 511)

static int fresh(void **state)
{
	struct node *n = node_new();

	/* One with some rows, and all its files. */
	node_start(n, (const char *const[]){"--flush", "100ms", NULL});
	node_fence(n);
	node_crash(n);
	*state = n;
	return 0;
}

static int done(void **state)
{
	node_free(*state);
	return 0;
}

static void forget_reader(struct node *n)
{
	db_close(n->db);
	n->db = NULL;
}

static bool told(struct node *n, const char *sentence)
{
	char *words = file_text(n->err_path);
	bool found = strstr(words, sentence);

	free(words);
	return found;
}

/* Locks what it can of these bytes, tells which by a bit each, and holds them until it is
 * killed. */
struct intruder {
	pid_t pid;
	unsigned long got;
};

static bool lock_byte(int fd, long at)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};

	return fcntl(fd, F_SETLK, &lock) == 0;
}

static struct intruder intrude(const char *path, long first, long last)
{
	struct intruder i = {0};
	int ends[2];

	must(pipe(ends) == 0);
	i.pid = fork();
	must(i.pid >= 0);
	if (i.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		must(fd >= 0);
		for (long at = first; at <= last; at++)
			if (lock_byte(fd, at))
				i.got |= 1UL << (at - first) % 64;
		must(write(ends[1], &i.got, sizeof(i.got)) == sizeof(i.got));
		pause();
		_exit(0);
	}
	must(read(ends[0], &i.got, sizeof(i.got)) == sizeof(i.got));
	close(ends[0]);
	close(ends[1]);
	return i;
}

static void shm_of(const struct node *n, char path[128])
{
	snprintf(path, 128, "%s-shm", n->db_path);
}

static void assert_records(struct node *n)
{
	long netns = (long)node_stage(n);

	connect_often(N);
	n->stages[n->n_stages - 1].n_rows = 2 * N;
	node_expect_number(n, NODE_ENDED_ROWS, netns, 2 * N);
	if (told(n, "waits in memory"))
		fail_msg("it was kept from writing:\n%s", file_text(n->err_path));
}

static void the_locks_of_the_writer_cannot_be_had_while_it_runs(void **state)
{
	struct node *n = *state;
	struct intruder i;
	char shm[128];

	shm_of(n, shm);
	node_start(n, (const char *const[]){"--flush", "100ms", NULL});
	i = intrude(shm, FIRST_SHM, LAST_SHM);
	assert_int_equal(i.got & 3, 0); /* to write, to checkpoint */
	assert_int_not_equal(i.got & ~3UL, 0);
	assert_records(n);
	actor_kill(i.pid);
	assert_int_equal(node_number(n, NODE_OTHER_GAPS " AND reason <> 'stopped'", 0), 0);
}

static void every_single_byte_that_is_locked_while_it_runs_changes_nothing(void **state)
{
	struct node *n = *state;
	struct intruder i[LAST_SHM - FIRST_SHM + 1];
	char shm[128];
	long netns;

	shm_of(n, shm);
	node_start(n, (const char *const[]){"--flush", "100ms", NULL});
	netns = (long)node_stage(n);
	for (int at = FIRST_SHM; at <= LAST_SHM; at++) {
		long rounds = at - FIRST_SHM + 1;

		i[at - FIRST_SHM] = intrude(shm, at, at);
		connect_often(N);
		node_expect_number(n, NODE_ENDED_ROWS, netns, rounds * 2 * N);
		actor_kill(i[at - FIRST_SHM].pid);
	}
	assert_false(told(n, "waits in memory"));
}

static void the_locks_of_the_database_itself_change_nothing(void **state)
{
	struct node *n = *state;
	struct intruder before, i;

	before = intrude(n->db_path, PENDING, SHARED_LAST);
	node_start(n, (const char *const[]){"--flush", "100ms", NULL});
	i = intrude(n->db_path, PENDING, SHARED_LAST);
	assert_records(n);
	assert_false(told(n, "it is kept as"));
	actor_kill(before.pid);
	actor_kill(i.pid);
}

/* Each byte of the shm, held before the start: recording begins, in the same file or in a new one,
 * and where it is a new one the sentence names who was in the way. */
static void start_beside(struct node *n, int first, int last, bool anew)
{
	struct intruder i;
	char shm[128], words[96];

	forget_reader(n);
	shm_of(n, shm);
	i = intrude(shm, first, last);
	assert_int_not_equal(i.got, 0);
	node_start(n, (const char *const[]){"--flush", "100ms", NULL});
	if (told(n, "it is kept as") != anew)
		fail_msg("bytes %d to %d: %s", first, last, file_text(n->err_path));
	snprintf(words, sizeof(words), "process %d (node_intruder, user 0) holds a lock",
		 (int)i.pid);
	if (told(n, words) != anew)
		fail_msg("bytes %d to %d: %s", first, last, file_text(n->err_path));
	node_fence_after_loss(n);
	actor_kill(i.pid);
	forget_reader(n);
	node_crash(n);
}

static void whichever_byte_is_locked_before_the_start_recording_begins(void **state)
{
	struct node *n = *state;

	start_beside(n, 120, 120, true);  /* to write */
	start_beside(n, 121, 121, true);  /* to checkpoint */
	start_beside(n, 122, 122, true);  /* to recover what was not closed */
	start_beside(n, 123, 127, false); /* of readers */
	start_beside(n, 128, 128, false); /* that somebody is there */
	start_beside(n, 129, 135, false);
	start_beside(n, FIRST_SHM, LAST_SHM, true);
}

/* Another program that writes is no intruder: it is named, and nothing is renamed. */
static void a_program_that_writes_is_named_and_the_file_stays(void **state)
{
	struct node *n = *state;
	struct finished f;
	sqlite3 *db = NULL;
	long rows;

	forget_reader(n);
	must(sqlite3_open(n->db_path, &db) == SQLITE_OK);
	must(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
	f = program_run((const char *const[]){COLLECT, "--db", n->db_path, "--duration", "1s",
					      NULL},
			0);
	assert_int_equal(f.code, 75); /* EX_TEMPFAIL */
	assert_non_null(strstr(f.err, "locked"));
	sqlite3_close(db);
	rows = node_number(n, "SELECT count(*) FROM run", 0);
	assert_int_equal(rows, 1);
}

/* A reader that is stopped in the middle of an answer, and one that asks for long. */
static void a_stopped_reader_changes_nothing(void **state)
{
	struct node *n = *state;
	char sql[] = "WITH RECURSIVE n(i) AS (SELECT id FROM run UNION ALL SELECT i + 1 FROM n)"
		     " SELECT count(*) FROM n";
	const char *const argv[] = {"sqlite3", "-readonly", n->db_path, sql, NULL};
	pid_t reader;

	node_start(n, (const char *const[]){"--flush", "100ms", NULL});
	reader = program_start(argv, "/dev/null", "/dev/null");
	usleep(300000);
	must(kill(reader, SIGSTOP) == 0);
	assert_records(n);
	assert_int_equal(node_number(n, NODE_OTHER_GAPS " AND reason <> 'stopped'", 0), 0);
	must(kill(reader, SIGKILL) == 0);
	must(waitpid(reader, NULL, 0) == reader);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, done)
	const struct CMUnitTest tests[] = {
		TEST(the_locks_of_the_writer_cannot_be_had_while_it_runs),
		TEST(every_single_byte_that_is_locked_while_it_runs_changes_nothing),
		TEST(the_locks_of_the_database_itself_change_nothing),
		TEST(whichever_byte_is_locked_before_the_start_recording_begins),
		TEST(a_program_that_writes_is_named_and_the_file_stays),
		TEST(a_stopped_reader_changes_nothing),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
