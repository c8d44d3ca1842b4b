/* A collector that cannot keep up: what was lost is counted, the hole is told, and
 * everything that follows is exact again. Beside it one that can, which knows what there was. */
#include "rows.h"

#include <signal.h>
#include <unistd.h>

#include "parts.h"

#define N     5000
#define STOPS 3
#define PORT  4714  /* of nobody else: CONNMON_NODE_OPTIONS may leave out others' */
#define SMALL "64K" /* a ring for some hundred events */
/* Not those whose end was lost. */
#define ENDS NODE_ENDED_ROWS " AND outcome <> 'lost'"

static struct node *witness;

static int fresh(void **state)
{
	struct node *n = node_new();

	witness = node_new();
	stage_enter(n->home);
	node_start(witness, (const char *const[]){"--flush", "100ms", NULL});
	node_start(n, (const char *const[]){"--ring", SMALL, "--flush", "100ms", NULL});
	*state = n;
	return 0;
}

static int done(void **state)
{
	node_free(witness);
	return node_teardown(state);
}

/* What the witness has of other namespaces than those of this test. */
static long count_others(struct node *n, long netns)
{
	return node_number(witness, "SELECT count(*) FROM connections WHERE ended_at NOT NULL", 0) -
	       node_number(witness, ENDS, netns) -
	       node_number(witness, ENDS, (long)n->stages[0].netns) -
	       node_number(witness, ENDS, (long)witness->stages[0].netns);
}

/* Of the test's ends, and of those that make the fences, what @n has no row of. */
static long count_missing(struct node *n, long netns, long ends)
{
	return ends - node_number(n, ENDS, netns) +
	       node_number(witness, ENDS, (long)n->stages[0].netns) -
	       node_number(n, ENDS, (long)n->stages[0].netns) +
	       node_number(witness, ENDS, (long)witness->stages[0].netns) -
	       node_number(n, ENDS, (long)witness->stages[0].netns);
}

/* Not one more and not one less, but for those of others on this machine, if there are any. */
static void assert_lost_exactly(struct node *n, long netns, long ends)
{
	long missing, lost, others;

	node_fence(witness);
	lost = node_number(n, "SELECT lost FROM run", 0);
	/* What the witness has already may be on its way to the other's rows. */
	for (int i = 0; i < 1000 && (missing = count_missing(n, netns, ends)) > lost; i++)
		usleep(10000);
	others = count_others(n, netns) + node_number(n, NODE_MISSED, 0);
	if (lost < missing || lost > missing + others)
		fail_msg("%ld lost, %ld missing, %ld of others", lost, missing, others);
	print_message("stopped %d times, %ld ends: %ld missing, %ld counted, %ld of others\n",
		      STOPS, ends, missing, lost, others);
}

static void storm(void)
{
	struct scene *s = scene_new("127.0.0.1");
	pid_t server, client;

	s->port = PORT;
	s->n_connections = N;
	s->request = s->reply = 1;
	server = actor_start("server", part_servers, s);
	client = actor_start("client", part_clients, s);
	actor_wait(client);
	actor_wait(server);
	scene_free(s);
}

static void every_connection_is_a_row_or_counted_as_lost(void **state)
{
	struct node *n = *state;
	long netns = (long)node_stage(n), rows, counted;

	port_range(5000, 65535);
	for (int i = 0; i < STOPS; i++) {
		must(kill(n->pid, SIGSTOP) == 0);
		storm();
		must(kill(n->pid, SIGCONT) == 0);
		node_fence_after_loss(n);
	}

	rows = node_number(n,
			   "SELECT count(*) FROM connections"
			   " WHERE netns = ?1 AND outcome = 'closed'",
			   netns);
	counted = node_number(n, "SELECT total(count) FROM gap WHERE reason = 'ring_full'", 0);
	assert_in_range(rows, 1, 2L * N * STOPS - 1);
	assert_lost_exactly(n, netns, 2L * N * STOPS);
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

	s->port = PORT;
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
			2L * N * STOPS);
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
	return cmocka_run_group_tests(tests, fresh, done);
}
