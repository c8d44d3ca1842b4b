/* Totals on real databases: always what GROUP BY says of the rows, whatever happens. */
#include "hourlydb.h"

#include <errno.h>
#include <fcntl.h>

/* Half an hour into the hour after the last of three. */
#define NOW_US (((HOUR + 4) * HOUR_US) + 30 * MINUTE_US)

/* Three hours with rows and an empty one between them, and some in the hour that runs. */
static sqlite3 *history(const struct tempdb *t, int rows)
{
	sqlite3 *db = hourlydb_open(t);
	uint64_t seed = 1;

	hourlydb_fill_dictionaries(db);
	hourlydb_add(db, &seed, HOUR * HOUR_US, 1000000, rows);
	hourlydb_add(db, &seed, (HOUR + 2) * HOUR_US - 1, 1000000, rows);
	hourlydb_add(db, &seed, (HOUR + 3) * HOUR_US + 100, 1000, rows);
	hourlydb_add(db, &seed, (HOUR + 4) * HOUR_US, 1000, rows / 10);
	return db;
}

static void totals_are_what_group_by_says(void **state)
{
	sqlite3 *db = history(*state, 3000);
	struct hourly *h = hourlydb_begin(db, 0);

	hourlydb_finish(h, NOW_US);
	assert_int_equal(hourlydb_watermark(db), HOUR + 4);
	assert_int_equal(tempdb_number(db, "SELECT sum(attempts) FROM hourly"), 9000);
	assert_int_equal(tempdb_number(db, "SELECT sum(attempts) FROM hourly_program"), 9000);
	assert_true(tempdb_number(db, "SELECT count(*) FROM hourly WHERE program_id = 0") > 0);
	assert_true(tempdb_number(db, "SELECT count(*) FROM hourly WHERE container_id = 0") > 0);
	assert_true(tempdb_number(db, "SELECT count(*) FROM hourly WHERE connects = 0") > 0);
	/* Of five minutes, the hour that runs included. */
	assert_int_equal(hourlydb_recent(db), SLOT + 49);
	assert_int_equal(tempdb_number(db, "SELECT sum(attempts) FROM recent_program"), 6299);
	assert_true(tempdb_number(db, "SELECT count(DISTINCT slot) FROM recent") > 5);
	assert_int_equal(tempdb_number(db, "SELECT sum(attempts) FROM recent"),
			 tempdb_number(db, "SELECT sum(attempts) FROM recent_program"
					   " WHERE direction = 0"));
	hourlydb_check(db);
	hourly_free(h);
	db_close(db);
}

static void more_keys_than_fit_in_memory_give_the_same_totals(void **state)
{
	static const size_t rooms[] = {7, 64, 1000, 1024, 1025};
	sqlite3 *db = history(*state, 1500);

	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		struct hourly *h;

		tempdb_run(db, "DELETE FROM hourly; DELETE FROM hourly_program;"
			       "DELETE FROM recent; DELETE FROM recent_program;"
			       "UPDATE extent SET totals_until_hour = 0, recent_until_slot = 0");
		h = hourlydb_begin(db, rooms[i]);
		hourlydb_finish(h, NOW_US);
		assert_int_equal(hourlydb_watermark(db), HOUR + 4);
		hourlydb_check(db);
		hourly_free(h);
	}
	/* More than a thousand keys, so that all of these made parts. */
	assert_true(tempdb_number(db, "SELECT count(*) / 3 FROM hourly") > 1025);
	db_close(db);
}

static void a_long_budget_does_all_in_one_step(void **state)
{
	sqlite3 *db = history(*state, 1000);
	struct hourly *h = hourlydb_begin(db, 0);
	struct err err = {0};

	assert_int_equal(hourly_step(h, NOW_US, INT64_MAX, &err), 0);
	assert_int_equal(hourlydb_watermark(db), HOUR + 4);
	hourlydb_check(db);
	hourly_free(h);
	db_close(db);
}

/* ---- what a crash leaves ---- */

static void copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	char buf[65536];
	ssize_t n;

	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		assert_int_equal(write(out, buf, (size_t)n), n);
	close(in);
	close(out);
}

/* After @steps the collector dies. The next run finds the clock within the hour that was in
 * work, takes in more rows as store_write() keys them, and goes on when the hour is over.
 * False: there were not so many steps to take. */
static bool survives(const struct tempdb *t, int steps)
{
	sqlite3 *db = hourlydb_open(t);
	struct hourly *h = hourlydb_begin(db, 50);
	uint64_t seed = (uint64_t)steps;
	bool more = true;
	int64_t last;

	for (int i = 0; i < steps && more; i++)
		more = hourlydb_step(h, NOW_US);
	hourly_free(h);
	hourlydb_check(db);
	db_close(db);

	db = hourlydb_open(t);
	h = hourlydb_begin(db, 50);
	hourlydb_check(db);
	last = tempdb_number(db, "SELECT max(id) FROM connection");
	if (last < hourly_floor_us(h))
		last = hourly_floor_us(h);
	hourlydb_add(db, &seed, last + 1, 100, 50);
	hourlydb_finish(h, NOW_US);
	assert_int_equal(hourlydb_watermark(db), HOUR + 4);
	assert_int_equal(hourlydb_recent(db),
			 tempdb_number(db, "SELECT max(id) / 300000000 + 1 FROM connection"));
	hourlydb_check(db);
	hourly_free(h);
	db_close(db);
	return more;
}

static void a_death_after_any_step_changes_nothing(void **state)
{
	struct tempdb *t = *state, copy = *t;
	sqlite3 *db = history(t, 150);
	int steps = 0;

	/* So that the hour in work is the last that has rows. */
	tempdb_run(db, "DELETE FROM connection WHERE id >= 491604 * 3600000000;"
		       "PRAGMA wal_checkpoint(TRUNCATE)");
	db_close(db);
	strcat(copy.path, "2");
	do {
		char wal[128];

		snprintf(wal, sizeof(wal), "%s-wal", copy.path);
		unlink(wal);
		copy_file(t->path, copy.path);
	} while (survives(&copy, steps++));
	assert_true(steps > 60);
	unlink(copy.path);
	strcpy(copy.path + strlen(copy.path), "-wal");
	unlink(copy.path);
	strcpy(copy.path + strlen(copy.path) - 4, "-shm");
	unlink(copy.path);
}

/* ---- which hours, and when ---- */

static void an_hour_is_left_alone_until_it_is_over_and_its_records_are_in(void **state)
{
	sqlite3 *db = hourlydb_open(*state);
	struct hourly *h = hourlydb_begin(db, 0);
	const int64_t end_us = (HOUR + 1) * HOUR_US;
	uint64_t seed = 1;

	hourlydb_fill_dictionaries(db);
	hourlydb_add(db, &seed, HOUR * HOUR_US, 1000, 100);
	assert_int_equal(hourlydb_step(h, HOUR * HOUR_US + MINUTE_US), 0);
	assert_int_equal(hourlydb_finish(h, HOUR * HOUR_US + RECENT_US + 4000000), 0);
	assert_int_equal(hourly_floor_us(h), 0);
	/* Its first five minutes, then: */
	assert_true(hourlydb_finish(h, HOUR * HOUR_US + RECENT_US + 5000000) > 0);
	assert_int_equal(hourly_floor_us(h), HOUR * HOUR_US + RECENT_US);
	assert_int_equal(hourlydb_step(h, end_us - 1), 0);
	assert_int_equal(hourlydb_step(h, end_us + 4000000), 0);
	assert_int_equal(hourly_floor_us(h), HOUR * HOUR_US + RECENT_US);
	assert_int_equal(hourlydb_watermark(db), 0);
	/* One that ended in time and comes only now: it still is of that hour. */
	hourlydb_add(db, &seed, end_us - 1, 1, 1);
	assert_int_equal(hourlydb_step(h, end_us + 5000000), 1);
	assert_int_equal(hourly_floor_us(h), end_us);
	hourlydb_finish(h, end_us + 5000000);
	assert_int_equal(hourlydb_watermark(db), HOUR + 1);
	hourlydb_check(db);
	assert_int_equal(tempdb_number(db, "SELECT sum(attempts) FROM hourly"), 101);
	hourly_free(h);
	db_close(db);
}

static void a_clock_that_goes_back_opens_no_hour_again(void **state)
{
	sqlite3 *db = hourlydb_open(*state);
	struct hourly *h = hourlydb_begin(db, 0);
	uint64_t seed = 1;

	hourlydb_fill_dictionaries(db);
	hourlydb_add(db, &seed, HOUR * HOUR_US, 1000, 1000);
	/* It goes back while the hour is in work. */
	while (hourly_floor_us(h) < (HOUR + 1) * HOUR_US)
		assert_int_equal(hourlydb_step(h, (HOUR + 1) * HOUR_US + MINUTE_US), 1);
	assert_int_equal(hourlydb_watermark(db), 0);
	hourlydb_finish(h, HOUR * HOUR_US + 1);
	assert_int_equal(hourlydb_watermark(db), HOUR + 1);
	assert_int_equal(hourly_floor_us(h), (HOUR + 1) * HOUR_US);
	hourly_free(h);
	/* Also for the next run. */
	h = hourlydb_begin(db, 0);
	assert_int_equal(hourly_floor_us(h), (HOUR + 1) * HOUR_US);
	hourlydb_add(db, &seed, hourly_floor_us(h), 10, 500);
	hourlydb_finish(h, HOUR * HOUR_US + 2);
	assert_int_equal(hourlydb_watermark(db), HOUR + 1);
	hourlydb_finish(h, (HOUR + 2) * HOUR_US + MINUTE_US);
	assert_int_equal(hourlydb_watermark(db), HOUR + 2);
	hourlydb_check(db);
	hourly_free(h);
	db_close(db);
}

static void while_nothing_is_recorded_a_wrong_clock_leaves_no_trace(void **state)
{
	sqlite3 *db = hourlydb_open(*state);
	struct hourly *h = hourlydb_begin(db, 0);
	uint64_t seed = 1;

	hourlydb_fill_dictionaries(db);
	/* The year 2040, and back. */
	assert_int_equal(hourlydb_step(h, (HOUR + 122640) * HOUR_US), 0);
	assert_int_equal(hourly_floor_us(h), 0);
	assert_int_equal(hourlydb_watermark(db), 0);
	hourlydb_add(db, &seed, HOUR * HOUR_US, 1000, 1000);
	hourlydb_finish(h, (HOUR + 1) * HOUR_US + MINUTE_US);
	assert_int_equal(hourlydb_watermark(db), HOUR + 1);
	hourlydb_check(db);
	hourly_free(h);
	db_close(db);
}

static void a_year_without_a_connection_is_passed_over(void **state)
{
	sqlite3 *db = hourlydb_open(*state);
	struct hourly *h = hourlydb_begin(db, 0);
	uint64_t seed = 1;

	hourlydb_fill_dictionaries(db);
	hourlydb_add(db, &seed, HOUR * HOUR_US, 1000, 10);
	hourlydb_add(db, &seed, (HOUR + 8760) * HOUR_US, 1000, 10);
	assert_true(hourlydb_finish(h, (HOUR + 9000) * HOUR_US) < 20);
	assert_int_equal(hourlydb_watermark(db), HOUR + 8761);
	hourlydb_check(db);
	hourly_free(h);
	db_close(db);
}

/* ---- gentle ---- */

static void a_step_is_bounded_and_leaves_nothing_open(void **state)
{
	sqlite3 *db = history(*state, 3000);
	struct hourly *h = hourlydb_begin(db, 1500);
	int rows = 0, most_read = 0, most_written = 0, before;
	bool more;

	/* Owners are looked up beside the rows. */
	sqlite3_trace_v2(db, SQLITE_TRACE_ROW, hourlydb_count_row, &rows);
	do {
		rows = 0;
		before = sqlite3_total_changes(db);
		more = hourlydb_step(h, NOW_US);
		if (rows > most_read)
			most_read = rows;
		if (sqlite3_total_changes(db) - before > most_written)
			most_written = sqlite3_total_changes(db) - before;
		assert_int_equal(sqlite3_txn_state(db, "main"), SQLITE_TXN_NONE);
	} while (more);
	assert_in_range(most_read, SERIES_READ_ROWS, 2 * SERIES_READ_ROWS);
	assert_in_range(most_written, SERIES_WRITE_ROWS, SERIES_WRITE_ROWS + 1);
	hourly_free(h);
	db_close(db);
}

/* ---- trouble ---- */

static int try_step(struct hourly *h)
{
	struct err err = {0};
	int ret;

	while ((ret = hourly_step(h, NOW_US, 0, &err)) > 0)
		;
	if (ret)
		assert_int_not_equal(strlen(err.msg), 0);
	return ret;
}

static void after_a_lock_and_after_a_full_disk_it_goes_on(void **state)
{
	struct tempdb *t = *state;
	sqlite3 *db = history(t, 3000), *other = hourlydb_open(t);
	struct hourly *h = hourlydb_begin(db, 0);
	char sql[64];

	sqlite3_busy_timeout(db, 0);
	tempdb_run(other, "BEGIN IMMEDIATE");
	assert_int_equal(try_step(h), -EBUSY);
	assert_int_equal(try_step(h), -EBUSY);
	tempdb_run(other, "COMMIT");

	snprintf(sql, sizeof(sql), "PRAGMA max_page_count=%ld",
		 tempdb_number(db, "PRAGMA page_count") + 30);
	sqlite3_exec(db, sql, NULL, NULL, NULL);
	assert_int_equal(try_step(h), -ENOSPC);
	assert_int_equal(try_step(h), -ENOSPC);
	assert_true(sqlite3_get_autocommit(db));
	hourlydb_check(db);
	sqlite3_exec(db, "PRAGMA max_page_count=1000000", NULL, NULL, NULL);
	assert_int_equal(try_step(h), 0);
	assert_int_equal(hourlydb_watermark(db), HOUR + 4);
	hourlydb_check(db);
	hourly_free(h);
	db_close(other);
	db_close(db);
}

static void a_row_that_fails_late_takes_its_transaction_with_it(void **state)
{
	sqlite3 *db = history(*state, 3000);
	struct hourly *h = hourlydb_begin(db, 0);

	tempdb_run(db, "CREATE TRIGGER fails BEFORE INSERT ON hourly"
		       " WHEN new.peer_addr > '10.0.1' BEGIN SELECT raise(ABORT, 'no'); END");
	assert_int_equal(try_step(h), -EIO);
	assert_int_equal(try_step(h), -EIO);
	assert_int_equal(tempdb_number(db, "SELECT count(*) % 1000 FROM hourly"), 0);
	tempdb_run(db, "DROP TRIGGER fails; CREATE TRIGGER fails BEFORE UPDATE OF totals_until_hour"
		       " ON extent BEGIN SELECT raise(ABORT, 'no'); END");
	assert_int_equal(try_step(h), -EIO);
	assert_int_equal(hourlydb_watermark(db), 0);
	tempdb_run(db, "DROP TRIGGER fails");
	assert_int_equal(try_step(h), 0);
	assert_int_equal(hourlydb_watermark(db), HOUR + 4);
	hourlydb_check(db);
	hourly_free(h);
	db_close(db);
}

/* ---- numbers at their bounds ---- */

static void huge_byte_counts_are_exact_and_what_does_not_fit_is_the_greatest_number(void **state)
{
	sqlite3 *db = hourlydb_open(*state);
	struct hourly *h = hourlydb_begin(db, 0);
	uint64_t seed = 1;

	hourlydb_fill_dictionaries(db);
	hourlydb_add(db, &seed, HOUR * HOUR_US, 1000, 7);
	tempdb_run(db, "UPDATE connection SET tx_bytes = 0x1249249249249249, direction = 0,"
		       " peer_addr = 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', peer_port = 443");
	hourlydb_finish(h, (HOUR + 1) * HOUR_US + MINUTE_US);
	assert_int_equal(tempdb_number(db, "SELECT sum(tx_bytes) FROM hourly"), INT64_MAX);
	hourlydb_check(db);

	hourlydb_add(db, &seed, (HOUR + 1) * HOUR_US, 1000, 3);
	tempdb_run(db, "UPDATE connection SET tx_bytes = 0x7000000000000000, direction = 0,"
		       " peer_addr = '::2', peer_port = 443, process_id = NULL, flags = 0,"
		       " container_id = NULL WHERE id >= 491601 * 3600000000");
	hourlydb_finish(h, (HOUR + 2) * HOUR_US + MINUTE_US);
	assert_string_equal(tempdb_text(db, "SELECT tx_bytes || ' ' || attempts FROM hourly"
					    " WHERE hour = 491601"),
			    "9223372036854775807 3");
	hourly_free(h);
	db_close(db);
}

static void an_address_that_cannot_be_one_is_damage_and_not_a_total(void **state)
{
	sqlite3 *db = hourlydb_open(*state);
	struct hourly *h = hourlydb_begin(db, 0);
	uint64_t seed = 1;

	hourlydb_fill_dictionaries(db);
	hourlydb_add(db, &seed, HOUR * HOUR_US, 1000, 7);
	tempdb_run(db, "UPDATE connection SET peer_addr = printf('%.60c', 'f')");
	assert_int_equal(try_step(h), -EUCLEAN);
	assert_int_equal(hourlydb_watermark(db), 0);
	hourly_free(h);
	db_close(db);
}

static void a_watermark_that_makes_no_sense_is_damage(void **state)
{
	sqlite3 *db = hourlydb_open(*state);
	struct hourly *h = NULL;
	struct err err = {0};

	tempdb_run(db, "UPDATE extent SET totals_until_hour = 9000000000000");
	assert_int_equal(hourly_new(db, &h, &err), -EUCLEAN);
	assert_null(h);
	tempdb_run(db, "DELETE FROM extent");
	assert_int_equal(hourly_new(db, &h, &err), -EUCLEAN);
	db_close(db);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, tempdb_setup, tempdb_teardown)
	const struct CMUnitTest tests[] = {
		T(totals_are_what_group_by_says),
		T(more_keys_than_fit_in_memory_give_the_same_totals),
		T(a_long_budget_does_all_in_one_step),
		T(a_death_after_any_step_changes_nothing),
		T(an_hour_is_left_alone_until_it_is_over_and_its_records_are_in),
		T(a_clock_that_goes_back_opens_no_hour_again),
		T(while_nothing_is_recorded_a_wrong_clock_leaves_no_trace),
		T(a_year_without_a_connection_is_passed_over),
		T(a_step_is_bounded_and_leaves_nothing_open),
		T(after_a_lock_and_after_a_full_disk_it_goes_on),
		T(a_row_that_fails_late_takes_its_transaction_with_it),
		T(huge_byte_counts_are_exact_and_what_does_not_fit_is_the_greatest_number),
		T(an_address_that_cannot_be_one_is_damage_and_not_a_total),
		T(a_watermark_that_makes_no_sense_is_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
