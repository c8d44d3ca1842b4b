/* The wall clock is set while connections are open, between two runs, or while the
 * disk is full: what was recorded keeps its place in time. */
#include "unit.h"

#include <unistd.h>

#include "clock.h"
#include "storedb.h"

#define OFFSET_NS (1769853600LL * NS_PER_S) /* boot was at 2026-01-31 10:00:00 UTC */
#define HOUR_NS	  (3600 * NS_PER_S)

/* A run begins, @now_s after boot. */
static void begin(struct storedb *f, int64_t now_s, int64_t offset_ns)
{
	storedb_begin(f, now_s * NS_PER_S, offset_ns);
}

/* It is over, @now_s after boot. */
static void end(struct storedb *f, int64_t now_s, int64_t offset_ns)
{
	struct err err = {0};

	assert_int_equal(store_close(f->store, now_s * NS_PER_S, offset_ns, &err), 0);
	f->store = NULL;
}

static int setup(void **state)
{
	return storedb_setup(state, OFFSET_NS);
}

/* It began 5 s after boot. */
static struct connection connection(void)
{
	return (struct connection){.id = 1,
				   .cookie = 9,
				   .start_boot_ns = 5 * NS_PER_S,
				   .established_boot_ns = 5 * NS_PER_S,
				   .owner = {.pid = 7,
					     .start_boot_ns = 3 * NS_PER_S,
					     .comm = "curl"},
				   .family = 4,
				   .outcome = OUTCOME_OPEN};
}

static int write_open(struct storedb *f, struct connection *c)
{
	const struct flush flush = {.open = &c,
				    .n_open = 1,
				    .now_boot_ns = 6 * NS_PER_S,
				    .offset_ns = OFFSET_NS};
	struct err err = {0};

	return store_write(f->store, &flush, &err);
}

static int step(struct storedb *f, int64_t now_s, int64_t step_ns)
{
	const struct flush flush = {.now_boot_ns = now_s * NS_PER_S,
				    .offset_ns = OFFSET_NS + step_ns,
				    .clock_step_ns = step_ns};
	struct err err = {0};

	return store_write(f->store, &flush, &err);
}

static void what_is_open_moves_with_the_clock(void **state)
{
	struct storedb *f = *state;
	struct connection c = connection();

	assert_int_equal(write_open(f, &c), 0);
	tempdb_run(f->db, "INSERT INTO listener(netns, addr, port, from_us, to_us) VALUES"
			  " (1, '::', 80, 1000000, NULL), (1, '::', 81, 1000000, 2000000)");
	assert_int_equal(step(f, 7, HOUR_NS), 0);
	assert_string_equal(tempdb_text(f->db, "SELECT started_at FROM connections"),
			    "2026-01-31T11:00:05.000Z");
	assert_string_equal(tempdb_text(f->db, "SELECT group_concat(from_us) FROM listener"),
			    "3601000000,1000000");
	assert_string_equal(tempdb_text(f->db, "SELECT group_concat(offset_us - 1769853600000000)"
					       " FROM clock"),
			    "0,3600000000");
}

static void a_step_that_could_not_be_written_is_written_once(void **state)
{
	struct storedb *f = *state;
	struct connection c = connection();

	assert_int_equal(write_open(f, &c), 0);
	tempdb_run(f->db, "CREATE TRIGGER bad BEFORE UPDATE ON run"
			  " BEGIN SELECT raise(ABORT, 'no'); END");
	assert_true(step(f, 7, -HOUR_NS) < 0);
	tempdb_run(f->db, "DROP TRIGGER bad");
	assert_int_equal(step(f, 7, -HOUR_NS), 0);
	assert_string_equal(tempdb_text(f->db, "SELECT started_at FROM connections"),
			    "2026-01-31T09:00:05.000Z");
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM clock"), 2);
}

static int on_left(void *ctx, const struct connection *c)
{
	*(int64_t *)ctx = c->start_boot_ns;
	return 0;
}

/* A run in which the clock was set by @first, then one before which it was set by
 * @second: the open connection, the end of the first run and the gap between them
 * are where they were on the clock since boot. */
static void assert_taken_over(struct storedb *f, int64_t first, int64_t second)
{
	struct connection c = connection();
	int64_t start_boot_ns = 0;
	struct err err = {0};

	assert_int_equal(write_open(f, &c), 0);
	assert_int_equal(step(f, 7, first), 0);
	end(f, 8, OFFSET_NS + first);
	begin(f, 10, OFFSET_NS + first + second);
	assert_int_equal(store_each_open(f->store, on_left, &start_boot_ns, &err), 0);
	assert_int_equal(start_boot_ns, 5 * NS_PER_S);
	assert_int_equal(store_previous_end_boot_ns(f->store), 8 * NS_PER_S);
	assert_int_equal(tempdb_number(f->db, "SELECT to_us - from_us FROM gap"), 2000000);
	assert_int_equal(tempdb_number(f->db, "SELECT to_us - 1769853610000000 FROM gap"),
			 (first + second) / NS_PER_US);
}

static void a_run_takes_over_where_the_clock_was_set_back_before(void **state)
{
	assert_taken_over(*state, -HOUR_NS, 0);
}

static void a_run_takes_over_where_the_clock_was_set_between(void **state)
{
	assert_taken_over(*state, HOUR_NS, -2 * HOUR_NS);
}

static int64_t write_ended(struct storedb *f, int64_t offset_ns)
{
	struct connection c = connection();
	const struct flush flush = {.ended = &c,
				    .n_ended = 1,
				    .now_boot_ns = 12 * NS_PER_S,
				    .offset_ns = offset_ns};
	struct err err = {0};

	c.end_boot_ns = 11 * NS_PER_S;
	c.outcome = OUTCOME_CLOSED;
	assert_int_equal(store_write(f->store, &flush, &err), 0);
	return tempdb_number(f->db, "SELECT max(id) FROM connection");
}

static void keys_go_on_over_a_run_before_which_the_clock_was_set_back(void **state)
{
	struct storedb *f = *state;
	int64_t last = write_ended(f, OFFSET_NS);

	end(f, 12, OFFSET_NS);
	begin(f, 13, OFFSET_NS - HOUR_NS);
	assert_int_equal(write_ended(f, OFFSET_NS - HOUR_NS), last + 1);
	assert_int_equal(tempdb_number(f->db, "SELECT min(duration_us) FROM connection"), 6000000);
	assert_int_equal(write_ended(f, OFFSET_NS + HOUR_NS), last + HOUR_NS / NS_PER_US);
}

static void a_process_keeps_its_name_over_a_run_in_which_the_clock_was_set_back(void **state)
{
	struct storedb *f = *state;
	struct connection c = connection();

	assert_int_equal(write_open(f, &c), 0);
	assert_int_equal(step(f, 7, -HOUR_NS), 0);
	end(f, 8, OFFSET_NS - HOUR_NS);
	begin(f, 10, OFFSET_NS - HOUR_NS);
	c.id = 2;
	assert_int_equal(write_open(f, &c), 0);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM open_connection"), 2);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM process"), 1);
}

static void nonsense_in_the_file_does_not_keep_a_run_from_beginning(void **state)
{
	struct storedb *f = *state;
	struct connection c = connection();

	assert_int_equal(write_open(f, &c), 0);
	end(f, 8, OFFSET_NS);
	tempdb_run(f->db, "UPDATE open_row SET start_us = 9223372036854775807");
	begin(f, 10, OFFSET_NS + HOUR_NS);
}

static void the_watch_says_nothing_while_the_clock_is_left_alone(void **state)
{
	int fd = clock_watch();

	(void)state;
	assert_true(fd >= 0);
	assert_false(clock_was_set(fd));
	close(fd);
}

static void samples_of_the_offset_agree(void **state)
{
	int64_t first = clock_offset_ns();

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_true(llabs(clock_offset_ns() - first) <= CLOCK_OFFSET_NOISE_NS);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, storedb_teardown)
	const struct CMUnitTest tests[] = {
		T(what_is_open_moves_with_the_clock),
		T(a_step_that_could_not_be_written_is_written_once),
		T(a_run_takes_over_where_the_clock_was_set_back_before),
		T(a_run_takes_over_where_the_clock_was_set_between),
		T(keys_go_on_over_a_run_before_which_the_clock_was_set_back),
		T(a_process_keeps_its_name_over_a_run_in_which_the_clock_was_set_back),
		T(nonsense_in_the_file_does_not_keep_a_run_from_beginning),
		cmocka_unit_test(the_watch_says_nothing_while_the_clock_is_left_alone),
		cmocka_unit_test(samples_of_the_offset_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
