/* A collector that cannot keep up: what was lost is counted, the hole is told, and
 * everything that follows is exact again. */
#include "rows.h"

#include <signal.h>

#include "parts.h"

#define N     5000
#define SMALL "64K" /* a ring for some hundred events */

static int fresh(void **state)
{
	struct node *n = node_new();

	node_start(n, (const char *const[]){"--ring", SMALL, "--flush", "100ms", NULL});
	*state = n;
	return 0;
}

static void every_connection_is_a_row_or_counted_as_lost(void **state)
{
	struct node *n = *state;
	long netns = (long)node_stage(n), rows, counted;

	must(kill(n->pid, SIGSTOP) == 0);
	port_range(5000, 65535);
	connect_often(N);
	must(kill(n->pid, SIGCONT) == 0);
	node_fence_after_loss(n);

	rows = node_number(n,
			   "SELECT count(*) FROM connections"
			   " WHERE netns = ?1 AND outcome = 'closed'",
			   netns);
	counted = node_number(n, "SELECT total(count) FROM gap WHERE reason = 'ring_full'", 0);
	assert_in_range(rows, 1, 2 * N - 1);
	/* Others on this machine may have lost some, too. */
	assert_true(rows + counted >= 2 * N);
	assert_int_equal(node_number(n, NODE_OTHER_GAPS " AND reason <> 'ring_full'", 0), 0);
	assert_int_equal(node_number(n, "SELECT count(*) FROM gap WHERE from_us >= to_us", 0), 0);
	assert_int_equal(node_number(n, "SELECT lost FROM run", 0),
			 counted + node_number(n, NODE_MISSED, 0));
}

static void what_was_open_when_its_end_was_lost_does_not_stay_open(void **state)
{
	struct node *n = *state;

	node_expect_number(n, "SELECT count(*) FROM open_connection WHERE netns = ?1",
			   (long)n->stages[1].netns, 0);
}

static void what_comes_later_is_recorded_exactly(void **state)
{
	struct node *n = *state;
	struct scene *s = scene_new("127.0.0.1");
	ino_t netns = node_stage(n);
	pid_t server, client;

	s->request = 10;
	server = actor_start("server", part_server, s);
	client = actor_start("client", part_client, s);
	actor_wait(client);
	actor_wait(server);
	assert_rows(n, netns, (struct row[]){out_row(s, client), in_row(s, server)}, 2);
	scene_free(s);
}

static void the_account_says_how_many_were_recorded_and_lost(void **state)
{
	struct node *n = *state;
	long recorded, lost;

	node_stop(n, &recorded, &lost);
	assert_int_equal(recorded, node_number(n, "SELECT count(*) FROM connection", 0));
	assert_int_equal(lost, node_number(n, "SELECT sum(count) FROM gap", 0));
	assert_int_equal(node_number(n, "SELECT recorded FROM run", 0), recorded);
	assert_int_equal(node_number(n, "SELECT lost FROM run", 0), lost);
	assert_account_balanced(n);
	assert_int_equal(node_number(n, "SELECT lost FROM account WHERE record = 'end'", 0), lost);
	/* Of the storm, OPENs found no room either, and were counted on their own. */
	assert_in_range(node_number(n, "SELECT lost FROM account WHERE record = 'open'", 0), 1,
			2 * N);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_connection_is_a_row_or_counted_as_lost),
		cmocka_unit_test(what_was_open_when_its_end_was_lost_does_not_stay_open),
		cmocka_unit_test(what_comes_later_is_recorded_exactly),
		cmocka_unit_test(the_account_says_how_many_were_recorded_and_lost),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, fresh, node_teardown);
}
