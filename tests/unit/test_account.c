#include "unit.h"

#include "account.h"

static void assert_balanced(const struct flush *f)
{
	for (int i = 0; i < PROBE_RECORDS; i++)
		assert_int_equal(f->account[i].seen, f->account[i].recorded + f->account[i].lost +
							     f->account[i].filtered);
}

static void seen_is_recorded_and_lost_and_filtered_for_each_kind_of_record(void **state)
{
	struct account a = {.taken = {[KIND_OPEN] = 5, [KIND_END] = 90}};
	const struct probe_counters kernel = {.seen = {[KIND_OPEN] = 7, [KIND_END] = 100},
					      .lost = {[KIND_OPEN] = 2, [KIND_END] = 10},
					      .missed_ends = 3,
					      .filtered = 4,
					      .listeners_full = 1,
					      .table_full = 6};
	struct flush f = {0};

	(void)state;
	account_settle(&a, &kernel);
	account_flush(&a, &kernel, false, &f);
	assert_balanced(&f);
	assert_int_equal(f.account[KIND_END].seen, 107);
	assert_int_equal(f.account[KIND_END].lost, 13);
	assert_int_equal(f.account[KIND_END].filtered, 4);
	assert_int_equal(f.lost[GAP_RING_FULL], 10);
	assert_int_equal(f.lost[GAP_RECURSION], 3);
	assert_int_equal(f.lost[GAP_TABLE_FULL], 6);
	assert_int_equal(f.lost[GAP_CORRUPT], 0);
	assert_int_equal(f.seen_lost, 13);
}

static void what_was_told_in_a_gap_is_not_told_again(void **state)
{
	struct account a = {0};
	struct probe_counters kernel = {.seen = {[KIND_END] = 10}, .lost = {[KIND_END] = 10}};
	struct flush f = {0};

	(void)state;
	account_flush(&a, &kernel, true, &f);
	assert_int_equal(f.lost[GAP_DISK_FULL], 10);
	assert_int_equal(f.lost[GAP_RING_FULL], 0);
	account_flushed(&a, &kernel);
	kernel.seen[KIND_END] = kernel.lost[KIND_END] = 11;
	f = (struct flush){0};
	account_flush(&a, &kernel, false, &f);
	assert_int_equal(f.lost[GAP_RING_FULL], 1);
	assert_int_equal(f.account[KIND_END].lost, 11);
}

static void a_gap_names_the_user_who_lost_most_of_it(void **state)
{
	struct account a = {.kernel = {.lost = {[KIND_END] = 5},
				       .lost_by = {5},
				       .loser = {PROBE_LOSER(PROBE_LOSS_RING, 7)}}};
	struct probe_counters kernel = {.lost = {[KIND_END] = 105},
					.table_full = 3,
					.lost_by = {11, 93, 1000},
					.loser = {PROBE_LOSER(PROBE_LOSS_RING, 7),
						  PROBE_LOSER(PROBE_LOSS_RING, 4000000000),
						  PROBE_LOSER(PROBE_LOSS_TABLE, 9)}};
	struct flush f = {0};

	(void)state;
	account_flush(&a, &kernel, false, &f);
	assert_int_equal(f.loser[GAP_RING_FULL].uid, 4000000000);
	assert_int_equal(f.loser[GAP_RING_FULL].count, 93);
	assert_int_equal(f.loser[GAP_TABLE_FULL].uid, 9);
	/* Read before the whole was: never more than that. */
	assert_int_equal(f.loser[GAP_TABLE_FULL].count, 3);
	account_flushed(&a, &kernel);
	f = (struct flush){0};
	account_flush(&a, &kernel, true, &f);
	assert_int_equal(f.loser[GAP_DISK_FULL].count, 0);
}

static void what_users_lost_before_this_run_is_not_its_own(void **state)
{
	const struct account a = {.before = {.lost = {[KIND_END] = 5}, .lost_by = {5}}};
	struct probe_counters kernel = {.lost = {[KIND_END] = 8},
					.lost_by = {7},
					.loser = {PROBE_LOSER(PROBE_LOSS_RING, 7)}};
	struct flush f = {0};

	(void)state;
	account_ours(&a, &kernel);
	account_flush(&a, &kernel, false, &f);
	assert_int_equal(f.lost[GAP_RING_FULL], 3);
	assert_int_equal(f.loser[GAP_RING_FULL].uid, 7);
	assert_int_equal(f.loser[GAP_RING_FULL].count, 2);
	assert_int_equal(account_so_far(&a, &kernel).lost_by[0], 7);
}

static void what_never_came_is_corrupt_at_the_end_and_not_before(void **state)
{
	struct account a = {.taken = {[KIND_END] = 8, [KIND_EXEC] = 1}, .corrupt = 1};
	const struct probe_counters kernel = {.seen = {[KIND_END] = 10, [KIND_EXEC] = 1}};
	struct flush f = {0};

	(void)state;
	account_flush(&a, &kernel, false, &f);
	assert_int_equal(f.lost[GAP_CORRUPT], 1); /* the rest may wait in the ring */
	account_flushed(&a, &kernel);
	account_settle(&a, &kernel);
	f = (struct flush){0};
	account_flush(&a, &kernel, false, &f);
	assert_int_equal(f.lost[GAP_CORRUPT], 1);
	assert_balanced(&f);
	assert_int_equal(account_lost_ends(&a, &kernel), 2);
}

static void a_run_counts_only_what_no_earlier_one_accounted_for(void **state)
{
	struct account first = {.taken = {[KIND_END] = 90}}, next = {.taken = {[KIND_END] = 7}};
	/* Three ends wait in the ring. */
	struct probe_counters kernel = {.seen = {[KIND_END] = 103},
					.lost = {[KIND_END] = 10},
					.filtered = 4,
					.missed_ends = 1};
	struct flush f = {0};

	(void)state;
	account_ours(&first, &kernel);
	next.before = account_so_far(&first, &kernel);
	assert_int_equal(next.before.seen[KIND_END], 100);
	kernel.seen[KIND_END] += 6;
	kernel.lost[KIND_END] += 2;
	kernel.filtered += 5;
	account_ours(&next, &kernel);
	account_flush(&next, &kernel, false, &f);
	assert_balanced(&f);
	assert_int_equal(f.account[KIND_END].seen, 7 + 2 + 5);
	assert_int_equal(f.account[KIND_END].lost, 2);
	assert_int_equal(f.lost[GAP_RING_FULL], 2);
	assert_int_equal(f.lost[GAP_RECURSION], 0);
	assert_int_equal(account_so_far(&next, &kernel).seen[KIND_END], 109);
	assert_int_equal(account_so_far(&next, &kernel).filtered, 9);
}

static void a_run_that_hands_over_has_seen_what_it_took(void **state)
{
	struct account a = {.taken = {[KIND_END] = 8}, .handed_over = true};
	const struct probe_counters kernel = {.seen = {[KIND_END] = 13}, .lost = {[KIND_END] = 1}};
	struct flush f = {0};

	(void)state;
	account_flush(&a, &kernel, false, &f);
	assert_balanced(&f);
	assert_int_equal(f.account[KIND_END].seen, 9);
	assert_int_equal(f.seen, 9);
}

static void what_the_tables_had_no_room_for_is_told_once(void **state)
{
	struct account a = {0};
	struct probe_counters kernel = {.table_full = 6, .in_connect_full = 2};
	struct flush f = {0};

	(void)state;
	account_flush(&a, &kernel, false, &f);
	assert_int_equal(f.lost[GAP_TABLE_FULL], 8);
	account_flushed(&a, &kernel);
	kernel.in_connect_full++;
	f = (struct flush){0};
	account_flush(&a, &kernel, false, &f);
	assert_int_equal(f.lost[GAP_TABLE_FULL], 1);
}

static void a_new_database_has_an_account_of_its_own(void **state)
{
	struct account a = {.taken = {[KIND_END] = 80}};
	struct probe_counters kernel = {.seen = {[KIND_END] = 100},
					.lost = {[KIND_END] = 20},
					.filtered = 4,
					.missed_ends = 1,
					.listeners_full = 2,
					.rescued = 3,
					.recursion_misses = 5};
	struct flush f = {0};

	(void)state;
	account_flushed(&a, &kernel); /* of which the old one tells */
	a.taken[KIND_END] = 85;
	kernel.seen[KIND_END] = 107;
	kernel.lost[KIND_END] = 22;
	kernel.filtered = 5;
	kernel.missed_ends = 2;
	kernel.listeners_full = 3;
	kernel.rescued = 4;
	kernel.recursion_misses = 7;
	account_set_aside(&a);
	account_flush(&a, &kernel, false, &f);
	assert_balanced(&f);
	assert_int_equal(f.account[KIND_END].seen, 9);
	assert_int_equal(f.account[KIND_END].recorded, 5);
	assert_int_equal(f.account[KIND_END].lost, 3);
	assert_int_equal(f.account[KIND_END].filtered, 1);
	assert_int_equal(f.account[KIND_LISTEN].lost, 1);
	assert_int_equal(f.seen, 8);
	assert_int_equal(f.rescued, 1);
	assert_int_equal(f.recursion_misses, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seen_is_recorded_and_lost_and_filtered_for_each_kind_of_record),
		cmocka_unit_test(what_was_told_in_a_gap_is_not_told_again),
		cmocka_unit_test(a_gap_names_the_user_who_lost_most_of_it),
		cmocka_unit_test(what_users_lost_before_this_run_is_not_its_own),
		cmocka_unit_test(what_never_came_is_corrupt_at_the_end_and_not_before),
		cmocka_unit_test(a_run_counts_only_what_no_earlier_one_accounted_for),
		cmocka_unit_test(a_run_that_hands_over_has_seen_what_it_took),
		cmocka_unit_test(what_the_tables_had_no_room_for_is_told_once),
		cmocka_unit_test(a_new_database_has_an_account_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
