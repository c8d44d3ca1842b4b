/* Totals of five minutes, and hours that are made of them. */
#include "hourlydb.h"

static void a_clock_that_goes_back_opens_no_five_minutes_again(void **state)
{
	sqlite3 *db = hourlydb_open(*state);
	struct hourly *h = hourlydb_begin(db, 0);
	const int64_t begin_us = HOUR * HOUR_US;
	uint64_t seed = 1;

	hourlydb_fill_dictionaries(db);
	hourlydb_add(db, &seed, begin_us, 1000, 1000);
	/* It goes back while they are in work, and before the next run. */
	assert_int_equal(hourlydb_step(h, begin_us + RECENT_US + MINUTE_US), 1);
	hourlydb_finish(h, begin_us);
	assert_int_equal(hourlydb_recent(db), SLOT + 1);
	assert_int_equal(hourly_floor_us(h), begin_us + RECENT_US);
	hourly_free(h);
	h = hourlydb_begin(db, 0);
	assert_int_equal(hourly_floor_us(h), begin_us + RECENT_US);
	hourlydb_add(db, &seed, hourly_floor_us(h), 10, 500);
	assert_int_equal(hourlydb_finish(h, begin_us + 2), 0);
	hourlydb_check(db);
	hourlydb_finish(h, begin_us + 2 * RECENT_US + MINUTE_US);
	assert_int_equal(hourlydb_recent(db), SLOT + 2);
	assert_int_equal(hourlydb_watermark(db), 0);
	hourlydb_check(db);
	hourly_free(h);
	db_close(db);
}

static void of_a_long_history_only_the_last_two_hours_are_totalled_by_five_minutes(void **state)
{
	sqlite3 *db = hourlydb_open(*state);
	struct hourly *h = hourlydb_begin(db, 0);
	uint64_t seed = 1;

	hourlydb_fill_dictionaries(db);
	for (int i = 0; i < 5; i++)
		hourlydb_add(db, &seed, (HOUR + i) * HOUR_US, 7200000, 1000);
	/* However the clock stands, and however the collector dies meanwhile. */
	for (int i = 0; i < 100 && hourlydb_recent(db) < SLOT + 60; i++) {
		for (int steps = 0; steps < i; steps++)
			hourlydb_step(h, (HOUR + 1000) * HOUR_US);
		hourlydb_check(db);
		hourly_free(h);
		h = hourlydb_begin(db, 0);
	}
	hourlydb_finish(h, (HOUR + 1000) * HOUR_US);
	assert_int_equal(hourlydb_recent(db), SLOT + 60);
	assert_int_equal(tempdb_number(db, "SELECT recent_from_slot FROM extent"),
			 SLOT + 59 - RECENT_KEPT);
	assert_int_equal(tempdb_number(db, "SELECT min(slot) FROM recent_program"),
			 SLOT + 59 - RECENT_KEPT);
	assert_int_equal(hourlydb_watermark(db), HOUR + 5);
	hourlydb_check(db);
	/* And when no totals could be made for long. */
	tempdb_run(db, "UPDATE extent SET recent_until_slot = recent_until_slot - 30");
	hourly_free(h);
	h = hourlydb_begin(db, 0);
	tempdb_run(db, "DELETE FROM recent WHERE slot % 2; DELETE FROM recent_program");
	hourlydb_finish(h, (HOUR + 1000) * HOUR_US);
	assert_int_equal(hourlydb_recent(db), SLOT + 60);
	hourlydb_check(db);
	hourly_free(h);
	db_close(db);
}

/* Makes all that can be made, and returns how many rows of connection were read for it. */
static int rows_read(sqlite3 *db, struct hourly *h, int64_t now_us)
{
	int rows = 0;

	sqlite3_trace_v2(db, SQLITE_TRACE_ROW, hourlydb_count_row, &rows);
	hourlydb_finish(h, now_us);
	sqlite3_trace_v2(db, 0, NULL, NULL);
	return rows;
}

static void an_hour_is_made_of_its_five_minutes_and_their_rows_are_not_read_again(void **state)
{
	sqlite3 *db = hourlydb_open(*state);
	struct hourly *h = hourlydb_begin(db, 0);
	int64_t end_us;
	uint64_t seed = 1;

	hourlydb_fill_dictionaries(db);
	/* Two hours; some of the five minutes are empty. */
	for (int slot = 0; slot < 24; slot++) {
		end_us = HOUR * HOUR_US + (slot + 1) * RECENT_US;
		if (slot % 5 != 2)
			hourlydb_add(db, &seed, end_us - RECENT_US, 100000, 500);
		if (slot % 12 != 11)
			hourlydb_finish(h, end_us + MINUTE_US);
	}
	assert_int_equal(hourlydb_watermark(db), HOUR + 1);
	assert_int_equal(hourlydb_recent(db), SLOT + 22); /* and the next are empty */
	/* Those of the last five minutes, owners, and a few questions. */
	assert_in_range(rows_read(db, h, end_us + MINUTE_US), 500, 600);
	assert_int_equal(hourlydb_watermark(db), HOUR + 2);
	assert_int_equal(tempdb_number(db, "SELECT sum(attempts) FROM hourly"), 19 * 500);
	hourlydb_check(db);
	hourly_free(h);
	db_close(db);
}

static void of_an_hour_in_which_the_collector_began_all_rows_are_read(void **state)
{
	sqlite3 *db = hourlydb_open(*state);
	struct hourly *h = hourlydb_begin(db, 0);
	const int64_t begin_us = HOUR * HOUR_US;
	uint64_t seed = 1;

	hourlydb_fill_dictionaries(db);
	hourlydb_add(db, &seed, begin_us, 100000, 500);
	hourlydb_finish(h, begin_us + RECENT_US + MINUTE_US);
	hourly_free(h);
	h = hourlydb_begin(db, 0);
	hourlydb_add(db, &seed, begin_us + RECENT_US, 100000, 500);
	hourlydb_finish(h, begin_us + 2 * RECENT_US + MINUTE_US);
	assert_in_range(rows_read(db, h, begin_us + HOUR_US + MINUTE_US), 1000, 1100);
	assert_int_equal(tempdb_number(db, "SELECT sum(attempts) FROM hourly"), 1000);
	hourlydb_check(db);
	hourly_free(h);
	db_close(db);
}

/* While none could be made, more came than they are kept for. */
static void of_an_hour_some_of_whose_five_minutes_were_passed_over_all_rows_are_read(void **state)
{
	sqlite3 *db = hourlydb_open(*state);
	struct hourly *h = hourlydb_begin(db, 0);
	const int64_t begin_us = HOUR * HOUR_US;
	uint64_t seed = 1;

	hourlydb_fill_dictionaries(db);
	hourlydb_add(db, &seed, begin_us, 100000, 500);
	hourlydb_finish(h, begin_us + RECENT_US + MINUTE_US);
	assert_int_equal(hourlydb_recent(db), SLOT + 1);
	for (int slot = 1; slot < RECENT_KEPT + 6; slot++)
		hourlydb_add(db, &seed, begin_us + slot * RECENT_US, 100000, 100);
	hourlydb_finish(h, begin_us + 3 * HOUR_US + MINUTE_US);
	assert_int_equal(hourlydb_watermark(db), HOUR + 3);
	assert_int_equal(tempdb_number(db, "SELECT sum(attempts) FROM hourly"),
			 500 + (RECENT_KEPT + 5) * 100);
	hourlydb_check(db);
	hourly_free(h);
	db_close(db);
}

/* What is known of a process is known of its row, whose number another gets when it is gone. */
static void a_number_that_another_process_got_counts_for_its_program(void **state)
{
	sqlite3 *db = hourlydb_open(*state);
	struct hourly *h = hourlydb_begin(db, 0);
	uint64_t seed = 1;

	hourlydb_fill_dictionaries(db);
	hourlydb_add(db, &seed, HOUR * HOUR_US, 1000, 500);
	hourlydb_finish(h, (HOUR + 1) * HOUR_US + MINUTE_US);
	hourlydb_check(db);
	tempdb_run(db, "DELETE FROM connection; DELETE FROM hourly; DELETE FROM hourly_program;"
		       "DELETE FROM recent; DELETE FROM recent_program;"
		       "UPDATE process SET program_id = 1 + (program_id + 3) % 7");
	hourlydb_add(db, &seed, (HOUR + 1) * HOUR_US, 1000, 500);
	hourlydb_finish(h, (HOUR + 2) * HOUR_US + MINUTE_US);
	assert_int_equal(tempdb_number(db, "SELECT sum(attempts) FROM hourly"), 500);
	hourlydb_check(db);
	hourly_free(h);
	db_close(db);
}

/* Rows, five minutes, hours and new runs in any order, with little memory and with enough. */
static void whatever_comes_in_whatever_order_the_totals_are_those_of_the_rows(void **state)
{
	static const size_t rooms[] = {0, 0, 0, 7, 100, 1000};
	static const uint32_t apart_us[] = {10, 1000, 1000000, 60000000};
	sqlite3 *db = hourlydb_open(*state);
	struct hourly *h = hourlydb_begin(db, 0);
	uint64_t seed = 7;
	int64_t last = HOUR * HOUR_US;

	hourlydb_fill_dictionaries(db);
	for (int i = 0; i < 500; i++) {
		int64_t now_us = last + random_below(&seed, 600000000);

		if (last < hourly_floor_us(h))
			last = hourly_floor_us(h);
		switch (random_below(&seed, 20)) {
		case 0:
			hourly_free(h);
			h = hourlydb_begin(db, rooms[random_below(&seed, 6)]);
			break;
		case 1:
			now_us += random_below(&seed, 2) ? HOUR_US : -HOUR_US;
			hourlydb_finish(h, now_us);
			break;
		case 2:
			hourlydb_check(db);
			break;
		case 3:
		case 4:
		case 5:
		case 6:
			last = hourlydb_add(db, &seed, last + 1, apart_us[random_below(&seed, 4)],
					    1 + (int)random_below(&seed, 40));
			break;
		default:
			for (uint32_t n = random_below(&seed, 20); n > 0; n--)
				hourlydb_step(h, now_us);
		}
	}
	hourlydb_finish(h, last + 2 * HOUR_US);
	hourlydb_check(db);
	assert_true(hourlydb_watermark(db) > HOUR + 7);
	assert_int_equal(hourlydb_recent(db),
			 tempdb_number(db, "SELECT max(id) / 300000000 + 1 FROM connection"));
	hourly_free(h);
	db_close(db);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, tempdb_setup, tempdb_teardown)
	const struct CMUnitTest tests[] = {
		T(a_clock_that_goes_back_opens_no_five_minutes_again),
		T(of_a_long_history_only_the_last_two_hours_are_totalled_by_five_minutes),
		T(an_hour_is_made_of_its_five_minutes_and_their_rows_are_not_read_again),
		T(of_an_hour_in_which_the_collector_began_all_rows_are_read),
		T(of_an_hour_some_of_whose_five_minutes_were_passed_over_all_rows_are_read),
		T(a_number_that_another_process_got_counts_for_its_program),
		T(whatever_comes_in_whatever_order_the_totals_are_those_of_the_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
