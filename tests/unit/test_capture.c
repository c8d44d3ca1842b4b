/* Where a run goes on that reads programs older than itself, from what the database says of
 * them: believed only where it can be true. */
#include "unit.h"

#include "clock.h"
#include "storedb.h"

#define INSTANCE_NS (7 * NS_PER_S)

struct fixture {
	struct storedb on;
	struct capture first; /* what a run gets that cannot go on */
	int64_t known_boot_ns;
};

static int first_place(void *ctx, int64_t known_boot_ns, struct capture *out, struct err *err)
{
	struct fixture *f = ctx;

	(void)err;
	f->known_boot_ns = known_boot_ns;
	*out = f->first;
	return 0;
}

/* A run begins on programs whose ring holds the positions from 100 to 200. */
static bool begin(struct fixture *f, int64_t instance_ns, struct capture *place)
{
	const struct store_config config = {.path = f->on.temp->path,
					    .now_boot_ns = 10 * NS_PER_S,
					    .instance_ns = instance_ns,
					    .ring_from = 100,
					    .ring_to = 200,
					    .begin = first_place,
					    .ctx = f};
	struct err err = {0};

	f->first = (struct capture){.instance_ns = instance_ns, .ring_position = 150};
	if (store_open(&config, &f->on.processes, &f->on.containers, &f->on.store, &err))
		fail_msg("%s", err.msg);
	return store_resumes(f->on.store, place);
}

static void commit(struct fixture *f, uint64_t position)
{
	const struct flush flush = {.now_boot_ns = 11 * NS_PER_S,
				    .capture = {.instance_ns = INSTANCE_NS,
						.ring_position = position,
						.counters = {.filtered = 5}}};
	struct err err = {0};

	if (store_write(f->on.store, &flush, &err))
		fail_msg("%s", err.msg);
}

static void die(struct fixture *f)
{
	store_free(f->on.store);
	f->on.store = NULL;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct capture place;

	assert_non_null(f);
	storedb_init(&f->on);
	assert_false(begin(f, INSTANCE_NS, &place));
	assert_int_equal(place.ring_position, 150);
	storedb_look(&f->on);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	storedb_clear(&f->on);
	free(f);
	return 0;
}

static void a_run_goes_on_where_the_last_one_committed_and_there_is_no_gap(void **state)
{
	struct fixture *f = *state;
	struct capture place;

	commit(f, 120);
	die(f);
	assert_true(begin(f, INSTANCE_NS, &place));
	assert_int_equal(place.ring_position, 120);
	assert_int_equal(place.counters.filtered, 5);
	assert_int_equal(tempdb_number(f->on.db, "SELECT count(*) FROM gap"), 0);
}

static void a_run_that_committed_nothing_leaves_its_place_to_the_next(void **state)
{
	struct fixture *f = *state;
	struct capture place;

	die(f);
	assert_true(begin(f, INSTANCE_NS, &place));
	assert_int_equal(place.ring_position, 150);
	assert_int_equal(tempdb_number(f->on.db, "SELECT count(*) FROM gap"), 0);
}

static void a_place_that_cannot_be_is_not_gone_on_from(void **state)
{
	static const char *const spoils[] = {
		"UPDATE capture SET ring_position = 99",
		"UPDATE capture SET ring_position = 201",
		"UPDATE capture SET ring_position = -1",
		"UPDATE capture SET counters = x'00'",
		"UPDATE capture SET counters = zeroblob(4096)",
		"UPDATE capture SET boot_id = 'another'",
		"UPDATE capture SET instance = 8",
		"DELETE FROM capture",
	};
	struct fixture *f = *state;
	struct capture place;

	for (size_t i = 0; i < sizeof(spoils) / sizeof(spoils[0]); i++) {
		commit(f, 120);
		die(f);
		tempdb_run(f->on.db, spoils[i]);
		assert_false(begin(f, INSTANCE_NS, &place));
		assert_int_equal(place.ring_position, 150);
		assert_int_equal(f->known_boot_ns, 11 * NS_PER_S);
		assert_int_equal(tempdb_number(f->on.db,
					       "SELECT count(*) FROM gap WHERE reason = 'stopped'"),
				 i + 1);
	}
}

static void a_run_of_other_programs_in_between_ends_the_place(void **state)
{
	struct fixture *f = *state;
	struct capture place;

	commit(f, 120);
	die(f);
	assert_false(begin(f, 0, &place));
	assert_int_equal(place.instance_ns, 0);
	assert_int_equal(tempdb_number(f->on.db, "SELECT count(*) FROM capture"), 0);
	die(f);
	assert_false(begin(f, INSTANCE_NS, &place));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_run_goes_on_where_the_last_one_committed_and_there_is_no_gap),
		T(a_run_that_committed_nothing_leaves_its_place_to_the_next),
		T(a_place_that_cannot_be_is_not_gone_on_from),
		T(a_run_of_other_programs_in_between_ends_the_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
