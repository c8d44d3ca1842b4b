/* How an established connection ends, told on both sides. */
#include "parts.h"
#include "rows.h"

#include <errno.h>
#include <sys/socket.h>

/* The client reads nothing more and waits for the test; then plays its end. */
static void expect_reset(int fd)
{
	char byte;

	must(recv(fd, &byte, 1, 0) == -1 && errno == ECONNRESET);
}

static void part_resetting_client(struct scene *s)
{
	int fd = dial_and_talk(s);

	reset_on_close(fd);
	close(fd);
}

static void part_server_of_resetter(struct scene *s)
{
	int fd = accept_and_talk(s, listen_at(s->addr, s->port));

	expect_reset(fd);
	close(fd);
}

static void part_resetting_server(struct scene *s)
{
	int fd = accept_and_talk(s, listen_at(s->addr, s->port));

	reset_on_close(fd);
	close(fd);
}

static void part_client_of_resetter(struct scene *s)
{
	int fd = dial_and_talk(s);

	expect_reset(fd);
	close(fd);
}

/* It leaves a byte unread, which makes close() a reset. */
static void part_careless_server(struct scene *s)
{
	int fd = accept_and_talk(s, listen_at(s->addr, s->port));
	char byte;

	cue_give(s, CUE_CONNECTED);
	must(recv(fd, &byte, 1, MSG_PEEK) == 1);
	close(fd);
}

static void part_client_of_careless(struct scene *s)
{
	int fd = dial_and_talk(s);

	cue_wait(s, CUE_CONNECTED);
	send_bytes(fd, 1);
	expect_reset(fd);
	close(fd);
}

/* Fills in the fields of a pair of rows where one side reset the other. */
static void reset(struct row *by, struct row *of)
{
	by->outcome = "reset_by_us";
	of->outcome = "reset_by_peer";
	of->error = "ECONNRESET";
	of->closed_by = 0;
}

static void a_reset_by_the_client_is_told_on_both_sides(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	ino_t netns = node_stage(*state);
	pid_t server, client;
	struct row rows[2];

	s->request = 10;
	s->reply = 20;
	server = actor_start("server", part_server_of_resetter, s);
	client = actor_start("client", part_resetting_client, s);
	actor_wait(client);
	actor_wait(server);
	rows[0] = out_row(s, client);
	rows[1] = in_row(s, server);
	reset(&rows[0], &rows[1]);
	rows[1].owner_source = "listener"; /* nobody closed it */
	assert_rows(*state, netns, rows, 2);
	scene_free(s);
}

static void a_reset_by_the_server_is_told_on_both_sides(void **state)
{
	struct scene *s = scene_new("::1");
	ino_t netns = node_stage(*state);
	pid_t server, client;
	struct row rows[2];

	s->request = 10;
	s->reply = 20;
	server = actor_start("server", part_resetting_server, s);
	client = actor_start("client", part_client_of_resetter, s);
	actor_wait(client);
	actor_wait(server);
	rows[0] = out_row(s, client);
	rows[1] = in_row(s, server);
	reset(&rows[1], &rows[0]);
	assert_rows(*state, netns, rows, 2);
	scene_free(s);
}

static void closing_with_unread_bytes_is_a_reset_by_us(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	ino_t netns = node_stage(*state);
	pid_t server, client;
	struct row rows[2];

	s->request = 10;
	s->reply = 20;
	server = actor_start("server", part_careless_server, s);
	client = actor_start("client", part_client_of_careless, s);
	actor_wait(client);
	actor_wait(server);
	s->request++; /* the byte that nobody read did arrive */
	rows[0] = out_row(s, client);
	rows[1] = in_row(s, server);
	reset(&rows[1], &rows[0]);
	assert_rows(*state, netns, rows, 2);
	scene_free(s);
}

static void part_server_who_never_accepts(struct scene *s)
{
	int listener = listen_at(s->addr, SERVER_PORT);

	cue_give(s, CUE_LISTENING);
	cue_wait(s, CUE_CONNECTED);
	close(listener);
}

static void part_client_never_accepted(struct scene *s)
{
	int fd = dial_and_talk(s);

	cue_give(s, CUE_CONNECTED);
	expect_reset(fd);
	close(fd);
}

static void a_connection_left_in_the_queue_of_a_closed_listener_was_never_accepted(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	ino_t netns = node_stage(*state);
	pid_t server, client;
	struct row rows[2];

	s->request = 5;
	server = actor_start("server", part_server_who_never_accepts, s);
	client = actor_start("client", part_client_never_accepted, s);
	actor_wait(client);
	actor_wait(server);
	rows[0] = out_row(s, client);
	rows[0].outcome = "reset_by_peer";
	rows[0].error = "ECONNRESET";
	rows[0].closed_by = 0;
	rows[1] = in_row(s, server);
	rows[1].outcome = "never_accepted";
	rows[1].owner_source = "listener";
	rows[1].closed_by = 0;
	assert_rows(*state, netns, rows, 2);
	scene_free(s);
}

static void part_waiting_client(struct scene *s)
{
	int fd = dial_and_talk(s);

	cue_give(s, CUE_CONNECTED);
	wait_for_end(fd);
}

static void part_waiting_server(struct scene *s)
{
	int fd = accept_and_talk(s, listen_at(s->addr, s->port));

	wait_for_end(fd);
	close(fd);
}

static void a_killed_client_closed_its_connection(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	ino_t netns = node_stage(*state);
	pid_t server, client;

	s->request = 5;
	s->reply = 6;
	server = actor_start("server", part_waiting_server, s);
	client = actor_start("client", part_waiting_client, s);
	cue_wait(s, CUE_CONNECTED);
	actor_kill(client);
	actor_wait(server);
	assert_rows(*state, netns, (struct row[]){out_row(s, client), in_row(s, server)}, 2);
	scene_free(s);
}

static void part_victim(struct scene *s)
{
	int fd = dial_and_talk(s);
	char byte;

	cue_give(s, CUE_CONNECTED);
	must(recv(fd, &byte, 1, 0) == -1 && errno == ECONNABORTED);
	close(fd);
}

static void an_administrator_s_kill_is_told_as_such(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	ino_t netns = node_stage(*state);
	pid_t server, client;
	struct row rows[2];

	s->request = 5;
	server = actor_start("server", part_server_of_resetter, s);
	client = actor_start("client", part_victim, s);
	cue_wait(s, CUE_CONNECTED);
	run("ss -tHK dst 127.0.0.1 dport = :4711 >&2"); /* SERVER_PORT */
	actor_wait(client);
	actor_wait(server);
	rows[0] = out_row(s, client);
	rows[0].outcome = "killed";
	rows[0].error = "ECONNABORTED";
	rows[0].closed_by = 0;
	rows[1] = in_row(s, server);
	rows[1].outcome = "reset_by_peer";
	rows[1].error = "ECONNRESET";
	rows[1].closed_by = 0;
	rows[1].owner_source = "listener";
	assert_rows(*state, netns, rows, 2);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reset_by_the_client_is_told_on_both_sides),
		cmocka_unit_test(a_reset_by_the_server_is_told_on_both_sides),
		cmocka_unit_test(closing_with_unread_bytes_is_a_reset_by_us),
		cmocka_unit_test(
			a_connection_left_in_the_queue_of_a_closed_listener_was_never_accepted),
		cmocka_unit_test(a_killed_client_closed_its_connection),
		cmocka_unit_test(an_administrator_s_kill_is_told_as_such),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
