/* Wherever the collector is killed - before BEGIN, in the middle of a batch, before COMMIT, after
 * it and before the ring is told, in a checkpoint, while a database is set aside - the next one
 * goes on, and each connection is there exactly once. The kernel side outlives them all. */
#include "rig.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "fake.h"
#include "lasting.h"
#include "vfs.h"

#define START_NS    (1000 * NS_PER_S)
#define OFFSET_NS   (1769853600LL * NS_PER_S)
#define PHASES	    12
#define PHASE_TICKS 8
#define STRIDE	    17 /* places in the course of a play; not all of them in each test run */
#define FEW	    10 /* plays of many kills; many more with CONNMON_FAULT_ALL */
#define MANY	    220
#define FAR	    160 /* calls that one of many collectors has to live for */
#define MOST	    200 /* collectors in a play */
#define WRITES	    (VFS_WRITE | VFS_SYNC | VFS_TRUNCATE | VFS_LOCK | VFS_SHM | VFS_OPEN | VFS_OTHER)

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __real_unlink(const char *path);
int __wrap_unlink(const char *path);

int __wrap_rename(const char *from, const char *to)
{
	vfs_meet();
	return __real_rename(from, to);
}

int __wrap_unlink(const char *path)
{
	vfs_meet();
	return __real_unlink(path);
}

static struct rig rig;
static unsigned int kills, seed;

static unsigned int any(unsigned int below)
{
	seed = seed * 1103515245 + 12345; /* as in the C standard's example */
	return (seed >> 8) % below;
}

/* ---- one collector's life, in a process of its own ---- */

static void say_nothing(void *ctx, const char *text)
{
	(void)ctx, (void)text;
}

static void die_of(const struct err *err)
{
	fprintf(stderr, "the next collector: %s\n", err->msg);
	_exit(1);
}

static void live_through(struct collector *c)
{
	struct err err = {0};
	int ret = 0;

	fake_phase(fake.phase++);
	if (fake.phase == 3) { /* so that an hour is over */
		fake.offset_ns += 3700 * NS_PER_S;
		collector_clock_set(c);
	}
	for (int i = 0; i < PHASE_TICKS && ret >= 0; i++) {
		fake.now_ns += COLLECTOR_TICK_MS * NS_PER_MS;
		do {
			ret = collector_work(c, &err);
		} while (ret > 0);
	}
	if (ret < 0)
		die_of(&err);
}

/* Until the world ends at phase @until, or at the @n-th call; 0: at none. */
static void live(unsigned int n, unsigned int until)
{
	const struct options o = {.db = rig.path,
				  .durable = true,
				  .flush_ns = NS_PER_S,
				  .refresh_ns = 3 * NS_PER_S};
	const struct note note = {.say = say_nothing};
	struct collector *c = NULL;
	struct closing closing;
	struct err err = {0};

	vfs_break(n ? WRITES : 0, VFS_KILL, n, false);
	fake.now_ns += NS_PER_S;
	if (collector_new(&o, NULL, &note, &c, &err) != 0)
		die_of(&err);
	while (fake.phase < until)
		live_through(c);
	if (collector_finish(c, &closing, &err) != 0)
		die_of(&err);
	collector_free(c);
	_exit(0);
}

/* Whether it was killed before it ended by itself. */
static bool is_killed(unsigned int n, unsigned int until)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		live(n, until);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
		kills++;
		return true;
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("status %#x, killed at call %u, seed %u", (unsigned int)status, n, seed);
	return false;
}

/* ---- a play ---- */

static void begin(void)
{
	rig_setup(&rig);
	lasting_begin();
	fake.now_ns = START_NS;
	fake.offset_ns = OFFSET_NS;
}

static void assert_each_once(const char *words)
{
	rig_assert_whole(&rig, words);
	if (rig_number(rig.path, "SELECT count(*) FROM account"
				 " WHERE seen <> recorded + lost + filtered OR lost"))
		fail_msg("%s: an account does not add up", words);
	if (rig_number(rig.path, "SELECT (SELECT total(recorded) FROM account WHERE record = 'end')"
				 " <> (SELECT count(*) FROM connection)"))
		fail_msg("%s: the accounts are not the rows", words);
	if (rig_number(rig.path, "SELECT count(*) FROM gap"))
		fail_msg("%s: there is a gap", words);
}

static void wherever_it_is_killed_the_next_one_goes_on(void **state)
{
	struct rig_places at = rig_places(STRIDE);
	unsigned int played = 0;
	char words[64];

	(void)state;
	for (kills = 0;; at.next += at.stride, played++) {
		bool killed;

		begin();
		killed = is_killed(at.next, PHASES);
		if (killed)
			assert_false(is_killed(0, PHASES));
		snprintf(words, sizeof(words), "killed at call %u", at.next);
		assert_each_once(words);
		if (!killed)
			break;
	}
	assert_true(played > 0);
	print_message("%u kills, each at another call, up to call %u\n", kills, at.next);
}

static void however_often_they_are_killed_each_connection_is_there_once(void **state)
{
	const unsigned int n = getenv("CONNMON_FAULT_ALL") ? MANY : FEW;
	char words[64];

	(void)state;
	kills = 0;
	for (unsigned int play = 1; play <= n; play++) {
		unsigned int lives = 1;

		begin();
		for (seed = play; is_killed(lives < MOST ? 1 + any(FAR) : 0, PHASES); lives++)
			;
		snprintf(words, sizeof(words), "many kills, seed %u", play);
		assert_each_once(words);
	}
	assert_true(kills > n);
	print_message("%u plays, %u kills\n", n, kills);
}

/* ---- while a database is set aside ---- */

static void scribble(void)
{
	char nonsense[4096];
	struct stat st;
	int fd = open(rig.path, O_RDWR | O_CLOEXEC);

	memset(nonsense, 0xa5, sizeof(nonsense));
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	for (off_t at = 4096; at + 4096 <= st.st_size; at += 4096)
		assert_int_equal(pwrite(fd, nonsense, 4096, at), 4096);
	close(fd);
}

static void killed_while_it_sets_a_database_aside_the_next_one_goes_on(void **state)
{
	struct rig_places at = rig_places(STRIDE);
	unsigned int played = 0;
	char words[64];

	(void)state;
	for (kills = 0;; at.next += at.stride, played++) {
		sqlite3 *db = NULL;
		bool killed;

		begin();
		assert_false(is_killed(0, PHASES / 2));
		assert_int_equal(sqlite3_open(rig.path, &db), SQLITE_OK);
		assert_int_equal(sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL,
					      NULL),
				 SQLITE_OK);
		sqlite3_close(db);
		rig_mark();
		scribble();
		killed = is_killed(at.next, PHASES);
		if (killed)
			assert_false(is_killed(0, PHASES));
		snprintf(words, sizeof(words), "damaged, then killed at call %u", at.next);
		assert_int_equal(rig_assert_goes_on(&rig, words), 1);
		if (!killed)
			break;
	}
	assert_true(played > 0);
	print_message("%u kills, each at another call, up to call %u\n", kills, at.next);
}

static int clean(void **state)
{
	(void)state;
	rig_teardown(&rig);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wherever_it_is_killed_the_next_one_goes_on),
		cmocka_unit_test(however_often_they_are_killed_each_connection_is_there_once),
		cmocka_unit_test(killed_while_it_sets_a_database_aside_the_next_one_goes_on),
	};

	vfs_install();
	return cmocka_run_group_tests(tests, NULL, clean);
}
