#include "unit.h"

#include <string.h>

#include "track.h"

static int make(void **state)
{
	*state = track_new();
	return *state ? 0 : -1;
}

static int drop(void **state)
{
	track_free(*state);
	return 0;
}

static struct event event(enum event_kind kind, uint64_t id)
{
	return (struct event){
		.kind = kind,
		.connection = {.id = id,
			       .cookie = id * 10,
			       .netns = 1,
			       .start_boot_ns = (int64_t)id,
			       .outcome = kind == KIND_END ? OUTCOME_CLOSED : OUTCOME_OPEN,
			       .end_boot_ns = kind == KIND_END ? 1000 : 0,
			       .tx_bytes = kind == KIND_END ? 5 : 0},
	};
}

static int apply(struct track *t, enum event_kind kind, uint64_t id, struct connection *ended)
{
	struct event e = event(kind, id);

	return track_apply(t, &e, ended);
}

static void a_connection_is_open_from_its_open_to_its_end(void **state)
{
	struct connection ended;

	assert_int_equal(apply(*state, KIND_OPEN, 7, &ended), 0);
	assert_int_equal(track_count(*state), 1);
	assert_int_equal(apply(*state, KIND_END, 7, &ended), 1);
	assert_int_equal(ended.id, 7);
	assert_int_equal(ended.tx_bytes, 5);
	assert_int_equal(ended.open_row, 0);
	assert_int_equal(track_count(*state), 0);
}

static void an_end_without_its_open_loses_nothing(void **state)
{
	struct connection ended;

	assert_int_equal(apply(*state, KIND_END, 7, &ended), 1);
	assert_int_equal(ended.id, 7);
	assert_int_equal(ended.outcome, OUTCOME_CLOSED);
	assert_int_equal(track_count(*state), 0);
}

static void an_open_told_twice_counts_once(void **state)
{
	struct connection ended;

	apply(*state, KIND_OPEN, 7, &ended);
	apply(*state, KIND_OPEN, 7, &ended);
	assert_int_equal(track_count(*state), 1);
}

static void an_attempt_opens_nothing_yet(void **state)
{
	struct connection ended;

	assert_int_equal(apply(*state, KIND_ATTEMPT, 7, &ended), 0);
	assert_int_equal(track_count(*state), 0);
}

static void what_is_old_enough_and_unwritten_is_offered_once(void **state)
{
	struct connection *out[8], ended;

	for (uint64_t id = 1; id <= 5; id++)
		apply(*state, KIND_OPEN, id, &ended);
	assert_int_equal(track_unwritten(*state, 4, out, 8), 3);
	assert_int_equal(out[0]->id, 1);
	assert_int_equal(out[2]->id, 3);
	assert_int_equal(track_unwritten(*state, 100, out, 2), 2);
	track_written(*state, out, 2);
	assert_int_equal(track_unwritten(*state, 100, out, 8), 3);
	assert_int_equal(out[0]->id, 3);
}

static void one_that_was_written_ends_with_the_row_it_had(void **state)
{
	struct connection *out[8], ended;

	apply(*state, KIND_OPEN, 7, &ended);
	apply(*state, KIND_OPEN, 8, &ended);
	track_unwritten(*state, 100, out, 8);
	track_written(*state, out, 1);
	apply(*state, KIND_END, 7, &ended);
	assert_int_equal(ended.open_row, 7);
	apply(*state, KIND_END, 8, &ended);
	assert_int_equal(ended.open_row, 0);
	assert_int_equal(track_unwritten(*state, 100, out, 8), 0);
}

static void leave(struct track *t, uint64_t cookie, int64_t row)
{
	const struct connection c = {.cookie = cookie,
				     .netns = 1,
				     .open_row = row,
				     .process_row = row + 100,
				     .owner_source = OWNER_CONNECT,
				     .start_boot_ns = -50,
				     .established_boot_ns = -40,
				     .outcome = OUTCOME_OPEN};

	assert_int_equal(track_leftover(t, &c), 0);
}

static void a_leftover_that_the_scan_names_goes_on_with_its_begin_and_owner(void **state)
{
	struct event e = event(KIND_OPEN, 7);
	struct connection *out[8], ended;

	leave(*state, 70, 3);
	e.connection.flags = CONNECTION_PREEXISTING | CONNECTION_START_UNSEEN;
	e.connection.owner_source = OWNER_SCAN;
	track_apply(*state, &e, &ended);
	assert_int_equal(track_unwritten(*state, INT64_MAX, out, 8), 0);
	e.kind = KIND_END;
	e.connection.flags |= CONNECTION_PEER_CLOSED;
	e.connection.tx_bytes = 9;
	assert_int_equal(track_apply(*state, &e, &ended), 1);
	assert_int_equal(ended.open_row, 3);
	assert_int_equal(ended.process_row, 103);
	assert_int_equal(ended.owner_source, OWNER_CONNECT);
	assert_int_equal(ended.start_boot_ns, -50);
	assert_int_equal(ended.established_boot_ns, -40);
	assert_int_equal(ended.flags, CONNECTION_PREEXISTING | CONNECTION_PEER_CLOSED);
	assert_int_equal(ended.tx_bytes, 9);
}

static void a_leftover_that_ends_before_the_scan_is_joined_with_its_end(void **state)
{
	struct event e = event(KIND_END, 7);
	struct connection ended;

	leave(*state, 70, 3);
	e.connection.flags = CONNECTION_START_UNSEEN;
	assert_int_equal(track_apply(*state, &e, &ended), 1);
	assert_int_equal(ended.open_row, 3);
	assert_int_equal(ended.start_boot_ns, -50);
}

static void a_leftover_whose_socket_is_connected_elsewhere_now_is_lost(void **state)
{
	struct event e = event(KIND_OPEN, 7);
	struct connection ended;

	leave(*state, 70, 3);
	e.connection.flags = CONNECTION_PREEXISTING | CONNECTION_START_UNSEEN;
	e.connection.peer_port = 443;
	track_apply(*state, &e, &ended);
	e.kind = KIND_END;
	assert_int_equal(track_apply(*state, &e, &ended), 1);
	assert_int_equal(ended.open_row, 0);
	assert_int_equal(ended.start_boot_ns, 7);
}

static void any_other_owner_is_better_than_who_listened(void **state)
{
	struct connection listened = {.cookie = 70,
				      .netns = 1,
				      .open_row = 3,
				      .process_row = 103,
				      .owner_source = OWNER_LISTENER,
				      .direction = DIRECTION_IN};
	struct event e = event(KIND_END, 7);
	struct connection ended;

	assert_int_equal(track_leftover(*state, &listened), 0);
	e.connection.flags = CONNECTION_START_UNSEEN;
	e.connection.owner.pid = e.connection.closer.pid = 9;
	e.connection.owner_source = OWNER_CLOSE;
	track_apply(*state, &e, &ended);
	assert_int_equal(ended.owner.pid, 9);
	assert_int_equal(ended.owner_source, OWNER_CLOSE);
	assert_int_equal(ended.process_row, 0);
	assert_int_equal(ended.open_row, 3);

	assert_int_equal(track_leftover(*state, &listened), 0);
	e.connection.owner.pid = e.connection.closer.pid = 0;
	e.connection.owner_source = OWNER_UNKNOWN;
	track_apply(*state, &e, &ended);
	assert_int_equal(ended.owner_source, OWNER_LISTENER);
	assert_int_equal(ended.process_row, 103);
}

static void the_cookie_of_another_namespace_is_another_socket(void **state)
{
	struct event e = event(KIND_END, 7);
	struct connection ended;

	leave(*state, 70, 3);
	e.connection.flags = CONNECTION_START_UNSEEN;
	e.connection.netns = 2;
	track_apply(*state, &e, &ended);
	assert_int_equal(ended.open_row, 0);
}

struct seen {
	struct connection rows[8];
	size_t n, room;
};

static bool take(void *ctx, const struct connection *c)
{
	struct seen *s = ctx;

	if (s->n == s->room)
		return false;
	s->rows[s->n++] = *c;
	return true;
}

/* Its programs outlived the run that wrote its row. */
static struct connection known(uint64_t id)
{
	return (struct connection){.open_row = (int64_t)id,
				   .cookie = id * 10,
				   .netns = 1,
				   .process_row = 3,
				   .container_row = 4,
				   .owner_source = OWNER_CONNECT,
				   .outcome = OUTCOME_OPEN};
}

static void what_the_programs_still_know_is_joined_with_its_end_by_its_name(void **state)
{
	struct event end = event(KIND_END, 7);
	struct connection c = known(7), ended;

	end.connection.owner_source = OWNER_CONNECT;
	assert_int_equal(track_known(*state, &c), 0);
	assert_int_equal(apply(*state, KIND_OPEN, 7, &ended), 0);
	assert_int_equal(track_count(*state), 1);
	assert_int_equal(track_apply(*state, &end, &ended), 1);
	assert_int_equal(ended.open_row, 7);
	assert_int_equal(ended.start_boot_ns, 7);
	assert_int_equal(ended.process_row, 3);
	assert_int_equal(ended.container_row, 4);
	assert_int_equal(ended.flags, 0);
	assert_int_equal(track_count(*state), 0);
}

static void what_the_programs_no_longer_know_is_lost_after_two_reviews(void **state)
{
	struct connection c = known(7);
	struct seen seen = {.room = 1};

	assert_int_equal(track_known(*state, &c), 0);
	track_begin_sweep(*state);
	assert_int_equal(track_sweep(*state, take, &seen), SWEPT_DOUBTFUL);
	track_begin_sweep(*state);
	assert_int_equal(track_sweep(*state, take, &seen), SWEPT_CLEAN);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.rows[0].outcome, OUTCOME_LOST);
	assert_int_equal(seen.rows[0].open_row, 7);
	assert_int_equal(track_count(*state), 0);
}

static void a_leftover_that_nobody_names_is_lost_once(void **state)
{
	struct seen seen = {.room = 8};

	leave(*state, 70, 3);
	leave(*state, 0, 4);
	leave(*state, 0, 5); /* two without a cookie: of an earlier boot */
	assert_true(track_lose_leftovers(*state, take, &seen));
	assert_int_equal(seen.n, 3);
	assert_int_equal(seen.rows[0].outcome, OUTCOME_LOST);
	assert_int_equal(seen.rows[0].open_row, 3);
	assert_int_equal(seen.rows[0].process_row, 103);
	assert_true(track_lose_leftovers(*state, take, &seen));
	assert_int_equal(seen.n, 3);
}

static void losing_stops_when_there_is_no_room_and_goes_on_later(void **state)
{
	struct seen seen = {.room = 1};

	leave(*state, 0, 3);
	leave(*state, 0, 4);
	assert_false(track_lose_leftovers(*state, take, &seen));
	assert_int_equal(seen.n, 1);
	seen.room = 8;
	assert_true(track_lose_leftovers(*state, take, &seen));
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.rows[0].open_row + seen.rows[1].open_row, 7);
}

static void what_two_sweeps_did_not_meet_is_lost_and_what_is_new_is_spared(void **state)
{
	struct seen seen = {.room = 8};
	struct connection ended;

	for (uint64_t id = 1; id <= 3; id++)
		apply(*state, KIND_OPEN, id, &ended);
	track_begin_sweep(*state);
	apply(*state, KIND_PROGRESS, 2, &ended);
	apply(*state, KIND_OPEN, 4, &ended);
	assert_int_equal(track_sweep(*state, take, &seen), SWEPT_DOUBTFUL);
	assert_int_equal(seen.n, 0);
	track_begin_sweep(*state);
	apply(*state, KIND_PROGRESS, 2, &ended);
	apply(*state, KIND_PROGRESS, 3, &ended); /* the list was read while it changed */
	apply(*state, KIND_PROGRESS, 4, &ended);
	assert_int_equal(track_sweep(*state, take, &seen), SWEPT_CLEAN);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.rows[0].id, 1);
	assert_int_equal(seen.rows[0].outcome, OUTCOME_LOST);
	assert_int_equal(track_count(*state), 3);
	/* What was met once more begins anew. */
	track_begin_sweep(*state);
	assert_int_equal(track_sweep(*state, take, &seen), SWEPT_DOUBTFUL);
	assert_int_equal(track_count(*state), 3);
}

static void a_sweep_without_room_keeps_the_rest_for_the_next(void **state)
{
	struct seen seen = {.room = 1};
	struct connection ended;

	apply(*state, KIND_OPEN, 1, &ended);
	apply(*state, KIND_OPEN, 2, &ended);
	track_begin_sweep(*state);
	assert_int_equal(track_sweep(*state, take, &seen), SWEPT_DOUBTFUL);
	track_begin_sweep(*state);
	assert_int_equal(track_sweep(*state, take, &seen), SWEPT_NO_ROOM);
	assert_int_equal(track_count(*state), 1);
	seen.room = 8;
	assert_int_equal(track_sweep(*state, take, &seen), SWEPT_CLEAN);
	assert_int_equal(seen.n, 2);
}

static void the_counters_of_an_open_connection_are_offered_again_when_they_changed(void **state)
{
	struct event e = event(KIND_PROGRESS, 7);
	struct connection *out[8], ended;

	apply(*state, KIND_OPEN, 7, &ended);
	track_written(*state, out, track_unwritten(*state, 100, out, 8));
	track_apply(*state, &e, &ended);
	assert_int_equal(track_unwritten(*state, 100, out, 8), 0);
	e.connection.rx_bytes = 99;
	track_apply(*state, &e, &ended);
	assert_int_equal(track_unwritten(*state, 0, out, 8), 1);
	assert_int_equal(out[0]->rx_bytes, 99);
	assert_int_equal(out[0]->open_row, 7);
	track_written(*state, out, 1);
	assert_int_equal(track_unwritten(*state, 100, out, 8), 0);
}

static void an_attempt_that_hangs_is_connecting_and_then_open(void **state)
{
	struct event e = event(KIND_PROGRESS, 7);
	struct connection *out[8], ended;

	e.connection.outcome = OUTCOME_CONNECTING;
	e.connection.owner.pid = 9;
	e.connection.owner_source = OWNER_CONNECT;
	track_apply(*state, &e, &ended);
	assert_int_equal(track_unwritten(*state, 100, out, 8), 1);
	assert_int_equal(out[0]->outcome, OUTCOME_CONNECTING);
	track_written(*state, out, 1);
	e.kind = KIND_OPEN;
	e.connection.outcome = OUTCOME_OPEN;
	e.connection.local_port = 4242;
	track_apply(*state, &e, &ended);
	assert_int_equal(track_unwritten(*state, 0, out, 8), 1);
	assert_int_equal(out[0]->outcome, OUTCOME_OPEN);
	assert_int_equal(out[0]->local_port, 4242);
	assert_int_equal(out[0]->open_row, 7);
	assert_int_equal(track_count(*state), 1);
}

static void an_owner_told_later_fills_in_what_was_not_known_better(void **state)
{
	struct event told = {.kind = KIND_OWNER,
			     .connection = {.id = 7,
					    .owner = {.pid = 9},
					    .owner_source = OWNER_SCAN}};
	struct event end = event(KIND_END, 7);
	struct connection *out[8], ended;

	apply(*state, KIND_OPEN, 7, &ended);
	track_written(*state, out, track_unwritten(*state, 100, out, 8));
	track_apply(*state, &told, &ended);
	assert_int_equal(track_unwritten(*state, 0, out, 8), 1);
	assert_int_equal(out[0]->owner.pid, 9);
	told.connection.owner.pid = 10; /* another who holds it */
	track_apply(*state, &told, &ended);
	end.connection.owner_source = OWNER_LISTENER;
	end.connection.owner.pid = 1;
	track_apply(*state, &end, &ended);
	assert_int_equal(ended.owner.pid, 9);
	assert_int_equal(ended.owner_source, OWNER_SCAN);

	apply(*state, KIND_OPEN, 7, &ended);
	track_apply(*state, &told, &ended);
	end.connection.owner_source = OWNER_CLOSE;
	end.connection.owner.pid = 11;
	track_apply(*state, &end, &ended);
	assert_int_equal(ended.owner.pid, 11);
	told.connection.id = 8; /* not open: nothing happens */
	assert_int_equal(track_apply(*state, &told, &ended), 0);
	assert_int_equal(track_count(*state), 0);
}

static void a_review_brings_the_owner_whose_own_record_was_lost(void **state)
{
	struct event e = event(KIND_OPEN, 7);
	struct connection *out[8], ended;

	e.connection.owner_source = OWNER_LISTENER;
	e.connection.owner.pid = 1;
	track_apply(*state, &e, &ended);
	track_written(*state, out, track_unwritten(*state, 100, out, 8));
	e.kind = KIND_PROGRESS;
	e.connection.owner_source = OWNER_ACCEPT;
	e.connection.owner.pid = 9;
	e.connection.accepted_boot_ns = 8;
	track_apply(*state, &e, &ended);
	assert_int_equal(track_unwritten(*state, 0, out, 8), 1);
	assert_int_equal(out[0]->owner.pid, 9);
	assert_int_equal(out[0]->owner_source, OWNER_ACCEPT);
	assert_int_equal(out[0]->accepted_boot_ns, 8);
}

static void in_another_database_an_owner_known_by_its_row_is_told_anew(void **state)
{
	struct event e = event(KIND_PROGRESS, 7);
	struct connection known = e.connection, *out[8], ended;

	known.owner = (struct owner){0};
	known.owner_source = OWNER_ACCEPT;
	known.open_row = 7;
	known.process_row = 3;
	assert_int_equal(track_known(*state, &known), 0);
	assert_int_equal(track_unwritten(*state, 100, out, 8), 0);
	track_forget_rows(*state);
	assert_int_equal(track_unwritten(*state, 100, out, 8), 1);
	assert_int_equal(out[0]->owner_source, OWNER_UNKNOWN);
	e.connection.owner_source = OWNER_ACCEPT;
	e.connection.owner.pid = 9;
	track_apply(*state, &e, &ended);
	assert_int_equal(out[0]->owner.pid, 9);
	assert_int_equal(out[0]->owner_source, OWNER_ACCEPT);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make, drop)
	const struct CMUnitTest tests[] = {
		T(a_connection_is_open_from_its_open_to_its_end),
		T(an_end_without_its_open_loses_nothing),
		T(an_open_told_twice_counts_once),
		T(what_the_programs_still_know_is_joined_with_its_end_by_its_name),
		T(what_the_programs_no_longer_know_is_lost_after_two_reviews),
		T(an_attempt_opens_nothing_yet),
		T(what_is_old_enough_and_unwritten_is_offered_once),
		T(one_that_was_written_ends_with_the_row_it_had),
		T(a_leftover_that_the_scan_names_goes_on_with_its_begin_and_owner),
		T(a_leftover_that_ends_before_the_scan_is_joined_with_its_end),
		T(any_other_owner_is_better_than_who_listened),
		T(the_cookie_of_another_namespace_is_another_socket),
		T(a_leftover_that_nobody_names_is_lost_once),
		T(losing_stops_when_there_is_no_room_and_goes_on_later),
		T(a_sweep_without_room_keeps_the_rest_for_the_next),
		T(what_two_sweeps_did_not_meet_is_lost_and_what_is_new_is_spared),
		T(the_counters_of_an_open_connection_are_offered_again_when_they_changed),
		T(an_attempt_that_hangs_is_connecting_and_then_open),
		T(a_leftover_whose_socket_is_connected_elsewhere_now_is_lost),
		T(an_owner_told_later_fills_in_what_was_not_known_better),
		T(a_review_brings_the_owner_whose_own_record_was_lost),
		T(in_another_database_an_owner_known_by_its_row_is_told_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
