/* Handshakes out of the ordinary, and what waits between one and accept(). */
#include "parts.h"
#include "rows.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define ONLY_PORT 40000

/* ---- SYN cookies ---- */

static void part_server_with_cookies(struct scene *s)
{
	run("echo 2 > /proc/sys/net/ipv4/tcp_syncookies"); /* always, not just in need */
	part_server(s);
}

/* The first measure of such a connection is its cookie's, false by up to 64 ms: there a
 * timestamp carries options in its low bits. srtt_us, an average, keeps that in mind. */
static void
a_connection_by_syn_cookie_is_one_row_on_each_side_and_its_least_rtt_is_true(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct row rows[2];
	long min_rtt_us;
	ino_t netns;

	s->request = 1000;
	s->reply = 1000000;
	netns = play(*state, s, part_server_with_cookies, part_client, rows);
	assert_rows(*state, netns, rows, 2);
	min_rtt_us = node_number(*state,
				 "SELECT ifnull(min_rtt_us, -1) FROM connections"
				 " WHERE netns = ?1 AND direction = 'in'",
				 (long)netns);
	assert_in_range(min_rtt_us, 0, 20000);
	scene_free(s);
}

/* ---- a program that connects to itself ---- */

/* Both its ends are one socket, which met itself: connect() chose the port it goes to. */
static void part_narcissus(struct scene *s)
{
	struct sockaddr_storage at;
	socklen_t len = make_address(s->addr, s->port, &at);
	int fd = open_socket(s->addr);

	must(bind(fd, (struct sockaddr *)&at, len) == 0);
	must(try_connect(fd, s->addr, s->port) == 0);
	s->client_port = local_port(fd);
	send_bytes(fd, s->request);
	receive_bytes(fd, s->request);
	close(fd);
}

static void a_socket_connected_to_itself_is_one_row_out(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	ino_t netns = node_stage(*state);
	struct row row;
	pid_t client;

	s->request = 10;
	client = actor_start("client", part_narcissus, s);
	actor_wait(client);
	row = out_row(s, client);
	row.rx_bytes = 10;
	assert_rows(*state, netns, &row, 1);
	scene_free(s);
}

/* ---- TCP_DEFER_ACCEPT ---- */

static void part_server_who_wants_data_first(struct scene *s)
{
	int listener = listen_at(s->addr, s->port);

	set_option(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, 5);
	serve_one(s, listener);
}

static void a_connection_accepted_with_its_first_bytes_is_one_row_on_each_side(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct row rows[2];
	ino_t netns;

	s->request = 100;
	s->reply = 20;
	netns = play(*state, s, part_server_who_wants_data_first, part_client, rows);
	assert_rows(*state, netns, rows, 2);
	scene_free(s);
}

/* It says nothing and leaves: for the server's kernel it never was a connection. */
static void part_silent_client(struct scene *s)
{
	int fd;

	cue_wait(s, CUE_LISTENING);
	fd = dial(s->addr, s->port);
	s->client_port = local_port(fd);
	reset_on_close(fd);
	close(fd);
	cue_give(s, CUE_CONNECTED);
}

static void part_server_of_silent(struct scene *s)
{
	int listener = listen_at(s->addr, s->port);

	set_option(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, 5);
	cue_give(s, CUE_LISTENING);
	cue_wait(s, CUE_CONNECTED);
	close(listener);
}

static void a_connection_that_never_sent_the_bytes_waited_for_is_one_row_out(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct row rows[2];
	ino_t netns;

	netns = play(*state, s, part_server_of_silent, part_silent_client, rows);
	rows[0].outcome = "reset_by_us";
	assert_rows(*state, netns, rows, 1);
	scene_free(s);
}

/* ---- a full accept queue ---- */

/* Room for one in the queue (a backlog of 0), and nobody is accepted. */
static void part_busy_server(struct scene *s)
{
	int listener = listen_at(s->addr, s->port);

	must(listen(listener, 0) == 0);
	cue_give(s, CUE_LISTENING);
	cue_wait(s, CUE_CONNECTED);
	close(listener);
}

static void part_crowd(struct scene *s)
{
	int first, second;
	int once = 1;
	char byte;

	cue_wait(s, CUE_LISTENING);
	first = dial(s->addr, s->port);
	s->client_port = local_port(first);
	second = open_socket(s->addr);
	port_range(ONLY_PORT, ONLY_PORT);
	must(setsockopt(second, IPPROTO_TCP, TCP_SYNCNT, &once, sizeof(once)) == 0);
	s->error = try_connect(second, s->addr, s->port);
	close(second);
	cue_give(s, CUE_CONNECTED);
	must(recv(first, &byte, 1, 0) == -1 && errno == ECONNRESET);
	close(first);
}

static void what_finds_the_accept_queue_full_times_out_and_is_no_row_in(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct row rows[3];
	ino_t netns;

	netns = play(*state, s, part_busy_server, part_crowd, rows + 1);
	assert_int_equal(s->error, ETIMEDOUT);
	rows[0] = rows[1];
	rows[0].outcome = "timeout";
	rows[0].error = "ETIMEDOUT";
	rows[0].local_port = ONLY_PORT;
	rows[0].closed_by = 0;
	rows[0].connected = false;
	rows[1].outcome = "reset_by_peer";
	rows[1].error = "ECONNRESET";
	rows[1].closed_by = 0;
	rows[2].outcome = "never_accepted";
	rows[2].owner_source = "listener";
	rows[2].closed_by = 0;
	assert_rows(*state, netns, rows, 3);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_connection_by_syn_cookie_is_one_row_on_each_side_and_its_least_rtt_is_true),
		cmocka_unit_test(a_socket_connected_to_itself_is_one_row_out),
		cmocka_unit_test(
			a_connection_accepted_with_its_first_bytes_is_one_row_on_each_side),
		cmocka_unit_test(a_connection_that_never_sent_the_bytes_waited_for_is_one_row_out),
		cmocka_unit_test(what_finds_the_accept_queue_full_times_out_and_is_no_row_in),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
