/*
 * The collector, killed hundreds of times at its worst moments, over a ring that outlives
 * it: each connection is recorded once, and each run's account is equal. Everything of the
 * collector is real but for the kernel: see lasting.h.
 */
#include "unit.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/wait.h>

#include "clock.h"
#include "collector.h"
#include "lasting.h"
#include "tempdb.h"

#define ROUNDS 250

/* ---- a collector ---- */

static void on_row(void *ctx, int what, const char *db, const char *table, sqlite3_int64 row)
{
	(void)ctx, (void)what, (void)db, (void)table, (void)row;
	come_to(IN_A_COMMIT);
}

static int on_commit(void *ctx)
{
	(void)ctx;
	come_to(BEFORE_COMMIT);
	return 0;
}

static int hook(sqlite3 *db)
{
	static int opened; /* in files */

	if (*sqlite3_db_filename(db, "main") && ++opened == 2 && world->next_countdown)
		world->countdown = world->next_countdown;
	sqlite3_update_hook(db, on_row, NULL);
	sqlite3_commit_hook(db, on_commit, NULL);
	return SQLITE_OK;
}

static void collect(const char *db)
{
	const struct options options = {.db = db,
					.flush_ns = world->flush_ns,
					.refresh_ns = NS_PER_S};
	struct collector *c = NULL;
	struct closing closing;
	struct err err = {0};
	int more = 0;

	sqlite3_auto_extension((void (*)(void))hook);
	if (collector_new(&options, stdout, &(struct note){0}, &c, &err) != 0) {
		fprintf(stderr, "%s\n", err.msg);
		_exit(2);
	}
	while (more >= 0 && !(atomic_load(&world->finish) && more == 0)) {
		more = collector_work(c, &err);
		if (more == 0)
			usleep(200);
	}
	if (more < 0 || collector_finish(c, &closing, &err) != 0) {
		fprintf(stderr, "%s\n", err.msg);
		_exit(3);
	}
	_exit(0);
}

static pid_t start(const char *db, enum point point, int countdown)
{
	pid_t pid;

	world->point = point;
	world->countdown = countdown;
	pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0)
		collect(db);
	return pid;
}

/* It was killed, and nothing else. */
static bool is_over(pid_t pid, int options)
{
	int status;
	pid_t got = waitpid(pid, &status, options);

	must(got >= 0, "waitpid");
	if (got && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
		fail_msg("the collector ended by itself: %x", (unsigned int)status);
	return got != 0;
}

static void end_in_order(pid_t pid)
{
	int status;

	atomic_store(&world->finish, true);
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	assert_int_equal(status, 0);
}

/* While a collector reads. */
static void close_all(void)
{
	for (int i = 0; i < SLOTS; i++) {
		while (!has_room())
			usleep(100);
		if (atomic_load(&world->slots[i].id))
			close_slot(&world->slots[i]);
	}
}

/* ---- the tests ---- */

static int setup(void **state)
{
	make_world();
	return tempdb_setup(state);
}

static int teardown(void **state)
{
	end_world();
	return tempdb_teardown(state);
}

static sqlite3 *open_db(const struct tempdb *t)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(t->path, &db), SQLITE_OK);
	return db;
}

static void assert_accounts_are_equal(sqlite3 *db)
{
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM account"
					   " WHERE seen <> recorded + lost + filtered"),
			 0);
	assert_int_equal(tempdb_number(db,
				       "SELECT count(*) FROM run WHERE seen <> recorded + lost"),
			 0);
	assert_int_equal(tempdb_number(db, "SELECT sum(recorded) FROM run"),
			 tempdb_number(db, "SELECT count(*) FROM connection"));
}

static void a_collector_killed_at_any_point_has_each_connection_once(void **state)
{
	struct tempdb *t = *state;
	unsigned int seed = 4711;
	long made = 0;
	sqlite3 *db;
	pid_t pid;

	for (int round = 0; round < ROUNDS; round++) {
		enum point point = (enum point)(round % POINTS);
		int patience = 10 + rand_r(&seed) % 90;

		pid = start(t->path, point, 1 + rand_r(&seed) % (point == IN_A_COMMIT ? 100 : 10));
		while (!is_over(pid, WNOHANG)) {
			for (int i = rand_r(&seed) % 20; i > 0 && has_room(); i--)
				happen(&seed, &made);
			usleep(300);
			if (point == ANYWHERE && --patience == 0) {
				kill(pid, SIGKILL);
				atomic_fetch_add(&world->kills_at[ANYWHERE], 1);
			}
		}
		/* Some of it happens while there is none. */
		for (int i = rand_r(&seed) % 50; i > 0 && has_room(); i--)
			happen(&seed, &made);
	}
	pid = start(t->path, POINTS, 0);
	close_all();
	end_in_order(pid);

	for (int i = 0; i < POINTS; i++)
		assert_true(atomic_load(&world->kills_at[i]) >= ROUNDS / POINTS);
	db = open_db(t);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM open_connection"), 0);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM connection"), made);
	assert_int_equal(tempdb_number(db, "SELECT count(DISTINCT cookie) FROM connection"), made);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM connection WHERE outcome = 8"), 0);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM connection WHERE flags & 6"), 0);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM gap"), 0);
	assert_accounts_are_equal(db);
	assert_string_equal(tempdb_text(db, "PRAGMA integrity_check"), "ok");
	sqlite3_close(db);
}

static void what_found_no_room_while_there_was_no_collector_is_a_gap(void **state)
{
	struct tempdb *t = *state;
	unsigned int seed = 4711;
	long made = 0, lost;
	sqlite3 *db;
	pid_t pid;

	pid = start(t->path, COMMITTED, 2);
	while (!is_over(pid, WNOHANG)) {
		if (has_room())
			happen(&seed, &made);
		usleep(300);
	}
	for (int i = 0; i < 2000; i++)
		happen(&seed, &made);
	for (int i = 0; i < SLOTS; i++)
		if (atomic_load(&world->slots[i].id))
			close_slot(&world->slots[i]);
	lost = (long)world->counters.lost[EVENT_END];
	assert_true(lost > 100);
	end_in_order(start(t->path, POINTS, 0));
	end_in_order(start(t->path, POINTS, 0)); /* which finds nothing more to tell */

	db = open_db(t);
	assert_int_equal(tempdb_number(db, "SELECT sum(count) FROM gap WHERE reason = 'ring_full'"),
			 lost);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM gap WHERE reason <> 'ring_full'"),
			 0);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM gap JOIN run ON run.id = 1"
					   " WHERE from_us = last_commit_us"),
			 1);
	assert_int_equal(tempdb_number(db, "SELECT lost FROM run WHERE id = 2"), lost);
	assert_int_equal(tempdb_number(db, "SELECT sum(seen) FROM account WHERE run_id = 3"), 0);
	assert_int_equal(tempdb_number(db, "SELECT sum(lost) FROM account WHERE run_id = 3"), 0);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM connection WHERE outcome <> 8"),
			 made - lost);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM open_connection"), 0);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM account"
					   " WHERE seen <> recorded + lost + filtered"),
			 0);
	sqlite3_close(db);
}

/* ---- set aside ---- */

#define TIMES 3 /* so many are kept */

/* As when it was overwritten by somebody: the schema cannot be read any more. */
static void damage(const char *path, int n)
{
	char sql[256];
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	snprintf(sql, sizeof(sql),
		 "PRAGMA writable_schema=ON; BEGIN IMMEDIATE; INSERT INTO sqlite_schema"
		 " VALUES('table', 'nonsense', 'nonsense', 0, 'CREATE NONSENSE');"
		 "PRAGMA schema_version=%d; COMMIT",
		 1000 + n);
	tempdb_run(db, sql);
	sqlite3_close(db);
}

static sqlite3 *open_mended(const char *path)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	/* The first statement still fails. */
	sqlite3_exec(db, "PRAGMA writable_schema=ON; SELECT 1 FROM sqlite_schema", NULL, NULL,
		     NULL);
	tempdb_run(db, "DELETE FROM sqlite_schema WHERE name = 'nonsense'");
	sqlite3_close(db);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	return db;
}

static void assert_account_is_of_its_rows(sqlite3 *db)
{
	assert_int_equal(tempdb_number(db, "SELECT sum(recorded) FROM run"),
			 tempdb_number(db, "SELECT count(*) FROM connection"));
	assert_int_equal(tempdb_number(db, "SELECT sum(recorded) FROM account"
					   " WHERE record = 'end'"),
			 tempdb_number(db, "SELECT count(*) FROM connection"));
}

static int are_set_aside(const struct tempdb *t, glob_t *g)
{
	char pattern[160];

	snprintf(pattern, sizeof(pattern), "%s.corrupt-*Z", t->path);
	return glob(pattern, 0, NULL, g) == 0 ? (int)g->gl_pathc : 0;
}

/* It is damaged while its collector runs, which is killed as it writes to the new one for the first
 * time. */
static void damage_and_kill(const struct tempdb *t, int n, unsigned int *seed, long *made)
{
	/* Before its first rows come four commits: the pragmas, the schema, the run. */
	static const struct {
		enum point point;
		int countdown;
	} kills[TIMES] = {{BEFORE_COMMIT, 5}, {COMMITTED, 1}, {RELEASED, 1}};
	bool damaged = false;
	pid_t pid;

	atomic_store(&world->commits, 0);
	world->next_countdown = kills[n].countdown;
	pid = start(t->path, kills[n].point, INT_MAX);
	while (!is_over(pid, WNOHANG)) {
		if (has_room())
			happen(seed, made);
		usleep(300);
		if (!damaged && atomic_load(&world->commits) >= 3) {
			damage(t->path, n);
			damaged = true;
		}
	}
	world->next_countdown = 0;
	for (int i = 0; i < 20 && has_room(); i++)
		happen(seed, made);
}

static void remove_set_aside(const glob_t *g)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char path[192];

	for (size_t i = 0; i < 3 * g->gl_pathc; i++) {
		snprintf(path, sizeof(path), "%s%s", g->gl_pathv[i / 3], ends[i % 3]);
		unlink(path);
	}
}

static void a_database_set_aside_on_the_way_has_what_the_next_one_has_not(void **state)
{
	struct tempdb *t = *state;
	unsigned int seed = 4711;
	long made = 0, recorded;
	char sql[256];
	glob_t g = {0};
	sqlite3 *db;
	pid_t pid;

	world->flush_ns = 300 * NS_PER_MS; /* so that there always are rows that wait */
	for (int i = 0; i < TIMES; i++)
		damage_and_kill(t, i, &seed, &made);
	pid = start(t->path, POINTS, 0);
	close_all();
	end_in_order(pid);

	db = open_db(t);
	assert_accounts_are_equal(db);
	assert_account_is_of_its_rows(db);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM open_connection"), 0);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM gap"), 1);
	assert_string_equal(tempdb_text(db, "SELECT reason FROM gap"), "corrupt");
	recorded = tempdb_number(db, "SELECT count(*) FROM connection");
	tempdb_run(db, "CREATE TEMP TABLE met AS SELECT cookie, outcome FROM connection");
	assert_int_equal(are_set_aside(t, &g), TIMES);
	for (int i = 0; i < TIMES; i++) {
		sqlite3 *old = open_mended(g.gl_pathv[i]);

		recorded += tempdb_number(old, "SELECT count(*) FROM connection");
		assert_account_is_of_its_rows(old);
		sqlite3_close(old);
		snprintf(sql, sizeof(sql),
			 "ATTACH '%s' AS old; INSERT INTO met SELECT cookie, outcome"
			 " FROM old.connection; DETACH old",
			 g.gl_pathv[i]);
		tempdb_run(db, sql);
	}
	assert_int_equal(recorded, made);
	assert_int_equal(tempdb_number(db, "SELECT count(DISTINCT cookie) FROM met"), made);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM met WHERE outcome = 8"), 0);
	sqlite3_close(db);
	remove_set_aside(&g);
	globfree(&g);
}

/* ---- hours ---- */

#define HOUR	491600LL
#define HOUR_NS (3600 * NS_PER_S)

static bool is_totalled(const struct tempdb *t)
{
	sqlite3 *db = open_db(t);
	long until;

	sqlite3_busy_timeout(db, 5000);
	until = tempdb_number(db, "SELECT totals_until_hour FROM extent");
	sqlite3_close(db);
	return until > HOUR;
}

static void what_ended_in_an_hour_that_no_collector_saw_the_end_of_is_in_its_totals(void **state)
{
	struct tempdb *t = *state;
	unsigned int seed = 4711;
	long made = 0, ended;
	sqlite3 *db;
	pid_t pid;

	world->offset_ns = HOUR * HOUR_NS + HOUR_NS * 59 / 60 - clock_boot_ns();
	pid = start(t->path, COMMITTED, 20);
	while (!is_over(pid, WNOHANG)) {
		if (has_room())
			happen(&seed, &made);
		usleep(300);
	}
	for (int i = 0; i < 100 && has_room(); i++)
		happen(&seed, &made);
	ended = (long)world->counters.seen[EVENT_END];
	assert_int_equal(world->counters.lost[EVENT_END], 0);
	world->ahead_ns = 40 * 60 * NS_PER_S;
	pid = start(t->path, POINTS, 0);
	for (int i = 0; i < 1000 && (i < 10 || !is_totalled(t)); i++)
		usleep(20000);
	end_in_order(pid);

	db = open_db(t);
	assert_int_equal(tempdb_number(db, "SELECT totals_until_hour FROM extent"), HOUR + 1);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM connection"), ended);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM connection"
					   " WHERE id / 3600000000 = 491600"),
			 ended);
	assert_int_equal(tempdb_number(db, "SELECT sum(attempts) FROM hourly"), ended);
	sqlite3_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_collector_killed_at_any_point_has_each_connection_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_found_no_room_while_there_was_no_collector_is_a_gap, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_database_set_aside_on_the_way_has_what_the_next_one_has_not, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			what_ended_in_an_hour_that_no_collector_saw_the_end_of_is_in_its_totals,
			setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
