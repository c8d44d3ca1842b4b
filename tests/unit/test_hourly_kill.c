/* A collector that is killed again and again, wherever it stands: the totals are those of the
 * rows all the same. */
#include "hourlydb.h"

#include <signal.h>
#include <sys/wait.h>

#define KILLS	   120
#define ROWS	   400 /* an hour */
#define MOST_US	   20000
#define FIRST_TURN 10

/* Rows come, hours end, totals are made, until the kill. */
static void collect(const struct tempdb *t, uint64_t seed)
{
	sqlite3 *db = hourlydb_open(t);
	struct hourly *h = hourlydb_begin(db, 100);

	for (;;) {
		int64_t next = tempdb_number(db, "SELECT ifnull(max(id), 0) FROM connection") + 1;

		hourlydb_finish(h, (next / HOUR_US + 1) * HOUR_US + MINUTE_US);
		if (next < hourly_floor_us(h))
			next = hourly_floor_us(h);
		if (next < HOUR * HOUR_US)
			next = HOUR * HOUR_US;
		hourlydb_add(db, &seed, next, 1000, ROWS);
	}
}

/* Returns whether the kill came while an hour was half written. */
static bool collect_and_be_killed(const struct tempdb *t, uint64_t seed, useconds_t after_us)
{
	sqlite3 *db;
	pid_t pid;
	bool half;

	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		collect(t, seed);
		_exit(0);
	}
	usleep(after_us);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	db = hourlydb_open(t);
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
		half += collect_and_be_killed(t, i, random_below(&seed, MOST_US));
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
