#include "unit.h"

#include "batch.h"

static void a_batch_is_due_when_it_is_full_or_old(void **state)
{
	struct connection c = {.id = 1};
	struct batch b;

	(void)state;
	assert_int_equal(batch_init(&b, 2, 100), 0);
	assert_false(batch_due(&b, 50, 149));
	assert_true(batch_due(&b, 50, 150));
	batch_add(&b, &c);
	assert_false(batch_full(&b));
	batch_add(&b, &c);
	assert_true(batch_full(&b));
	assert_true(batch_due(&b, 50, 101));
	batch_flushed(&b, 120);
	assert_int_equal(b.n, 0);
	assert_false(batch_due(&b, 50, 169));
	batch_clear(&b);
}

static void rows_are_sorted_by_their_end_and_then_by_their_id(void **state)
{
	static const struct connection rows[] = {
		{.id = 1, .end_boot_ns = 30},
		{.id = 3, .end_boot_ns = 10},
		{.id = 2, .end_boot_ns = 10},
		{.id = 4, .end_boot_ns = -5},
	};
	static const uint64_t order[] = {4, 2, 3, 1};
	struct batch b;

	(void)state;
	assert_int_equal(batch_init(&b, 4, 0), 0);
	for (size_t i = 0; i < 4; i++)
		batch_add(&b, &rows[i]);
	batch_sort(&b);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(b.rows[i].id, order[i]);
	batch_clear(&b);
}

static void what_waits_says_up_to_when_all_is_flushed(void **state)
{
	static const struct connection rows[] = {{.end_boot_ns = 30},
						 {.end_boot_ns = 10},
						 {.end_boot_ns = 20}};
	struct batch b;

	(void)state;
	assert_int_equal(batch_init(&b, 4, 0), 0);
	assert_int_equal(batch_flushed_until(&b, 40), 40);
	for (size_t i = 0; i < 3; i++)
		batch_add(&b, &rows[i]);
	assert_int_equal(batch_flushed_until(&b, 40), 10);
	assert_int_equal(batch_flushed_until(&b, 5), 5);
	batch_flushed(&b, 50);
	assert_int_equal(batch_flushed_until(&b, 60), 60);
	batch_add(&b, &rows[0]);
	assert_int_equal(batch_flushed_until(&b, 60), 30);
	batch_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_is_due_when_it_is_full_or_old),
		cmocka_unit_test(what_waits_says_up_to_when_all_is_flushed),
		cmocka_unit_test(rows_are_sorted_by_their_end_and_then_by_their_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
