/* However the wall clock is set while the collector runs: no duration is negative, or another
 * than it was by the clock that is never set; keys increase in the order of the ends; and the
 * account holds. */
#include "rig.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "fake.h"

/* Plays, each with another row of steps; many more with CONNMON_FAULT_ALL. */
#define FEW  8
#define MANY 1000

static unsigned int seed, steps;

static unsigned int any(unsigned int below)
{
	seed = seed * 1103515245 + 12345; /* as in the C standard's example */
	return (seed >> 8) % below;
}

static int64_t any_step(struct rig *r)
{
	static const int64_t kinds_ns[] = {86400 * NS_PER_S, 3600 * NS_PER_S, NS_PER_S,
					   37 * NS_PER_MS,   999 * NS_PER_US, 0};
	int64_t ns = kinds_ns[any(sizeof(kinds_ns) / sizeof(kinds_ns[0]))];

	(void)r;
	steps += ns != 0;
	return any(2) ? -ns : ns;
}

static void assert_times(const char *path, const char *words)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	int64_t last_end_ns = 0;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(db, "SELECT cookie, duration_us FROM connection ORDER BY id", -1,
				   &stmt, NULL),
		SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		const unsigned int id = (unsigned int)sqlite3_column_int(stmt, 0);
		const int64_t us = sqlite3_column_int64(stmt, 1);
		int64_t true_us;

		assert_in_range(id, 1, fake.n_ids);
		true_us = (fake.ids[id].end_ns - fake.ids[id].start_ns) / NS_PER_US;
		/* One that a run takes over has its begin by the wall clock: as well as that is
		 * known. */
		if (us < 0 || llabs(us - true_us) > CLOCK_OFFSET_NOISE_NS / NS_PER_US)
			fail_msg("%s: connection %u lasted %lld us, its row says %lld", words, id,
				 (long long)true_us, (long long)us);
		if (fake.ids[id].end_ns <= last_end_ns)
			fail_msg("%s: connection %u ended before the one above it", words, id);
		last_end_ns = fake.ids[id].end_ns;
	}
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

static void a_clock_that_is_set_changes_no_duration_and_no_order(void **state)
{
	const unsigned int n = getenv("CONNMON_FAULT_ALL") ? MANY : FEW;
	struct rig rig = {.step_ns = any_step};
	char words[64];

	(void)state;
	for (unsigned int play = 1; play <= n; play++) {
		rig_setup(&rig);
		seed = play;
		rig_play(&rig);
		snprintf(words, sizeof(words), "clock steps, seed %u", play);
		rig_assert_whole(&rig, words);
		assert_times(rig.path, words);
		assert_int_equal(rig.failures, 0);
		assert_true(rig_number(rig.path, "SELECT count(*) FROM clock") > 2);
	}
	print_message("%u plays, the clock set %u times\n", n, steps);
	rig_teardown(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clock_that_is_set_changes_no_duration_and_no_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
