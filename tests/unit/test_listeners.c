#include "unit.h"

#include "listeners.h"

static int make(void **state)
{
	*state = listeners_new();
	return *state ? 0 : -1;
}

static int drop(void **state)
{
	listeners_free(*state);
	return 0;
}

static void up(struct listeners *ls, uint64_t cookie, uint16_t port, int64_t at_ns)
{
	const struct listener l = {
		.cookie = cookie, .port = port, .family = 4, .up = true, .from_boot_ns = at_ns};

	assert_int_equal(listeners_apply(ls, &l), 0);
}

static void down(struct listeners *ls, uint64_t cookie, int64_t at_ns)
{
	const struct listener l = {.cookie = cookie, .family = 4, .to_boot_ns = at_ns};

	assert_int_equal(listeners_apply(ls, &l), 0);
}

/* The unwritten ones, as if the store wrote them; their number. */
static size_t write_all(struct listeners *ls, struct listener *copies)
{
	struct listener *out[8];
	size_t n = listeners_unwritten(ls, out, 8);

	assert_int_equal(n, listeners_count_unwritten(ls));
	for (size_t i = 0; i < n; i++) {
		if (out[i]->row == 0)
			out[i]->row = 100 + (int64_t)out[i]->cookie;
		copies[i] = *out[i];
	}
	listeners_written(ls, out, n);
	assert_int_equal(listeners_count_unwritten(ls), 0);
	return n;
}

static void a_listener_is_offered_when_it_begins_and_when_it_ends(void **state)
{
	struct listener copies[8];

	up(*state, 1, 80, 10);
	up(*state, 1, 80, 11); /* told again by a scan */
	assert_int_equal(write_all(*state, copies), 1);
	assert_int_equal(copies[0].from_boot_ns, 10);
	assert_int_equal(copies[0].to_boot_ns, 0);
	down(*state, 1, 20);
	down(*state, 2, 20); /* never heard of */
	assert_int_equal(write_all(*state, copies), 1);
	assert_int_equal(copies[0].row, 101);
	assert_int_equal(copies[0].to_boot_ns, 20);
	assert_int_equal(write_all(*state, copies), 0);
}

static void one_that_ended_before_it_was_written_is_offered_once_with_both_times(void **state)
{
	struct listener copies[8];

	up(*state, 1, 80, 10);
	down(*state, 1, 20);
	assert_int_equal(write_all(*state, copies), 1);
	assert_int_equal(copies[0].from_boot_ns, 10);
	assert_int_equal(copies[0].to_boot_ns, 20);
}

static void a_socket_that_listens_again_is_another_listener(void **state)
{
	struct listener copies[8];

	up(*state, 1, 80, 10);
	down(*state, 1, 20);
	up(*state, 1, 81, 30);
	assert_int_equal(write_all(*state, copies), 2);
	assert_int_equal(copies[0].to_boot_ns, 20);
	assert_int_equal(copies[1].from_boot_ns, 30);
	up(*state, 1, 82, 40); /* its end was missed */
	assert_int_equal(write_all(*state, copies), 2);
	assert_int_equal(copies[0].port, 81);
	assert_int_equal(copies[0].to_boot_ns, 40);
	assert_int_equal(copies[1].port, 82);
}

static void a_leftover_goes_on_when_it_is_told_of_and_ends_when_not(void **state)
{
	const struct listener gone = {.cookie = 0, .port = 1, .row = 7},
			      same = {.cookie = 2, .port = 2, .row = 8};
	struct listener copies[8];

	assert_int_equal(listeners_leftover(*state, &gone), 0);
	assert_int_equal(listeners_leftover(*state, &same), 0);
	up(*state, 2, 2, 50);
	listeners_settle(*state, 40);
	assert_int_equal(write_all(*state, copies), 1);
	assert_int_equal(copies[0].row, 7);
	assert_int_equal(copies[0].to_boot_ns, 40);
	down(*state, 2, 60);
	assert_int_equal(write_all(*state, copies), 1);
	assert_int_equal(copies[0].row, 8);
}

/* Programs that ran while no collector did tell of it. */
static void the_end_of_a_leftover_is_when_it_was_told_not_when_the_earlier_run_ended(void **state)
{
	const struct listener gone = {.cookie = 0, .port = 1, .row = 7};
	struct listener copies[8];

	assert_int_equal(listeners_leftover(*state, &gone), 0);
	down(*state, 0, 45);
	listeners_settle(*state, 40);
	assert_int_equal(write_all(*state, copies), 1);
	assert_int_equal(copies[0].row, 7);
	assert_int_equal(copies[0].to_boot_ns, 45);
}

static void what_two_scans_did_not_meet_has_ended_but_not_what_stands_in_no_file(void **state)
{
	struct listener copies[8];

	up(*state, 1, 80, 10); /* the kernel's own */
	listeners_begin_sweep(*state);
	up(*state, 2, 81, 11);
	listeners_sweep(*state, 12);
	assert_int_equal(write_all(*state, copies), 2);
	listeners_begin_sweep(*state);
	listeners_sweep(*state, 13);
	assert_int_equal(write_all(*state, copies), 0);
	listeners_begin_sweep(*state);
	listeners_sweep(*state, 14);
	assert_int_equal(write_all(*state, copies), 1);
	assert_int_equal(copies[0].cookie, 2);
	assert_int_equal(copies[0].to_boot_ns, 14);
}

static void a_scan_that_failed_ends_none(void **state)
{
	struct listener copies[8];

	listeners_begin_sweep(*state);
	up(*state, 2, 81, 11);
	listeners_sweep(*state, 12);
	assert_int_equal(write_all(*state, copies), 1);
	for (int i = 0; i < 3; i++) {
		listeners_begin_sweep(*state);
		listeners_break_sweep(*state);
	}
	up(*state, 1, 80, 13); /* the kernel's own, not from a scan */
	assert_int_equal(write_all(*state, copies), 1);
	for (int i = 0; i < 3; i++) {
		listeners_begin_sweep(*state);
		up(*state, 2, 81, 14);
		listeners_sweep(*state, 15);
	}
	assert_int_equal(write_all(*state, copies), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make, drop)
	const struct CMUnitTest tests[] = {
		T(a_listener_is_offered_when_it_begins_and_when_it_ends),
		T(one_that_ended_before_it_was_written_is_offered_once_with_both_times),
		T(a_socket_that_listens_again_is_another_listener),
		T(a_leftover_goes_on_when_it_is_told_of_and_ends_when_not),
		T(a_scan_that_failed_ends_none),
		T(the_end_of_a_leftover_is_when_it_was_told_not_when_the_earlier_run_ended),
		T(what_two_scans_did_not_meet_has_ended_but_not_what_stands_in_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
