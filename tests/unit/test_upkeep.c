/* What the store does between flushes: totals of hours that are over. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>

#include "clock.h"
#include "hourlydb.h"
#include "storedb.h"

#define OFFSET_NS (HOUR * HOUR_US * NS_PER_US) /* boot was when the hour began */
#define MINUTE_NS (60 * NS_PER_S)

static int setup(void **state)
{
	return storedb_setup(state, OFFSET_NS);
}

static void write_row(struct storedb *f, int64_t end_ns)
{
	struct connection c = {.id = (uint64_t)end_ns,
			       .start_boot_ns = end_ns - NS_PER_S,
			       .end_boot_ns = end_ns,
			       .peer_port = 443,
			       .family = 4,
			       .outcome = OUTCOME_CLOSED};
	const struct flush flush = {.ended = &c,
				    .n_ended = 1,
				    .now_boot_ns = end_ns,
				    .offset_ns = OFFSET_NS};
	struct err err = {0};

	inet_pton(AF_INET, "10.0.0.2", &c.peer_addr);
	if (store_write(f->store, &flush, &err))
		fail_msg("%s", err.msg);
}

static int upkeep(struct storedb *f, int64_t now_ns)
{
	struct err err = {0};
	int ret;

	while ((ret = store_upkeep(f->store, now_ns, OFFSET_NS, &err)) > 0)
		;
	return ret;
}

static void a_row_that_comes_after_its_hour_was_totalled_is_one_of_the_next(void **state)
{
	struct storedb *f = *state;

	write_row(f, 10 * MINUTE_NS);
	assert_int_equal(upkeep(f, 61 * MINUTE_NS), 0);
	assert_int_equal(hourlydb_watermark(f->db), HOUR + 1);
	/* The clock was set back, in this run and before the next. */
	write_row(f, 20 * MINUTE_NS);
	store_free(f->store);
	storedb_begin(f, 30 * MINUTE_NS, OFFSET_NS);
	write_row(f, 31 * MINUTE_NS);
	assert_string_equal(tempdb_text(f->db, "SELECT group_concat(id - 491600 * 3600000000)"
					       " FROM connection"),
			    "600000000,3600000000,3600000001");
	assert_int_equal(upkeep(f, 32 * MINUTE_NS), 0);
	assert_int_equal(upkeep(f, 122 * MINUTE_NS), 0);
	assert_int_equal(hourlydb_watermark(f->db), HOUR + 2);
	hourlydb_check(f->db);
}

static void after_a_restart_the_first_row_is_behind_all_that_was_totalled(void **state)
{
	struct storedb *f = *state;

	write_row(f, 10 * MINUTE_NS);
	assert_int_equal(upkeep(f, 61 * MINUTE_NS), 0);
	tempdb_run(f->db, "DELETE FROM connection");
	store_free(f->store);
	storedb_begin(f, 30 * MINUTE_NS, OFFSET_NS);
	write_row(f, 31 * MINUTE_NS);
	assert_int_equal(tempdb_number(f->db, "SELECT id - 491601 * 3600000000 FROM connection"),
			 0);
}

static void the_lock_of_another_is_not_waited_for_and_it_goes_on_later(void **state)
{
	struct storedb *f = *state;

	write_row(f, 10 * MINUTE_NS);
	tempdb_run(f->db, "BEGIN IMMEDIATE");
	assert_int_equal(upkeep(f, 61 * MINUTE_NS), -EBUSY);
	tempdb_run(f->db, "COMMIT");
	assert_int_equal(upkeep(f, 61 * MINUTE_NS), 0);
	assert_int_equal(hourlydb_watermark(f->db), HOUR + 1);
	hourlydb_check(f->db);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, storedb_teardown)
	const struct CMUnitTest tests[] = {
		T(a_row_that_comes_after_its_hour_was_totalled_is_one_of_the_next),
		T(after_a_restart_the_first_row_is_behind_all_that_was_totalled),
		T(the_lock_of_another_is_not_waited_for_and_it_goes_on_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
