/* One socket, several connections: each is a row with the port it really had. */
#include "parts.h"
#include "rows.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define FIRST_PORT  40000
#define SECOND_PORT 40001

static void part_patient_server(struct scene *s)
{
	cue_wait(s, CUE_GO);
	part_server(s);
}

/* Refused at first; the server comes up; the same socket is used again. */
static void part_tries_again(struct scene *s)
{
	int fd = open_socket(s->addr);

	port_range(FIRST_PORT, FIRST_PORT);
	s->error = try_connect(fd, s->addr, SERVER_PORT);
	cue_give(s, CUE_GO);
	cue_wait(s, CUE_LISTENING);
	port_range(SECOND_PORT, SECOND_PORT);
	must(try_connect(fd, s->addr, SERVER_PORT) == 0);
	s->client_port = local_port(fd);
	send_bytes(fd, s->request);
	receive_bytes(fd, s->reply);
	close(fd);
}

static void a_socket_refused_and_connected_again_is_two_rows_with_their_ports(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	ino_t netns = node_stage(*state);
	pid_t server, client;
	struct row rows[3];

	s->request = 8;
	s->reply = 9;
	server = actor_start("server", part_patient_server, s);
	client = actor_start("client", part_tries_again, s);
	actor_wait(client);
	actor_wait(server);
	assert_int_equal(s->error, ECONNREFUSED);
	assert_int_equal(s->client_port, SECOND_PORT);
	rows[0] = out_row(s, client);
	rows[0].outcome = "refused";
	rows[0].error = "ECONNREFUSED";
	rows[0].local_port = FIRST_PORT;
	rows[0].connected = false;
	rows[0].closed_by = 0;
	rows[0].tx_bytes = rows[0].rx_bytes = 0;
	rows[1] = out_row(s, client);
	rows[2] = in_row(s, server);
	assert_rows(*state, netns, rows, 3);
	/* One socket, one cookie. */
	assert_int_equal(node_number(*state,
				     "SELECT count(DISTINCT cookie) FROM connections"
				     " WHERE netns = ?1 AND direction = 'out'",
				     (long)netns),
			 1);
	/* And two connections: the second began when the first was over. */
	assert_int_equal(
		node_number(*state,
			    "SELECT count(*) FROM (SELECT id - duration_us AS start,"
			    " lag(id) OVER (ORDER BY id) AS before FROM connections"
			    " WHERE netns = ?1 AND direction = 'out') WHERE start >= before",
			    (long)netns),
		1);
	scene_free(s);
}

static void part_server_of_two(struct scene *s)
{
	int listener = listen_at(s->addr, SERVER_PORT);
	char byte;
	int fd;

	cue_give(s, CUE_LISTENING);
	fd = accept_one(listener);
	must(recv(fd, &byte, 1, 0) == -1 && errno == ECONNRESET);
	close(fd);
	fd = accept_one(listener);
	receive_bytes(fd, s->request);
	wait_for_end(fd);
	close(fd);
}

static void part_dissolves(struct scene *s)
{
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	int fd;

	cue_wait(s, CUE_LISTENING);
	port_range(FIRST_PORT, FIRST_PORT);
	fd = dial(s->addr, SERVER_PORT);
	must(connect(fd, &none, sizeof(none)) == 0);
	port_range(SECOND_PORT, SECOND_PORT);
	must(try_connect(fd, s->addr, SERVER_PORT) == 0);
	s->client_port = local_port(fd);
	send_bytes(fd, s->request);
	close(fd);
}

static void a_socket_dissolved_and_connected_again_is_two_rows_on_each_side(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	ino_t netns = node_stage(*state);
	pid_t server, client;
	struct row rows[4];

	s->request = 8;
	server = actor_start("server", part_server_of_two, s);
	client = actor_start("client", part_dissolves, s);
	actor_wait(client);
	actor_wait(server);
	rows[0] = rows[1] = out_row(s, client);
	rows[0].outcome = "reset_by_us";
	rows[0].local_port = FIRST_PORT;
	rows[0].tx_bytes = 0;
	rows[2] = rows[3] = in_row(s, server);
	rows[2].outcome = "reset_by_peer";
	rows[2].error = "ECONNRESET";
	rows[2].peer_port = FIRST_PORT;
	rows[2].rx_bytes = 0;
	rows[2].closed_by = 0;
	rows[2].owner_source = "listener";
	assert_rows(*state, netns, rows, 4);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_socket_refused_and_connected_again_is_two_rows_with_their_ports),
		cmocka_unit_test(a_socket_dissolved_and_connected_again_is_two_rows_on_each_side),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
