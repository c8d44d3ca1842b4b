/* More connections at a time than there is room for: each is a row still, and that some
 * were not followed is told. */
#include "alone.h"
#include "parts.h"
#include "rows.h"

#include <stdlib.h>
#include <sys/socket.h>

#define N 150 /* with a row on each side */

static struct scene *scene_at_port(void)
{
	struct scene *s = scene_new("127.0.0.1");

	s->port = ALONE_PORT;
	return s;
}

static int fresh(void **state)
{
	struct node *n = node_new();

	alone_start(n, (const char *const[]){"--flush", "100ms", "--max-open", "100", "--refresh",
					     "1h", NULL});
	*state = n;
	return 0;
}

static void part_many_servers(struct scene *s)
{
	int listener = listen_at(s->addr, s->port), fds[N];

	cue_give(s, CUE_LISTENING);
	for (int i = 0; i < N; i++)
		fds[i] = accept_one(listener);
	for (int i = 0; i < N; i++) {
		receive_bytes(fds[i], 3);
		wait_for_end(fds[i]);
		close(fds[i]);
	}
	close(listener);
}

static void part_many_clients(struct scene *s)
{
	int fds[N];

	cue_wait(s, CUE_LISTENING);
	for (int i = 0; i < N; i++)
		fds[i] = dial(s->addr, s->port);
	for (int i = 0; i < N; i++)
		send_bytes(fds[i], 3);
	cue_give(s, CUE_CONNECTED);
	cue_wait(s, CUE_GO);
	for (int i = 0; i < N; i++)
		close(fds[i]);
}

static void every_connection_is_a_row_and_those_not_followed_say_so(void **state)
{
	struct scene *s = scene_at_port();
	struct node *n = *state;
	long netns = (long)node_stage(n);
	pid_t server = actor_start("server", part_many_servers, s);
	pid_t client = actor_start("client", part_many_clients, s);

	cue_wait(s, CUE_CONNECTED);
	cue_give(s, CUE_GO);
	actor_wait(client);
	actor_wait(server);
	node_fence(n);
	n->stages[n->n_stages - 1].n_rows = 2L * N;
	node_expect_number(n, NODE_ENDED_ROWS, netns, 2L * N);
	/* Right in what an end says by itself. */
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM connections WHERE netns = ?1"
				     " AND outcome = 'closed' AND local_port > 0 AND"
				     " tx_bytes + rx_bytes = 3",
				     netns),
			 2L * N);
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM connections WHERE netns = ?1"
				     " AND direction = 'out' AND peer_port = 47112",
				     netns),
			 N);
	assert_true(
		node_number(
			n,
			"SELECT count(*) FROM connections WHERE ended_at NOT NULL AND netns = ?1 AND flags & 4",
			netns) >= 2L * N - 100);
	/* Never a wrong owner, rather none. */
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM connections WHERE netns = ?1 AND NOT"
				     " CASE WHEN pid IS NULL THEN owner_source IS NULL"
				     " WHEN direction = 'out' THEN comm = 'client'"
				     " ELSE comm = 'server' END",
				     netns),
			 0);
	scene_free(s);
}

/* The first half makes room for the second, which shuts down and stays. */
static void part_servers_in_two_halves(struct scene *s)
{
	int listener = listen_at(s->addr, s->port), fds[N];

	cue_give(s, CUE_LISTENING);
	for (int i = 0; i < N; i++)
		fds[i] = accept_one(listener);
	for (int i = 0; i < N; i++) {
		if (i == N / 2)
			cue_wait(s, CUE_DONE);
		wait_for_end(fds[i]);
		close(fds[i]);
		if (i == N / 2 - 1)
			cue_give(s, CUE_GO);
	}
	close(listener);
}

static void part_clients_in_two_halves(struct scene *s)
{
	int fds[N];

	cue_wait(s, CUE_LISTENING);
	for (int i = 0; i < N; i++)
		fds[i] = dial(s->addr, s->port);
	for (int i = 0; i < N / 2; i++)
		close(fds[i]);
	cue_wait(s, CUE_GO);
	for (int i = N / 2; i < N; i++)
		must(shutdown(fds[i], SHUT_WR) == 0);
	cue_give(s, CUE_CONNECTED);
	for (int i = N / 2; i < N; i++) {
		wait_for_end(fds[i]);
		close(fds[i]);
	}
}

static void one_that_finds_room_later_is_seen_open(void **state)
{
	struct scene *s = scene_at_port();
	struct node *n = *state;
	long netns = (long)node_stage(n);
	pid_t server = actor_start("server", part_servers_in_two_halves, s);
	pid_t client = actor_start("client", part_clients_in_two_halves, s);

	cue_wait(s, CUE_CONNECTED);
	assert_true(
		node_reaches(n,
			     "SELECT count(*) FROM open_connection WHERE netns = ?1 AND flags & 4",
			     netns, 50));
	cue_give(s, CUE_DONE);
	actor_wait(client);
	actor_wait(server);
	node_fence(n);
	n->stages[n->n_stages - 1].n_rows = 2L * N;
	node_expect_number(n, NODE_ENDED_ROWS, netns, 2L * N);
	node_expect_number(n, "SELECT count(*) FROM open_connection WHERE netns = ?1", netns, 0);
	scene_free(s);
}

static void the_gap_says_how_many_were_not_followed_and_when(void **state)
{
	struct node *n = *state;

	assert_true(node_number(n, "SELECT total(count) FROM gap WHERE reason = 'table_full'", 0) >=
		    2L * N - 100);
	/* This program's user, for whom most of them were. */
	assert_true(node_number(n,
				"SELECT total(uid_count) FROM gap WHERE reason = 'table_full'"
				" AND uid = ?1",
				getuid()) >= N);
	assert_int_equal(node_number(n, "SELECT count(*) FROM gap WHERE from_us >= to_us", 0), 0);
	assert_int_equal(node_number(n, NODE_OTHER_GAPS " AND reason NOT IN ('table_full')", 0), 0);
}

static void the_account_is_balanced_all_the_same(void **state)
{
	struct node *n = *state;
	long recorded, lost;

	node_stop(n, &recorded, &lost);
	assert_int_equal(lost, node_number(n, NODE_MISSED, 0));
	assert_account_balanced(n);
}

static int not_started(void **state)
{
	*state = node_new();
	return 0;
}

static void what_was_open_at_the_start_and_found_no_room_is_told_too(void **state)
{
	struct scene *s = scene_at_port();
	struct node *n = *state;
	long netns = (long)node_stage(n), recorded, lost;
	pid_t server = actor_start("server", part_many_servers, s);
	pid_t client = actor_start("client", part_many_clients, s);

	cue_wait(s, CUE_CONNECTED);
	alone_start(n, (const char *const[]){"--flush", "100ms", "--max-open", "100", NULL});
	cue_give(s, CUE_GO);
	actor_wait(client);
	actor_wait(server);
	node_expect_number(n, NODE_ENDED_ROWS, netns, 2L * N);
	/* Once each, although two scans come upon it. */
	assert_in_range(node_number(n, "SELECT total(count) FROM gap WHERE reason = 'table_full'",
				    0),
			2L * N - 100, 2L * N + 50);
	node_stop(n, &recorded, &lost);
	assert_account_balanced(n);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_connection_is_a_row_and_those_not_followed_say_so),
		cmocka_unit_test(one_that_finds_room_later_is_seen_open),
		cmocka_unit_test(the_gap_says_how_many_were_not_followed_and_when),
		cmocka_unit_test(the_account_is_balanced_all_the_same),
		cmocka_unit_test_setup_teardown(
			what_was_open_at_the_start_and_found_no_room_is_told_too, not_started,
			node_teardown),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, fresh, node_teardown);
}
