/* When a process is over: with its last thread, whatever ended it. */
#include "parts.h"
#include "rows.h"

#include <pthread.h>
#include <sys/syscall.h>

static void part_lingering_client(struct scene *s)
{
	part_client(s);
	cue_give(s, CUE_CONNECTED);
	cue_wait(s, CUE_GO);
}

static void the_end_of_a_process_is_told_when_its_row_stands_already(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct node *n = *state;
	long netns = (long)node_stage(n);
	pid_t server = actor_start("server", part_server, s);
	pid_t client = actor_start("client", part_lingering_client, s);

	cue_wait(s, CUE_CONNECTED);
	actor_wait(server);
	node_fence(n);
	node_expect_number(n, NODE_ENDED_ROWS, netns, 2);
	n->stages[n->n_stages - 1].n_rows = 2;
	assert_int_equal(node_number(n, "SELECT count(exit_us) FROM process WHERE pid = ?1",
				     client),
			 0);
	cue_give(s, CUE_GO);
	actor_wait(client);
	node_expect_number(n, "SELECT count(exit_us) FROM process WHERE pid = ?1", client, 1);
	scene_free(s);
}

static void part_killed_client(struct scene *s)
{
	cue_wait(s, CUE_LISTENING);
	dial(s->addr, s->port);
	cue_give(s, CUE_CONNECTED);
	cue_wait(s, CUE_GO); /* never comes */
}

static void the_end_of_a_process_that_was_killed_is_told(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct node *n = *state;
	long netns = (long)node_stage(n);
	pid_t server = actor_start("server", part_server, s);
	pid_t client = actor_start("client", part_killed_client, s);

	cue_wait(s, CUE_CONNECTED);
	actor_kill(client);
	actor_wait(server);
	node_fence(n);
	node_expect_number(n, NODE_ENDED_ROWS, netns, 2);
	n->stages[n->n_stages - 1].n_rows = 2;
	node_expect_number(n,
			   "SELECT count(*) FROM processes WHERE pid = ?1 AND comm = 'client'"
			   " AND ended_at >= started_at",
			   client, 1);
	scene_free(s);
}

static void *outliving(void *arg)
{
	struct scene *s = arg;
	int fd = dial(s->addr, s->port);

	usleep(300000); /* the leader is gone long since */
	close(fd);
	cue_give(s, CUE_DONE);
	usleep(300000);
	_exit(0);
}

static void part_leader_ends_first(struct scene *s)
{
	pthread_t thread;

	cue_wait(s, CUE_LISTENING);
	must(pthread_create(&thread, NULL, outliving, s) == 0);
	syscall(SYS_exit, 0); /* this thread alone */
}

static void a_process_ends_with_its_last_thread_not_with_its_first(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct node *n = *state;
	long netns = (long)node_stage(n);
	pid_t server = actor_start("server", part_server, s);
	pid_t client = actor_start("client", part_leader_ends_first, s);

	actor_wait(client);
	actor_wait(server);
	node_fence(n);
	node_expect_number(n, NODE_ENDED_ROWS, netns, 2);
	n->stages[n->n_stages - 1].n_rows = 2;
	node_expect_number(n, "SELECT count(exit_us) FROM process WHERE pid = ?1", client, 1);
	/* The connection ended 300 ms after the leader and 300 ms before the last thread. */
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM connection c JOIN process p"
				     " ON p.id = c.process_id JOIN local_address l"
				     " ON l.id = c.local_id WHERE l.netns = ?1"
				     " AND c.direction = 0 AND p.exit_us > c.id + 200000",
				     netns),
			 1);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_of_a_process_is_told_when_its_row_stands_already),
		cmocka_unit_test(the_end_of_a_process_that_was_killed_is_told),
		cmocka_unit_test(a_process_ends_with_its_last_thread_not_with_its_first),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
