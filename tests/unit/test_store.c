/* The store on a real database: what a flush writes, and that it is all or nothing. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>

#include "clock.h"
#include "storedb.h"

#define OFFSET_NS (1769853600LL * NS_PER_S) /* boot was at 2026-01-31 10:00:00 UTC */
#define OFFSET_US (OFFSET_NS / NS_PER_US)

static int setup(void **state)
{
	return storedb_setup(state, OFFSET_NS);
}

static struct connection connection(uint64_t id, int64_t end_ns)
{
	struct connection c = {
		.id = id,
		.cookie = 9,
		.cgroup_id = 1,
		.start_boot_ns = end_ns - 5 * NS_PER_MS,
		.established_boot_ns = end_ns - 4 * NS_PER_MS,
		.end_boot_ns = end_ns,
		.tx_bytes = 100,
		.rx_bytes = 200,
		.owner = {.pid = 7,
			  .start_boot_ns = 3 * NS_PER_S,
			  .uid = 1000,
			  .ppid = 1,
			  .comm = "curl"},
		.netns = 4026531840,
		.srtt_us = 50,
		.min_rtt_us = 40,
		.local_port = 40000,
		.peer_port = 443,
		.family = 4,
		.outcome = OUTCOME_CLOSED,
		.owner_source = OWNER_CONNECT,
	};

	inet_pton(AF_INET, "10.0.0.1", &c.local_addr);
	inet_pton(AF_INET, "10.0.0.2", &c.peer_addr);
	return c;
}

static int write_rows(struct storedb *f, const struct connection *rows, size_t n)
{
	const struct flush flush = {.ended = rows,
				    .n_ended = n,
				    .now_boot_ns = 20 * NS_PER_S,
				    .offset_ns = OFFSET_NS};
	struct err err = {0};

	return store_write(f->store, &flush, &err);
}

static void an_ended_connection_is_one_row_whose_key_is_its_end(void **state)
{
	struct storedb *f = *state;
	struct connection c = connection(1, 10 * NS_PER_S);

	assert_int_equal(write_rows(f, &c, 1), 0);
	assert_int_equal(tempdb_number(f->db, "SELECT id FROM connection"), OFFSET_US + 10000000);
	assert_string_equal(tempdb_text(f->db, "SELECT started_at || ' ' || duration_us || ' ' ||"
					       " connect_us FROM connections"),
			    "2026-01-31T10:00:09.995Z 5000 1000");
	assert_string_equal(
		tempdb_text(f->db, "SELECT comm || pid || uid || local_addr || local_port ||"
				   " peer_addr || peer_port || netns || tx_bytes || rx_bytes ||"
				   " srtt_us || min_rtt_us || owner_source FROM connections"),
		"curl7100010.0.0.14000010.0.0.244340265318401002005040connect");
	assert_string_equal(tempdb_text(f->db, "SELECT error FROM connection"), "NULL");
	assert_string_equal(tempdb_text(f->db, "SELECT exe FROM program"), "NULL");
	assert_int_equal(store_recorded(f->store), 1);
	assert_int_equal(tempdb_number(f->db, "SELECT recorded FROM run"), 1);
}

static void keys_strictly_increase_even_when_the_clock_goes_back(void **state)
{
	struct storedb *f = *state;
	struct connection same[] = {connection(1, 10 * NS_PER_S), connection(2, 10 * NS_PER_S)};
	struct connection earlier = connection(3, 4 * NS_PER_S);

	assert_int_equal(write_rows(f, same, 2), 0);
	assert_int_equal(write_rows(f, &earlier, 1), 0);
	assert_string_equal(tempdb_text(f->db, "SELECT group_concat(id - 1769853610000000)"
					       " FROM connection"),
			    "0,1,2");
}

/* The totals of an interval are made once: what ends in it later counts in none. */
static void after_its_totals_no_row_ends_in_an_hour(void **state)
{
	struct storedb *f = *state;
	struct connection c = connection(1, 10 * NS_PER_S);
	struct err err = {0};

	assert_int_equal(write_rows(f, &c, 1), 0);
	while (store_upkeep(f->store, 3700 * NS_PER_S, OFFSET_NS, &err) > 0) {
	}
	assert_int_equal(tempdb_number(f->db, "SELECT totals_until_hour FROM extent"),
			 OFFSET_US / 3600000000 + 1);
	c = connection(2, 11 * NS_PER_S); /* the clock went back */
	assert_int_equal(write_rows(f, &c, 1), 0);
	assert_int_equal(tempdb_number(f->db,
				       "SELECT max(connection.id) - totals_until_hour * 3600000000"
				       " FROM connection, extent"),
			 0);
}

static void what_was_never_measured_is_null_and_no_time_is_negative(void **state)
{
	struct storedb *f = *state;
	struct connection rows[3] = {
		connection(1, 10 * NS_PER_S),
		connection(2, 11 * NS_PER_S),
		connection(3, 12 * NS_PER_S),
	};

	rows[0].established_boot_ns = 0;
	rows[1].direction = rows[2].direction = DIRECTION_IN;
	rows[1].accepted_boot_ns = rows[1].established_boot_ns - NS_PER_MS; /* Fast Open */
	rows[2].start_boot_ns = rows[2].end_boot_ns + NS_PER_MS; /* of another processor's clock */
	assert_int_equal(write_rows(f, rows, 3), 0);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM connection"
					      " WHERE connect_us IS NULL AND duration_us = 5000"
					      " AND direction = 0"),
			 1);
	assert_int_equal(tempdb_number(f->db, "SELECT accept_wait_us FROM connection"
					      " WHERE accept_wait_us IS NOT NULL"),
			 0);
	assert_int_equal(tempdb_number(f->db, "SELECT min(duration_us) FROM connection"), 0);
}

static void one_process_is_one_row_and_another_program_in_it_a_second(void **state)
{
	struct storedb *f = *state;
	struct connection rows[] = {connection(1, 10 * NS_PER_S), connection(2, 11 * NS_PER_S),
				    connection(3, 12 * NS_PER_S), connection(4, 13 * NS_PER_S)};

	strcpy(rows[2].owner.comm, "after-exec");
	rows[3].owner = (struct owner){0};
	rows[3].owner_source = OWNER_UNKNOWN;
	assert_int_equal(write_rows(f, rows, 4), 0);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM process"), 2);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM program"), 2);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM connections WHERE pid = 7"), 3);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM connections"
					      " WHERE pid IS NULL AND owner_source IS NULL"),
			 1);
	assert_string_equal(tempdb_text(f->db, "SELECT DISTINCT started_at FROM processes"),
			    "2026-01-31T10:00:03.000Z");
}

static void a_second_run_of_the_same_boot_finds_the_same_process(void **state)
{
	struct storedb *f = *state;
	struct connection c = connection(1, 10 * NS_PER_S);
	struct err err = {0};

	assert_int_equal(write_rows(f, &c, 1), 0);
	assert_int_equal(store_close(f->store, 15 * NS_PER_S, OFFSET_NS, &err), 0);
	processes_clear(&f->processes);
	storedb_begin(f, 16 * NS_PER_S, OFFSET_NS);
	assert_int_equal(write_rows(f, &c, 1), 0);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM process"), 1);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM connection"), 2);
}

static void the_time_between_two_runs_is_a_gap(void **state)
{
	struct storedb *f = *state;
	struct err err = {0};

	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM gap"), 0);
	assert_int_equal(store_close(f->store, 15 * NS_PER_S, OFFSET_NS, &err), 0);
	storedb_begin(f, 16 * NS_PER_S, OFFSET_NS);
	assert_string_equal(tempdb_text(f->db, "SELECT from_at || to_at || reason ||"
					       " ifnull(count, '-') FROM gaps"),
			    "2026-01-31T10:00:15.000Z2026-01-31T10:00:16.000Zstopped-");
	assert_int_equal(store_previous_end_boot_ns(f->store), 15 * NS_PER_S);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM run WHERE stop_us IS NULL"), 1);
}

static void a_killed_run_ended_with_its_last_commit(void **state)
{
	struct storedb *f = *state;

	assert_int_equal(write_rows(f, NULL, 0), 0); /* at 20 s */
	store_free(f->store);
	storedb_begin(f, 30 * NS_PER_S, OFFSET_NS);
	assert_string_equal(tempdb_text(f->db, "SELECT from_at FROM gaps"),
			    "2026-01-31T10:00:20.000Z");
}

static void an_open_connection_moves_when_it_ends(void **state)
{
	struct storedb *f = *state;
	struct connection c = connection(42, 0), *open[] = {&c};
	struct flush flush = {.open = open,
			      .n_open = 1,
			      .now_boot_ns = 8 * NS_PER_S,
			      .offset_ns = OFFSET_NS};
	struct err err = {0};

	c.start_boot_ns = 6 * NS_PER_S;
	c.established_boot_ns = 6 * NS_PER_S;
	c.outcome = OUTCOME_OPEN;
	assert_int_equal(store_write(f->store, &flush, &err), 0);
	assert_string_equal(tempdb_text(f->db, "SELECT outcome || started_at || comm ||"
					       " ifnull(ended_at, '-') FROM connections"),
			    "open2026-01-31T10:00:06.000Zcurl-");
	c.open_row = 42;
	c.outcome = OUTCOME_CLOSED;
	c.end_boot_ns = 10 * NS_PER_S;
	assert_int_equal(write_rows(f, &c, 1), 0);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM open_connection"), 0);
	assert_string_equal(tempdb_text(f->db, "SELECT outcome || started_at FROM connections"),
			    "closed2026-01-31T10:00:06.000Z");
}

struct left {
	struct connection c;
	int n;
};

static int on_left(void *ctx, const struct connection *c)
{
	struct left *l = ctx;

	l->c = *c;
	l->n++;
	return 0;
}

static void what_a_run_left_open_is_given_to_the_next(void **state)
{
	struct storedb *f = *state;
	struct connection c = connection(42, 8 * NS_PER_S), *open[] = {&c};
	struct flush flush = {.open = open,
			      .n_open = 1,
			      .now_boot_ns = 8 * NS_PER_S,
			      .offset_ns = OFFSET_NS};
	struct left left = {0};
	struct err err = {0};

	c.outcome = OUTCOME_OPEN;
	c.direction = DIRECTION_OUT;
	assert_int_equal(store_write(f->store, &flush, &err), 0);
	store_free(f->store);
	storedb_begin(f, 30 * NS_PER_S, OFFSET_NS);
	assert_int_equal(store_each_open(f->store, on_left, &left, &err), 0);
	assert_int_equal(left.n, 1);
	assert_int_equal(left.c.open_row, 42);
	assert_int_equal(left.c.cookie, 9);
	assert_int_equal(left.c.netns, 4026531840);
	assert_int_equal(left.c.start_boot_ns, c.start_boot_ns);
	assert_int_equal(left.c.established_boot_ns, c.established_boot_ns);
	assert_int_equal(left.c.family, 4);
	assert_int_equal(left.c.owner_source, OWNER_CONNECT);
	assert_memory_equal(&left.c.peer_addr, &c.peer_addr, sizeof(c.peer_addr));

	/* Written back with no process of its own, it keeps the one it had. */
	left.c.outcome = OUTCOME_LOST;
	left.c.end_boot_ns = 20 * NS_PER_S;
	assert_int_equal(write_rows(f, &left.c, 1), 0);
	assert_string_equal(tempdb_text(f->db, "SELECT outcome || comm || pid || connect_us"
					       " FROM connections"),
			    "lostcurl71000");
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM open_connection"), 0);
}

/* What the run that takes over cannot know again. */
static void what_a_run_left_open_keeps_its_thread_and_its_wait_for_the_accept(void **state)
{
	struct storedb *f = *state;
	struct connection c = connection(42, 8 * NS_PER_S), *open[] = {&c};
	const struct flush flush = {.open = open,
				    .n_open = 1,
				    .now_boot_ns = 8 * NS_PER_S,
				    .offset_ns = OFFSET_NS};
	struct left left = {0};
	struct err err = {0};

	c.outcome = OUTCOME_OPEN;
	c.direction = DIRECTION_IN;
	c.accepted_boot_ns = c.established_boot_ns + 7 * NS_PER_MS;
	strcpy(c.owner.thread, "\x1bworker\\7");
	assert_int_equal(store_write(f->store, &flush, &err), 0);
	store_free(f->store);
	storedb_begin(f, 30 * NS_PER_S, OFFSET_NS);
	assert_int_equal(store_each_open(f->store, on_left, &left, &err), 0);
	left.c.end_boot_ns = 20 * NS_PER_S;
	assert_int_equal(write_rows(f, &left.c, 1), 0);
	assert_string_equal(tempdb_text(f->db, "SELECT comm || ' ' || thread || ' ' ||"
					       " accept_wait_us FROM connections"),
			    "curl \\x1bworker\\\\7 7000");
}

static int on_left_listener(void *ctx, const struct listener *l)
{
	*(struct listener *)ctx = *l;
	return 0;
}

/* The first run of the boot may fail before it has looked at them: for want of rights, say. */
static void what_was_left_open_before_the_boot_has_no_cookie_for_any_run_after_it(void **state)
{
	struct storedb *f = *state;
	struct connection c = connection(42, 8 * NS_PER_S), *open[] = {&c};
	struct listener l = {.cookie = 9, .family = 4}, *listeners[] = {&l};
	const struct flush flush = {.open = open,
				    .n_open = 1,
				    .listeners = listeners,
				    .n_listeners = 1,
				    .now_boot_ns = 8 * NS_PER_S,
				    .offset_ns = OFFSET_NS};
	struct err err = {0};

	assert_int_equal(store_write(f->store, &flush, &err), 0);
	tempdb_run(f->db, "UPDATE run SET boot_id = 'another'");
	for (int i = 1; i <= 2; i++) {
		struct left left = {0};
		struct listener left_listener = {.cookie = 1};

		store_free(f->store);
		storedb_begin(f, i * NS_PER_S, OFFSET_NS);
		assert_int_equal(store_each_open(f->store, on_left, &left, &err), 0);
		assert_int_equal(left.n, 1);
		assert_int_equal(left.c.cookie, 0);
		assert_int_equal(store_each_listener(f->store, on_left_listener, &left_listener,
						     &err),
				 0);
		assert_int_equal(left_listener.row, 1);
		assert_int_equal(left_listener.cookie, 0);
	}
}

static void losses_and_clock_steps_become_rows(void **state)
{
	struct storedb *f = *state;
	const struct flush flush = {
		.lost = {[GAP_RING_FULL] = 7, [GAP_TABLE_FULL] = 2},
		.loser = {[GAP_RING_FULL] = {.uid = 4294967295, .count = 6}},
		.lost_since_boot_ns = 5 * NS_PER_S,
		.seen = 10,
		.seen_lost = 7,
		.recursion_misses = 5,
		.rescued = 3,
		.now_boot_ns = 6 * NS_PER_S,
		.offset_ns = OFFSET_NS + NS_PER_S,
		.clock_step_ns = NS_PER_S,
	};
	struct err err = {0};

	assert_int_equal(store_write(f->store, &flush, &err), 0);
	assert_string_equal(tempdb_text(f->db, "SELECT group_concat(reason || count) FROM gap"),
			    "ring_full7,table_full2");
	assert_string_equal(tempdb_text(f->db, "SELECT group_concat(format('%d of %d is %d''s',"
					       " uid_count, count, uid)) FROM gaps"
					       " WHERE uid NOT NULL OR uid_count NOT NULL"),
			    "6 of 7 is 4294967295's");
	assert_string_equal(tempdb_text(f->db, "SELECT DISTINCT from_at || to_at FROM gaps"),
			    "2026-01-31T10:00:06.000Z2026-01-31T10:00:07.000Z");
	assert_string_equal(tempdb_text(f->db, "SELECT seen || ' ' || lost || ' ' ||"
					       " recursion_misses || ' ' || rescued FROM run"),
			    "10 7 5 3");
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM clock"), 2);
}

static void a_failing_row_takes_its_batch_with_it_and_the_next_try_succeeds(void **state)
{
	struct storedb *f = *state;
	struct connection rows[] = {connection(1, 10 * NS_PER_S), connection(2, 11 * NS_PER_S)};

	rows[1].peer_port = 444;
	tempdb_run(f->db, "CREATE TRIGGER bad BEFORE INSERT ON connection WHEN new.peer_port = 444"
			  " BEGIN SELECT raise(ABORT, 'disk full'); END");
	assert_true(write_rows(f, rows, 2) < 0);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM connection"), 0);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM process"), 0);
	assert_int_equal(store_recorded(f->store), 0);
	tempdb_run(f->db, "DROP TRIGGER bad");
	assert_int_equal(write_rows(f, rows, 2), 0);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM connections WHERE pid = 7"), 2);
	assert_int_equal(tempdb_number(f->db, "SELECT min(id) FROM connection"),
			 OFFSET_US + 10000000);
}

/* A new listener, one that ended, and the end of a process, with its last row refused. */
static void a_flush_that_fails_at_its_end_is_written_once_by_the_next_try(void **state)
{
	struct storedb *f = *state;
	struct connection c = connection(1, 10 * NS_PER_S);
	struct listener new = {.cookie = 5, .family = 4, .port = 80, .from_boot_ns = NS_PER_S};
	struct listener old = {.cookie = 6, .family = 4, .port = 81, .from_boot_ns = NS_PER_S};
	struct listener *listeners[] = {&new, &old};
	struct flush flush = {.listeners = &listeners[1],
			      .n_listeners = 1,
			      .ended = &c,
			      .n_ended = 1,
			      .now_boot_ns = 20 * NS_PER_S,
			      .offset_ns = OFFSET_NS};
	struct err err = {0};

	new.owner = c.owner;
	assert_int_equal(store_write(f->store, &flush, &err), 0);
	assert_int_equal(old.row, 1);
	old.to_boot_ns = 25 * NS_PER_S;
	processes_exit(&f->processes, &c.owner, 26 * NS_PER_S);
	flush.listeners = listeners;
	flush.n_listeners = 2;
	flush.n_ended = 0;
	tempdb_run(f->db, "CREATE TRIGGER bad BEFORE UPDATE ON run"
			  " BEGIN SELECT raise(ROLLBACK, 'disk full'); END");
	for (int i = 0; i < 2; i++) {
		assert_true(store_write(f->store, &flush, &err) < 0);
		assert_int_equal(new.row, 0);
		assert_int_equal(old.row, 1);
		assert_string_equal(tempdb_text(f->db,
						"SELECT count(*) || ' ' || count(to_us) ||"
						" ' ' || (SELECT count(exit_us) FROM process)"
						" FROM listener"),
				    "1 0 0");
	}
	tempdb_run(f->db, "DROP TRIGGER bad");
	assert_int_equal(store_write(f->store, &flush, &err), 0);
	assert_int_equal(new.row, 2);
	assert_string_equal(tempdb_text(f->db, "SELECT group_concat(port || ifnull(comm, 0) ||"
					       " ifnull(to_at, '-')) FROM listeners"),
			    "8102026-01-31T10:00:25.000Z,80curl-");
	assert_string_equal(tempdb_text(f->db, "SELECT group_concat(ended_at) FROM processes"),
			    "2026-01-31T10:00:26.000Z");
	assert_int_equal(f->processes.n_exited, 0);
}

static void a_lock_held_by_somebody_else_is_busy_and_nothing_is_lost(void **state)
{
	struct storedb *f = *state;
	struct connection c = connection(1, 10 * NS_PER_S);

	tempdb_run(f->db, "BEGIN IMMEDIATE");
	assert_int_equal(write_rows(f, &c, 1), -EBUSY);
	tempdb_run(f->db, "COMMIT");
	assert_int_equal(write_rows(f, &c, 1), 0);
	assert_int_equal(tempdb_number(f->db, "SELECT count(*) FROM connection"), 1);
}

static void a_cgroup_is_kept_with_the_connection(void **state)
{
	struct storedb *f = *state;
	struct connection c = connection(1, 10 * NS_PER_S);

	c.cgroup_id = 77;
	c.owner.cgroup_id = 78;
	assert_int_equal(write_rows(f, &c, 1), 0);
	assert_int_equal(tempdb_number(f->db, "SELECT cgroup_id FROM connection c JOIN container k"
					      " ON k.id = c.container_id"),
			 77);
	assert_int_equal(tempdb_number(f->db, "SELECT cgroup_id FROM program g JOIN container k"
					      " ON k.id = g.container_id"),
			 78);
	assert_string_equal(tempdb_text(f->db, "SELECT container FROM connections"), "NULL");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, storedb_teardown)
	const struct CMUnitTest tests[] = {
		T(an_ended_connection_is_one_row_whose_key_is_its_end),
		T(keys_strictly_increase_even_when_the_clock_goes_back),
		T(after_its_totals_no_row_ends_in_an_hour),
		T(what_was_never_measured_is_null_and_no_time_is_negative),
		T(one_process_is_one_row_and_another_program_in_it_a_second),
		T(a_second_run_of_the_same_boot_finds_the_same_process),
		T(the_time_between_two_runs_is_a_gap),
		T(a_killed_run_ended_with_its_last_commit),
		T(an_open_connection_moves_when_it_ends),
		T(what_a_run_left_open_is_given_to_the_next),
		T(what_a_run_left_open_keeps_its_thread_and_its_wait_for_the_accept),
		T(what_was_left_open_before_the_boot_has_no_cookie_for_any_run_after_it),
		T(losses_and_clock_steps_become_rows),
		T(a_failing_row_takes_its_batch_with_it_and_the_next_try_succeeds),
		T(a_flush_that_fails_at_its_end_is_written_once_by_the_next_try),
		T(a_lock_held_by_somebody_else_is_busy_and_nothing_is_lost),
		T(a_cgroup_is_kept_with_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
