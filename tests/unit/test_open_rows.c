/* What is open, in a real database: rows that are over are told from the others until they go. */
#include "unit.h"

#include <arpa/inet.h>

#include "clock.h"
#include "storedb.h"

#define OFFSET_NS (1769853600LL * NS_PER_S)
#define MANY	  1000 /* so many that are over are swept, when no more are open */

struct fixture {
	struct storedb store;
	struct connection rows[3 * MANY], *open[3 * MANY];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	storedb_init(&f->store);
	storedb_begin(&f->store, NS_PER_S, OFFSET_NS);
	storedb_look(&f->store);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	storedb_clear(*state);
	free(*state);
	return 0;
}

static struct connection connection(uint64_t id)
{
	struct connection c = {
		.id = id,
		.cookie = id,
		.start_boot_ns = 2 * NS_PER_S + (int64_t)id,
		.established_boot_ns = 2 * NS_PER_S + (int64_t)id,
		.family = 4,
		.outcome = OUTCOME_OPEN,
	};

	inet_pton(AF_INET, "10.0.0.1", &c.local_addr);
	inet_pton(AF_INET, "10.0.0.2", &c.peer_addr);
	return c;
}

static void flush(struct fixture *f, size_t n_open, size_t n_ended)
{
	const struct flush flush = {.open = f->open,
				    .n_open = n_open,
				    .ended = f->rows,
				    .n_ended = n_ended,
				    .now_boot_ns = 20 * NS_PER_S,
				    .offset_ns = OFFSET_NS};
	struct err err = {0};

	if (store_write(f->store.store, &flush, &err))
		fail_msg("%s", err.msg);
}

/* Ids from @first on. */
static void open_some(struct fixture *f, uint64_t first, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		f->rows[i] = connection(first + i);
		f->open[i] = &f->rows[i];
	}
	flush(f, n, 0);
}

static void end_some(struct fixture *f, uint64_t first, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		f->rows[i] = connection(first + i);
		f->rows[i].open_row = (int64_t)(first + i);
		f->rows[i].outcome = OUTCOME_CLOSED;
		f->rows[i].end_boot_ns = 10 * NS_PER_S + (int64_t)(first + i);
	}
	flush(f, 0, n);
}

static void keep_house(struct fixture *f)
{
	struct err err = {0};
	int ret;

	while ((ret = store_upkeep(f->store.store, 20 * NS_PER_S, OFFSET_NS, &err)) > 0)
		;
	if (ret < 0)
		fail_msg("%s", err.msg);
}

/* What is open for whoever asks; rows in the table; those of them that are over. */
static void expect(struct fixture *f, int64_t open, int64_t rows, int64_t over)
{
	sqlite3 *db = f->store.db;

	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM open_connections"), open);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM open_connection"), open);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM open_row"), rows);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM open_over"), over);
}

static void few_that_are_over_stay_and_nobody_sees_them(void **state)
{
	struct fixture *f = *state;

	open_some(f, 1, 10);
	end_some(f, 3, 5);
	keep_house(f);
	expect(f, 5, 10, 5);
	assert_int_equal(tempdb_number(f->store.db, "SELECT count(*) FROM connections"), 10);
	assert_int_equal(tempdb_number(f->store.db, "SELECT sum(id) FROM open_connection"),
			 1 + 2 + 8 + 9 + 10);
}

static void as_many_that_are_over_as_are_open_are_swept(void **state)
{
	struct fixture *f = *state;

	open_some(f, 1, 3 * MANY);
	end_some(f, 11, 3 * MANY - 20);
	expect(f, 20, 3 * MANY, 3 * MANY - 20);
	keep_house(f);
	expect(f, 20, 20, 0);
	/* Then 1,920 are open, and 1,400 that are over are too few. */
	open_some(f, 5001, 2 * MANY + 900);
	end_some(f, 5001, MANY);
	keep_house(f);
	expect(f, MANY + 920, MANY + 920, 0);
	end_some(f, 5001 + MANY, MANY + 400);
	keep_house(f);
	expect(f, 520, MANY + 920, MANY + 400);
}

static void one_that_was_thought_to_be_lost_is_open_when_it_is_met_again(void **state)
{
	struct fixture *f = *state;

	open_some(f, 1, 3);
	end_some(f, 2, 1);
	expect(f, 2, 3, 1);
	open_some(f, 2, 1);
	expect(f, 3, 3, 0);
}

static int count(void *ctx, const struct connection *c)
{
	int64_t *sum = ctx;

	*sum += c->open_row;
	return 0;
}

static void the_next_run_takes_over_what_is_open_and_sweeps_the_rest(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};
	int64_t sum = 0;

	open_some(f, 1, MANY + 2);
	end_some(f, 3, MANY);
	store_free(f->store.store); /* as if killed */
	storedb_begin(&f->store, 30 * NS_PER_S, OFFSET_NS);
	assert_int_equal(store_each_open(f->store.store, count, &sum, &err), 0);
	assert_int_equal(sum, 1 + 2);
	expect(f, 2, MANY + 2, MANY);
	keep_house(f);
	expect(f, 2, 2, 0);
}

static void a_flush_that_fails_leaves_open_what_it_was_to_end(void **state)
{
	struct fixture *f = *state;
	struct flush flush = {.now_boot_ns = 20 * NS_PER_S, .offset_ns = OFFSET_NS};
	struct err err = {0};

	open_some(f, 1, 3);
	tempdb_run(f->store.db, "CREATE TRIGGER no BEFORE UPDATE ON run BEGIN"
				" SELECT raise(ABORT, 'no'); END");
	f->rows[0].open_row = 1;
	f->rows[0].end_boot_ns = 10 * NS_PER_S;
	flush.ended = f->rows;
	flush.n_ended = 1;
	assert_int_not_equal(store_write(f->store.store, &flush, &err), 0);
	expect(f, 3, 3, 0);
	tempdb_run(f->store.db, "DROP TRIGGER no");
	assert_int_equal(store_write(f->store.store, &flush, &err), 0);
	expect(f, 2, 3, 1);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(few_that_are_over_stay_and_nobody_sees_them),
		T(as_many_that_are_over_as_are_open_are_swept),
		T(one_that_was_thought_to_be_lost_is_open_when_it_is_met_again),
		T(the_next_run_takes_over_what_is_open_and_sweeps_the_rest),
		T(a_flush_that_fails_leaves_open_what_it_was_to_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
