/* A collector that is killed again and again, wherever it stands: the totals are those of the
 * rows all the same. */
#include "hourlydb.h"

#include <signal.h>
#include <sys/wait.h>

#define KILLS	   120
#define ROWS	   100 /* between two ends */
#define MOST_STEPS 150 /* before the kill: about four hours' worth */
#define MOST_US	   300 /* and some more, into the next */
#define FIRST_TURN 10

/* Rows come, five minutes and some hours end, totals are made, until the kill. Each step is a
 * byte to @told_fd. */
static void collect(const struct tempdb *t, uint64_t seed, int told_fd)
{
	sqlite3 *db = hourlydb_open(t);
	struct hourly *h = hourlydb_begin(db, seed % 3 ? 100 : 0);

	for (;;) {
		int64_t next = tempdb_number(db, "SELECT ifnull(max(id), 0) FROM connection") + 1;
		int64_t width_us = random_below(&seed, 2) ? RECENT_US : HOUR_US;

		while (hourlydb_step(h, (next / width_us + 1) * width_us + MINUTE_US))
			if (write(told_fd, "", 1) != 1)
				_exit(1);
		if (next < hourly_floor_us(h))
			next = hourly_floor_us(h);
		if (next < HOUR * HOUR_US)
			next = HOUR * HOUR_US;
		hourlydb_add(db, &seed, next, 1000, ROWS);
	}
}

/* How often the kill came while an hour was half written, and five minutes. */
struct half {
	int hours, recent;
};

static void collect_and_be_killed(const struct tempdb *t, uint64_t seed, uint32_t steps,
				  useconds_t more_us, struct half *half)
{
	sqlite3 *db;
	int fds[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(fds[0]);
		collect(t, seed, fds[1]);
		_exit(0);
	}
	close(fds[1]);
	for (uint32_t i = 0; i < steps; i++)
		assert_int_equal(read(fds[0], &byte, 1), 1);
	usleep(more_us);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(fds[0]);
	/* One that may write would recover the WAL and empty it: that is the next child's part. */
	assert_int_equal(sqlite3_open_v2(t->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	half->hours += tempdb_number(db, "SELECT EXISTS (SELECT 1 FROM hourly WHERE NOT"
					 " hour " FINISHED ")");
	half->recent += tempdb_number(db, "SELECT EXISTS (SELECT 1 FROM recent, extent WHERE"
					  " slot >= recent_until_slot)");
	db_close(db);
}

static void totals_outlive_kills_at_any_moment(void **state)
{
	struct tempdb *t = *state;
	uint64_t seed = 20260131;
	struct hourly *h;
	sqlite3 *db;
	struct half half = {0};

	db = hourlydb_open(t);
	hourlydb_fill_dictionaries(db);
	db_close(db);
	for (uint64_t i = 0; i < KILLS; i++)
		collect_and_be_killed(t, i, random_below(&seed, MOST_STEPS),
				      random_below(&seed, MOST_US), &half);
	/* That the kills hit what they were to hit. */
	assert_true(half.hours > KILLS / 50);
	assert_true(half.recent > KILLS / 50);

	db = hourlydb_open(t);
	h = hourlydb_begin(db, 0);
	hourlydb_finish(h, (HOUR + 100000) * HOUR_US);
	assert_int_equal(hourlydb_watermark(db),
			 tempdb_number(db, "SELECT max(id) / 3600000000 + 1 FROM connection"));
	assert_true(hourlydb_watermark(db) > HOUR + FIRST_TURN);
	assert_int_equal(hourlydb_recent(db),
			 tempdb_number(db, "SELECT max(id) / 300000000 + 1 FROM connection"));
	hourlydb_check(db);
	assert_string_equal(tempdb_text(db, "PRAGMA integrity_check"), "ok");
	hourly_free(h);
	db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(totals_outlive_kills_at_any_moment, tempdb_setup,
						tempdb_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
