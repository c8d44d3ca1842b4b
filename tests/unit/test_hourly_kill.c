/* A collector that is killed again and again, wherever it stands: the totals are those of the
 * rows all the same. */
#include "hourlydb.h"

#include <signal.h>
#include <sys/wait.h>

#define KILLS	   120
#define ROWS	   400 /* an hour */
#define MOST_STEPS 100 /* before the kill: about three hours' worth */
#define MOST_US	   300 /* and some more, into the next */
#define FIRST_TURN 10

/* Rows come, hours end, totals are made, until the kill. Each step is a byte to @told_fd. */
static void collect(const struct tempdb *t, uint64_t seed, int told_fd)
{
	sqlite3 *db = hourlydb_open(t);
	struct hourly *h = hourlydb_begin(db, 100);

	for (;;) {
		int64_t next = tempdb_number(db, "SELECT ifnull(max(id), 0) FROM connection") + 1;

		while (hourlydb_step(h, (next / HOUR_US + 1) * HOUR_US + MINUTE_US))
			if (write(told_fd, "", 1) != 1)
				_exit(1);
		if (next < hourly_floor_us(h))
			next = hourly_floor_us(h);
		if (next < HOUR * HOUR_US)
			next = HOUR * HOUR_US;
		hourlydb_add(db, &seed, next, 1000, ROWS);
	}
}

/* Returns whether the kill came while an hour was half written. */
static bool collect_and_be_killed(const struct tempdb *t, uint64_t seed, uint32_t steps,
				  useconds_t more_us)
{
	sqlite3 *db;
	int fds[2];
	pid_t pid;
	bool half;
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
	half = tempdb_number(db, "SELECT count(*) FROM hourly WHERE NOT hour " FINISHED) > 0;
	db_close(db);
	return half;
}

static void totals_outlive_kills_at_any_moment(void **state)
{
	struct tempdb *t = *state;
	uint64_t seed = 20260131;
	struct hourly *h;
	sqlite3 *db;
	int half = 0;

	db = hourlydb_open(t);
	hourlydb_fill_dictionaries(db);
	db_close(db);
	for (uint64_t i = 0; i < KILLS; i++)
		half += collect_and_be_killed(t, i, random_below(&seed, MOST_STEPS),
					      random_below(&seed, MOST_US));
	/* That the kills hit what they were to hit. */
	assert_true(half > KILLS / 50);

	db = hourlydb_open(t);
	h = hourlydb_begin(db, 0);
	hourlydb_finish(h, (HOUR + 100000) * HOUR_US);
	assert_int_equal(hourlydb_watermark(db),
			 tempdb_number(db, "SELECT max(id) / 3600000000 + 1 FROM connection"));
	assert_true(hourlydb_watermark(db) > HOUR + FIRST_TURN);
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
