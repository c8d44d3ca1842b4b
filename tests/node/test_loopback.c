/* The plain case, exactly: each connection is one row on each side, with the right
 * process, addresses, ports and bytes; and what is no TCP connection is no row. */
#include "parts.h"
#include "rows.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#define N_REPEATS 25

static void check_pair(struct node *n, const char *addr, bool server_closes_first)
{
	ino_t netns = node_stage(n);
	struct scene *s = scene_new(addr);
	pid_t server, client;

	s->request = 1000;
	s->reply = 3;
	s->server_closes_first = server_closes_first;
	server = actor_start("server", part_server, s);
	client = actor_start("client", part_client, s);
	actor_wait(client);
	actor_wait(server);
	assert_rows(n, netns, (struct row[]){out_row(s, client), in_row(s, server)}, 2);
	scene_free(s);
}

static void an_ipv4_connection_is_one_row_out_and_one_row_in(void **state)
{
	check_pair(*state, "127.0.0.1", false);
}

static void an_ipv6_connection_is_one_row_out_and_one_row_in(void **state)
{
	check_pair(*state, "::1", false);
}

static void an_ipv4_connection_over_ipv6_sockets_is_recorded_as_ipv4(void **state)
{
	struct node *n = *state;

	check_pair(n, "::ffff:127.0.0.1", false);
	assert_int_equal(
		node_number(
			n,
			"SELECT count(*) FROM connections WHERE ended_at NOT NULL AND netns = ?1 AND flags & 1",
			(long)n->stages[n->n_stages - 1].netns),
		2);
}

static void the_rows_are_the_same_when_the_server_closes_first(void **state)
{
	check_pair(*state, "127.0.0.1", true);
	check_pair(*state, "::1", true);
}

static void the_side_that_got_the_first_fin_says_so(void **state)
{
	static const char who[] =
		"SELECT group_concat(direction, ',') FROM connection"
		" JOIN local_address l ON l.id = local_id WHERE netns = ?1 AND flags & 8";
	struct node *n = *state;
	char *text;

	check_pair(n, "127.0.0.1", false);
	text = node_text(n, who, (long)n->stages[n->n_stages - 1].netns);
	assert_string_equal(text, "1");
	free(text);
	check_pair(n, "127.0.0.1", true);
	text = node_text(n, who, (long)n->stages[n->n_stages - 1].netns);
	assert_string_equal(text, "0");
	free(text);
}

static void n_connections_are_n_rows_out_and_n_rows_in(void **state)
{
	struct node *n = *state;
	long netns = (long)node_stage(n);
	struct scene *s = scene_new("127.0.0.1");
	pid_t server, client;

	s->n_connections = N_REPEATS;
	server = actor_start("server", part_servers, s);
	client = actor_start("client", part_clients, s);
	actor_wait(client);
	actor_wait(server);
	node_fence(n);
	node_expect_number(n, NODE_ENDED_ROWS, netns, 2 * N_REPEATS);
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM connections WHERE netns = ?1"
				     " AND direction = 'out' AND outcome = 'closed'"
				     " AND comm = 'client'",
				     netns),
			 N_REPEATS);
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM connections WHERE netns = ?1"
				     " AND direction = 'in' AND outcome = 'closed'"
				     " AND comm = 'server'",
				     netns),
			 N_REPEATS);
	/* Each local port is one client's; each row in names the same ports. */
	assert_int_equal(
		node_number(n,
			    "SELECT count(DISTINCT o.local_port) FROM connections o"
			    " JOIN connections i ON i.netns = o.netns"
			    " AND i.peer_port = o.local_port AND i.cookie <> o.cookie"
			    " WHERE o.netns = ?1 AND o.direction = 'out' AND i.direction = 'in'",
			    netns),
		N_REPEATS);
	n->stages[n->n_stages - 1].n_rows = 2 * N_REPEATS;
	scene_free(s);
}

static void part_datagrams(struct scene *s)
{
	int a = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(SERVER_PORT)};

	must(inet_pton(AF_INET, s->addr, &to.sin_addr) == 1);
	must(connect(a, (struct sockaddr *)&to, sizeof(to)) == 0);
	must(send(a, "x", 1, 0) == 1);
	close(a);
}

static void part_unix(struct scene *s)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "\0connmon-test"};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int a = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)s;
	must(bind(listener, (struct sockaddr *)&at, sizeof(at)) == 0);
	must(listen(listener, 1) == 0);
	must(connect(a, (struct sockaddr *)&at, sizeof(at)) == 0);
	close(accept_one(listener));
	close(a);
}

static void part_never_connected(struct scene *s)
{
	close(open_socket(s->addr));
	close(listen_at(s->addr, SERVER_PORT));
}

static void what_is_no_tcp_connection_is_no_row(void **state)
{
	struct node *n = *state;
	ino_t netns = node_stage(n);
	struct scene *s = scene_new("127.0.0.1");

	actor_wait(actor_start("datagrams", part_datagrams, s));
	actor_wait(actor_start("unix", part_unix, s));
	actor_wait(actor_start("idle", part_never_connected, s));
	assert_rows(n, netns, NULL, 0);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ipv4_connection_is_one_row_out_and_one_row_in),
		cmocka_unit_test(an_ipv6_connection_is_one_row_out_and_one_row_in),
		cmocka_unit_test(an_ipv4_connection_over_ipv6_sockets_is_recorded_as_ipv4),
		cmocka_unit_test(the_rows_are_the_same_when_the_server_closes_first),
		cmocka_unit_test(the_side_that_got_the_first_fin_says_so),
		cmocka_unit_test(n_connections_are_n_rows_out_and_n_rows_in),
		cmocka_unit_test(what_is_no_tcp_connection_is_no_row),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
