/* Who listened where, from when to when. */
#include "parts.h"
#include "rows.h"

#include <stdlib.h>

#define STILL "SELECT count(*) FROM listener WHERE netns = ?1 AND to_us IS NULL"
#define OVER  "SELECT count(*) FROM listener WHERE netns = ?1 AND to_us IS NOT NULL"
#define MANY  20500
#define ENDED "SELECT count(*) FROM listener WHERE netns = ?1 AND to_us > from_us"

static int fresh(void **state)
{
	*state = node_new();
	return 0;
}

static int done(void **state)
{
	node_free(*state);
	return 0;
}

static void start(struct node *n)
{
	node_start(n, (const char *const[]){"--flush", "100ms", NULL});
}

static void part_listens(struct scene *s)
{
	int listener = listen_at(s->addr, s->port);

	cue_give(s, CUE_LISTENING);
	cue_wait(s, CUE_GO);
	close(listener);
}

static void a_listener_is_a_row_from_its_listen_to_its_close(void **state)
{
	struct node *n = *state;
	struct scene *s = scene_new("::1");
	long netns;
	pid_t server;
	char *text;

	start(n);
	netns = (long)node_stage(n);
	server = actor_start("server", part_listens, s);
	cue_wait(s, CUE_LISTENING);
	node_expect_number(n, STILL, netns, 1);
	text = node_text(n,
			 "SELECT printf('%s %d %s %d', addr, port, comm, to_at IS NULL)"
			 " FROM listeners WHERE netns = ?1",
			 netns);
	assert_string_equal(text, "::1 4711 server 1");
	free(text);
	cue_give(s, CUE_GO);
	actor_wait(server);
	node_expect_number(n, ENDED, netns, 1);
	assert_int_equal(node_number(n, STILL, netns), 0);
	scene_free(s);
	the_collector_ends_and_its_account_equals_the_rows(state);
}

static void a_listener_outlives_the_collector_as_one_row(void **state)
{
	struct node *n = *state;
	struct scene *s = scene_new("127.0.0.1");
	long netns = (long)node_stage(n);
	pid_t server = actor_start("server", part_listens, s);

	cue_wait(s, CUE_LISTENING);
	start(n); /* older than the collector */
	node_expect_number(n, STILL, netns, 1);
	node_crash(n);
	start(n);
	node_fence(n);
	assert_int_equal(node_number(n, STILL, netns), 1);
	cue_give(s, CUE_GO);
	actor_wait(server);
	node_expect_number(n, ENDED, netns, 1);
	assert_int_equal(node_number(n, "SELECT count(*) FROM listener WHERE netns = ?1", netns),
			 1);
	scene_free(s);
}

static void a_listener_that_closed_while_no_collector_ran_ended_with_the_run(void **state)
{
	struct node *n = *state;
	struct scene *s = scene_new("127.0.0.1");
	long netns, recorded, lost;
	pid_t server;

	start(n);
	netns = (long)node_stage(n);
	server = actor_start("server", part_listens, s);
	cue_wait(s, CUE_LISTENING);
	node_expect_number(n, STILL, netns, 1);
	node_stop(n, &recorded, &lost);
	cue_give(s, CUE_GO);
	actor_wait(server);
	start(n);
	node_expect_number(n, STILL, netns, 0);
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM listener WHERE netns = ?1"
				     " AND to_us = (SELECT min(stop_us) FROM run)",
				     netns),
			 1);
	scene_free(s);
}

static void part_listens_often(struct scene *s)
{
	for (int i = 0; i < MANY; i++)
		close(listen_at(s->addr, s->port));
}

static void more_listeners_than_one_commit_takes_do_not_wait_for_the_next_flush(void **state)
{
	struct node *n = *state;
	struct scene *s = scene_new("127.0.0.1");
	long netns;

	node_start(n, (const char *const[]){"--flush", "60s", NULL});
	netns = (long)node_stage(n);
	actor_wait(actor_start("server", part_listens_often, s));
	node_expect_number(
		n,
		"SELECT count(*) >= 20000 AND (SELECT last_commit_us - start_us FROM run)"
		" < 50000000 FROM listener WHERE netns = ?1",
		netns, 1);
	scene_free(s);
	the_collector_ends_and_its_account_equals_the_rows(state);
	assert_int_equal(node_number(n, OVER, netns), MANY);
}

int main(void)
{
#define OF_ITS_OWN(test) cmocka_unit_test_setup_teardown(test, fresh, done)
	const struct CMUnitTest tests[] = {
		OF_ITS_OWN(a_listener_is_a_row_from_its_listen_to_its_close),
		OF_ITS_OWN(a_listener_outlives_the_collector_as_one_row),
		OF_ITS_OWN(more_listeners_than_one_commit_takes_do_not_wait_for_the_next_flush),
		OF_ITS_OWN(a_listener_that_closed_while_no_collector_ran_ended_with_the_run),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
