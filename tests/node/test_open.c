/* Connections that live long: seen while open, one row in all when they end,
 * whatever happens to the collector meanwhile. */
#include "parts.h"
#include "rows.h"

#include <stdlib.h>
#include <string.h>

#define OPEN_ROWS "SELECT count(*) FROM open_connection WHERE netns = ?1"

/* Each test runs its own collectors, on its own database. */
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

struct pair {
	struct scene *scene;
	ino_t netns;
	pid_t server, client;
};

/* A connection that stays open until end(). */
static struct pair begin_with(struct node *n, void (*server)(struct scene *))
{
	struct pair p = {.scene = scene_new("127.0.0.1"), .netns = node_stage(n)};

	p.scene->request = 100;
	p.scene->reply = 200;
	p.server = actor_start("server", server, p.scene);
	p.client = actor_start("client", part_staying_client, p.scene);
	cue_wait(p.scene, CUE_CONNECTED);
	return p;
}

static struct pair begin(struct node *n)
{
	return begin_with(n, part_server);
}

static void end(struct pair p)
{
	cue_give(p.scene, CUE_GO);
	actor_wait(p.client);
	actor_wait(p.server);
}

static void a_connection_that_stays_is_seen_open_and_then_is_one_row_on_each_side(void **state)
{
	struct node *n = *state;
	struct pair p;
	char *text;

	start(n);
	p = begin(n);
	node_expect_number(n, OPEN_ROWS, (long)p.netns, 2);
	assert_int_equal(node_number(n, NODE_ENDED_ROWS, (long)p.netns), 0);
	text = node_text(n,
			 "SELECT group_concat(line, char(10)) FROM (SELECT printf('%s %s %s %d %s',"
			 " direction, outcome, comm, pid, owner_source) AS line FROM connections"
			 " WHERE netns = ?1 AND ended_at IS NULL ORDER BY direction DESC)",
			 (long)p.netns);
	char want[128];

	snprintf(want, sizeof(want),
		 "out open client %d connect\n"
		 "in open server %d listener",
		 p.client, p.server);
	assert_string_equal(text, want);
	free(text);

	end(p);
	assert_rows(n, p.netns,
		    (struct row[]){out_row(p.scene, p.client), in_row(p.scene, p.server)}, 2);
	scene_free(p.scene);
	the_collector_ends_and_its_account_equals_the_rows(state);
}

static void one_accepted_without_a_backlog_before_the_collector_came_is_inbound(void **state)
{
	struct node *n = *state;
	struct pair p = begin_with(n, part_server_without_backlog);

	start(n);
	node_expect_number(n, OPEN_ROWS, (long)p.netns, 2);
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM connections WHERE netns = ?1"
				     " AND direction = 'in' AND comm = 'server'",
				     (long)p.netns),
			 1);
	end(p);
	node_expect_number(n, NODE_ENDED_ROWS, (long)p.netns, 2);
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM connections WHERE netns = ?1"
				     " AND direction = 'in' AND comm = 'server'",
				     (long)p.netns),
			 1);
	scene_free(p.scene);
}

static void the_duration_is_from_the_connect_to_the_end(void **state)
{
	struct node *n = *state;
	struct pair p;

	start(n);
	p = begin(n);
	node_expect_number(n, OPEN_ROWS, (long)p.netns, 2);
	end(p);
	node_expect_number(n, NODE_ENDED_ROWS, (long)p.netns, 2);
	/* It began before the collector wrote it as open and ended after. */
	assert_int_equal(
		node_number(
			n,
			"SELECT count(*) FROM connections WHERE ended_at NOT NULL AND netns = ?1"
			" AND duration_us > 0 AND duration_us < 60000000"
			" AND id - duration_us > (SELECT max(start_us) FROM run)",
			(long)p.netns),
		2);
	scene_free(p.scene);
}

static void what_ended_while_no_collector_ran_becomes_lost_and_the_hole_is_told(void **state)
{
	struct node *n = *state;
	struct pair p;

	start(n);
	p = begin(n);
	node_expect_number(n, OPEN_ROWS, (long)p.netns, 2);
	node_crash(n);
	end(p);
	start(n);
	node_expect_number(n, NODE_ENDED_ROWS, (long)p.netns, 2);
	node_expect_number(n, OPEN_ROWS, (long)p.netns, 0);
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM connections WHERE netns = ?1"
				     " AND outcome = 'lost' AND owner_source IS NOT NULL",
				     (long)p.netns),
			 2);
	assert_int_equal(node_number(n, "SELECT count(*) FROM gap WHERE reason = 'stopped'", 0), 1);
	assert_int_equal(node_number(n, "SELECT count(*) FROM gap WHERE from_us >= to_us", 0), 0);
	assert_int_equal(node_number(n, "SELECT count(*) FROM run", 0), 2);
	scene_free(p.scene);
}

static void check_survivor(struct node *n, bool crash)
{
	struct pair p;
	long recorded, lost;

	start(n);
	p = begin(n);
	node_expect_number(n, OPEN_ROWS, (long)p.netns, 2);
	if (crash)
		node_crash(n);
	else
		node_stop(n, &recorded, &lost);
	start(n);
	node_fence(n);
	assert_int_equal(node_number(n, OPEN_ROWS, (long)p.netns), 2);
	assert_int_equal(node_number(n, NODE_ENDED_ROWS, (long)p.netns), 0);
	end(p);
	assert_rows(n, p.netns,
		    (struct row[]){out_row(p.scene, p.client), in_row(p.scene, p.server)}, 2);
	assert_int_equal(node_number(n, OPEN_ROWS, (long)p.netns), 0);
	scene_free(p.scene);
}

static void what_is_still_open_after_a_crash_ends_as_one_row_on_each_side(void **state)
{
	check_survivor(*state, true);
}

static void what_is_still_open_after_a_restart_ends_as_one_row_on_each_side(void **state)
{
	check_survivor(*state, false);
}

static void what_was_open_before_the_first_start_is_one_row_on_each_side_too(void **state)
{
	struct node *n = *state;
	struct pair p = begin(n);
	struct row rows[2];

	start(n);
	node_expect_number(n, OPEN_ROWS, (long)p.netns, 2);
	end(p);
	rows[0] = out_row(p.scene, p.client);
	rows[0].owner_source = "scan";
	rows[0].connected = false; /* nobody saw how long that took */
	rows[1] = in_row(p.scene, p.server);
	rows[1].owner_source = "close"; /* a better one, at its end */
	assert_rows(n, p.netns, rows, 2);
	scene_free(p.scene);
}

/* Accepts only when it is told to, after a restart. */
static void part_late_server(struct scene *s)
{
	int listener = listen_at(s->addr, SERVER_PORT), fd;

	cue_give(s, CUE_LISTENING);
	cue_wait(s, CUE_GO);
	fd = accept_one(listener);
	wait_for_end(fd);
	close(fd);
	close(listener);
	cue_give(s, CUE_DONE);
}

static void part_early_client(struct scene *s)
{
	int fd;

	cue_wait(s, CUE_LISTENING);
	fd = dial(s->addr, SERVER_PORT);
	s->client_port = local_port(fd);
	cue_give(s, CUE_CONNECTED);
	cue_wait(s, CUE_GO);
	close(fd);
}

static void what_waits_to_be_accepted_during_a_restart_is_not_lost(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct node *n = *state;
	pid_t server, client;
	ino_t netns;

	start(n);
	netns = node_stage(n);
	server = actor_start("server", part_late_server, s);
	client = actor_start("client", part_early_client, s);
	cue_wait(s, CUE_CONNECTED);
	node_expect_number(n, OPEN_ROWS, (long)netns, 2);
	node_crash(n);
	start(n);
	assert_int_equal(node_number(n, NODE_ENDED_ROWS, (long)netns), 0);
	cue_give(s, CUE_GO);
	cue_give(s, CUE_GO);
	actor_wait(client);
	actor_wait(server);
	assert_rows(n, netns, (struct row[]){out_row(s, client), in_row(s, server)}, 2);
	scene_free(s);
}

static void every_run_leaves_its_account_in_the_database(void **state)
{
	struct node *n = *state;
	long recorded, lost;

	start(n);
	node_fence(n);
	node_stop(n, &recorded, &lost);
	assert_int_equal(node_number(n, "SELECT recorded FROM run", 0), recorded);
	assert_int_equal(node_number(n, "SELECT lost FROM run", 0), lost);
	assert_int_equal(lost, node_number(n, NODE_MISSED, 0));
	assert_int_equal(node_number(n, "SELECT stop_us >= start_us FROM run", 0), 1);
	assert_int_equal(node_number(n, NODE_OTHER_GAPS, 0), 0);
}

int main(void)
{
#define OF_ITS_OWN(test) cmocka_unit_test_setup_teardown(test, fresh, done)
	const struct CMUnitTest tests[] = {
		OF_ITS_OWN(a_connection_that_stays_is_seen_open_and_then_is_one_row_on_each_side),
		OF_ITS_OWN(one_accepted_without_a_backlog_before_the_collector_came_is_inbound),
		OF_ITS_OWN(the_duration_is_from_the_connect_to_the_end),
		OF_ITS_OWN(what_ended_while_no_collector_ran_becomes_lost_and_the_hole_is_told),
		OF_ITS_OWN(what_is_still_open_after_a_crash_ends_as_one_row_on_each_side),
		OF_ITS_OWN(what_is_still_open_after_a_restart_ends_as_one_row_on_each_side),
		OF_ITS_OWN(what_was_open_before_the_first_start_is_one_row_on_each_side_too),
		OF_ITS_OWN(what_waits_to_be_accepted_during_a_restart_is_not_lost),
		OF_ITS_OWN(every_run_leaves_its_account_in_the_database),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
