/* What is open is looked at again and again: how far it has come, and whose it is. */
#include "parts.h"
#include "rows.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

static int fresh(void **state)
{
	struct node *n = node_new();

	node_start(n, (const char *const[]){"--flush", "100ms", "--refresh", "1s", NULL});
	*state = n;
	return 0;
}

/* Sends more whenever it is told to. */
static void part_talker(struct scene *s)
{
	int fd;

	cue_wait(s, CUE_LISTENING);
	fd = dial(s->addr, s->port);
	s->client_port = local_port(fd);
	send_bytes(fd, 1000);
	cue_give(s, CUE_CONNECTED);
	cue_wait(s, CUE_GO);
	send_bytes(fd, 500);
	cue_wait(s, CUE_DONE);
	close(fd);
}

static void part_listener_to_talker(struct scene *s)
{
	int listener = listen_at(s->addr, s->port), fd;

	cue_give(s, CUE_LISTENING);
	fd = accept_one(listener);
	receive_bytes(fd, 1500);
	wait_for_end(fd);
	close(fd);
	close(listener);
}

static void the_bytes_of_an_open_connection_grow_in_its_row(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct node *n = *state;
	long netns = (long)node_stage(n);
	pid_t server = actor_start("server", part_listener_to_talker, s);
	pid_t client = actor_start("client", part_talker, s);
	struct row rows[2];

	cue_wait(s, CUE_CONNECTED);
	node_expect_number(n,
			   "SELECT sum(tx_bytes) * 10000 + sum(rx_bytes) FROM connections"
			   " WHERE netns = ?1 AND ended_at IS NULL",
			   netns, 1000 * 10000 + 1000);
	cue_give(s, CUE_GO);
	node_expect_number(n,
			   "SELECT sum(tx_bytes) * 10000 + sum(rx_bytes) FROM connections"
			   " WHERE netns = ?1 AND ended_at IS NULL",
			   netns, 1500 * 10000 + 1500);
	cue_give(s, CUE_DONE);
	actor_wait(client);
	actor_wait(server);
	s->request = 1500;
	rows[0] = out_row(s, client);
	rows[1] = in_row(s, server);
	assert_rows(n, (ino_t)netns, rows, 2);
	scene_free(s);
}

static void part_hangs(struct scene *s)
{
	int fd = open_socket(s->addr);

	s->error = try_connect(fd, s->addr, s->port);
}

static void an_attempt_that_hangs_shows_as_connecting_with_its_owner(void **state)
{
	struct scene *s = scene_new("10.77.0.2");
	struct node *n = *state;
	long netns = (long)node_stage(n);
	pid_t client;
	char *text, want[96];

	silent_link();
	client = actor_start("client", part_hangs, s);
	node_expect_number(n,
			   "SELECT count(*) FROM connections"
			   " WHERE netns = ?1 AND outcome = 'connecting'",
			   netns, 1);
	text = node_text(n,
			 "SELECT printf('%s %s %d %s %s %d', direction, comm, pid, owner_source,"
			 " peer_addr, peer_port) FROM connections WHERE netns = ?1",
			 netns);
	snprintf(want, sizeof(want), "out client %d connect 10.77.0.2 %d", client, s->port);
	assert_string_equal(text, want);
	free(text);
	actor_kill(client);
	node_expect_number(n,
			   "SELECT count(*) FROM connections"
			   " WHERE netns = ?1 AND outcome = 'cancelled'",
			   netns, 1);
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM connections"
				     " WHERE netns = ?1 AND ended_at IS NULL",
				     netns),
			 0);
	n->stages[n->n_stages - 1].n_rows = 1;
	scene_free(s);
}

/* listen() without bind(): the kernel chooses the port only after it has told. */
static void part_unbound_server(struct scene *s)
{
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;

	must(listener >= 0);
	must(listen(listener, 16) == 0);
	s->port = local_port(listener);
	cue_give(s, CUE_LISTENING);
	fd = accept_one(listener);
	receive_bytes(fd, s->request);
	cue_wait(s, CUE_DONE);
	wait_for_end(fd);
	close(fd);
	close(listener);
}

static void an_owner_that_was_not_known_is_filled_in_from_who_holds_the_socket(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct node *n = *state;
	long netns = (long)node_stage(n);
	pid_t server = actor_start("server", part_unbound_server, s);
	pid_t client = actor_start("client", part_staying_client, s);

	cue_wait(s, CUE_CONNECTED);
	node_expect_number(n,
			   "SELECT ifnull(max(pid), 0) FROM connections"
			   " WHERE netns = ?1 AND direction = 'in' AND owner_source = 'scan'",
			   netns, server);
	node_expect_number(n, "SELECT count(*) FROM listener WHERE netns = ?1 AND to_us IS NULL",
			   netns, 1);
	cue_give(s, CUE_GO);
	cue_give(s, CUE_DONE);
	actor_wait(client);
	actor_wait(server);
	assert_rows(n, (ino_t)netns, (struct row[]){out_row(s, client), in_row(s, server)}, 2);
	scene_free(s);
}

/* One is told of when it begins, the other is found, see above. */
static void part_waits(struct scene *s)
{
	int bound = listen_at(s->addr, s->port);
	int unbound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(unbound >= 0);
	must(listen(unbound, 16) == 0);
	cue_give(s, CUE_LISTENING);
	cue_wait(s, CUE_GO);
	close(bound);
	close(unbound);
}

static void listeners_are_one_row_each_however_often_they_are_looked_at(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct node *n = *state;
	long netns = (long)node_stage(n);
	pid_t server = actor_start("server", part_waits, s);

	cue_wait(s, CUE_LISTENING);
	sleep(5); /* four times at least */
	node_fence(n);
	assert_int_equal(node_number(n, "SELECT count(*) FROM listener WHERE netns = ?1", netns),
			 2);
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM listener"
				     " WHERE netns = ?1 AND to_us IS NULL",
				     netns),
			 2);
	cue_give(s, CUE_GO);
	actor_wait(server);
	node_expect_number(n, "SELECT count(*) FROM listener WHERE netns = ?1 AND to_us > from_us",
			   netns, 2);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bytes_of_an_open_connection_grow_in_its_row),
		cmocka_unit_test(an_attempt_that_hangs_shows_as_connecting_with_its_owner),
		cmocka_unit_test(
			an_owner_that_was_not_known_is_filled_in_from_who_holds_the_socket),
		cmocka_unit_test(listeners_are_one_row_each_however_often_they_are_looked_at),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, fresh, node_teardown);
}
