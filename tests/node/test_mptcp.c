/* Multipath TCP: a row for each path and none for the socket above them, which is not
 * one of TCP. */
#include "far.h"
#include "parts.h"
#include "rows.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define FLAGGED                                                                                    \
	"SELECT count(*) FROM connections WHERE ended_at NOT NULL AND netns = ?1 AND flags & 16"

static int multipath_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);

	must(fd >= 0);
	return fd;
}

static int listen_multipath(struct scene *s)
{
	struct sockaddr_storage at;
	socklen_t len = make_address(s->addr, s->port, &at);
	int listener = multipath_socket();

	set_option(listener, SOL_SOCKET, SO_REUSEADDR, 1);
	must(bind(listener, (struct sockaddr *)&at, len) == 0);
	must(listen(listener, 16) == 0);
	return listener;
}

static void part_multipath_server(struct scene *s)
{
	int listener = listen_multipath(s);

	serve_one(s, listener);
}

static void part_multipath_client(struct scene *s)
{
	int fd;

	cue_wait(s, CUE_LISTENING);
	fd = multipath_socket();
	must(try_connect(fd, s->addr, s->port) == 0);
	s->client_port = local_port(fd);
	send_bytes(fd, s->request);
	receive_bytes(fd, s->reply);
	close(fd);
}

/* Two rows like those of a plain connection, of which @n_flagged say MPTCP. */
static void check(struct node *n, void (*server)(struct scene *), void (*client)(struct scene *),
		  int n_flagged)
{
	struct scene *s = scene_new("127.0.0.1");
	struct row rows[2];
	ino_t netns;

	s->request = 1000;
	s->reply = 30;
	netns = play(n, s, server, client, rows);
	assert_rows(n, netns, rows, 2);
	assert_int_equal(node_number(n, FLAGGED, (long)netns), n_flagged);
	scene_free(s);
}

static void a_connection_of_one_path_is_one_row_on_each_side(void **state)
{
	check(*state, part_multipath_server, part_multipath_client, 2);
}

static void a_plain_client_of_a_multipath_server_is_a_plain_connection(void **state)
{
	check(*state, part_multipath_server, part_client, 0);
}

static void a_multipath_client_of_a_plain_server_is_a_plain_connection(void **state)
{
	check(*state, part_server, part_multipath_client, 0);
}

/* Of MPTcpExt in /proc/net/netstat. */
static long multipath_counter(const char *name)
{
	FILE *f = fopen("/proc/net/netstat", "re");
	char names[4096], values[4096];
	long n = -1;

	must(f);
	while (fgets(names, sizeof(names), f) && fgets(values, sizeof(values), f)) {
		char *rest_n, *rest_v, *a = strtok_r(names, " \n", &rest_n),
				       *b = strtok_r(values, " \n", &rest_v);

		if (strcmp(a, "MPTcpExt:"))
			continue;
		while (a && b && strcmp(a, name)) {
			a = strtok_r(NULL, " \n", &rest_n);
			b = strtok_r(NULL, " \n", &rest_v);
		}
		if (a && b)
			n = atol(b);
	}
	fclose(f);
	must(n >= 0);
	return n;
}

static void part_server_of_two_paths(struct scene *s)
{
	int listener, fd;

	far_come_up(s);
	run("ip mptcp limits set subflow 1");
	listener = listen_multipath(s);
	fd = accept_and_talk(s, listener);
	for (int i = 0; i < 30000 && multipath_counter("MPJoinAckRx") < 1; i++)
		usleep(1000);
	cue_give(s, CUE_CONNECTED);
	wait_for_end(fd);
	close(fd);
	close(listener);
}

/* Sends nothing more once there is a second path. */
static void part_client_with_two_paths(struct scene *s)
{
	int fd;

	cue_wait(s, CUE_LISTENING);
	fd = multipath_socket();
	must(try_connect(fd, s->addr, s->port) == 0);
	send_bytes(fd, s->request);
	receive_bytes(fd, s->reply);
	cue_wait(s, CUE_CONNECTED);
	close(fd);
}

static void assert_paths(struct node *n, ino_t netns, const char *want)
{
	char *have;

	node_expect_number(n, NODE_ENDED_ROWS, (long)netns, 2);
	assert_int_equal(node_number(n, FLAGGED, (long)netns), 2);
	have = node_text(
		n,
		"SELECT group_concat(line, char(10)) FROM (SELECT printf('%s %s %d %s -> %s"
		" tx=%d rx=%d %s %d', direction, outcome, pid, local_addr, peer_addr,"
		" tx_bytes, rx_bytes, owner_source, closed_by) AS line FROM connections"
		" WHERE netns = ?1 ORDER BY local_addr, peer_addr)",
		(long)netns);
	assert_string_equal(have, want);
	free(have);
}

static void
a_second_path_is_a_row_of_its_own_on_each_side_and_the_client_s_is_the_kernel_s(void **state)
{
	struct scene *s = scene_new(FAR);
	struct node *n = *state;
	pid_t server, client;
	struct ends ends;
	char want[256];

	s->request = 1000;
	s->reply = 30;
	server = far_start(n, s, part_server_of_two_paths, &ends);
	run("ip addr add 10.77.0.3/24 dev near && ip mptcp limits set subflow 1 &&"
	    "ip mptcp endpoint add 10.77.0.3 dev near subflow");
	client = actor_start("client", part_client_with_two_paths, s);
	actor_wait(client);
	actor_wait(server);
	node_fence(n);
	n->stages[n->n_stages - 1].n_rows = n->stages[n->n_stages - 2].n_rows = 2;

	/* Which of the two ends first is up to the kernel thread that does it; so nobody
	 * is the closer of the second one. */
	snprintf(want, sizeof(want),
		 "out closed %d 10.77.0.1 -> 10.77.0.2 tx=1000 rx=30 connect %d\n"
		 "out closed 0 10.77.0.3 -> 10.77.0.2 tx=0 rx=0 kernel 0",
		 client, client);
	assert_paths(n, ends.near, want);
	snprintf(want, sizeof(want),
		 "in closed %d 10.77.0.2 -> 10.77.0.1 tx=30 rx=1000 close %d\n"
		 "in closed %d 10.77.0.2 -> 10.77.0.3 tx=0 rx=0 listener 0",
		 server, server, server);
	assert_paths(n, ends.far, want);
	scene_free(s);
}

/* ---- older than the collector: the file of a process leads to the socket above the
 * paths ---- */

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

/* Two connections: the first from before the collector started, the second reset by the
 * client, so that on this side only who listened is known. */
static void part_older_server(struct scene *s)
{
	int listener = listen_multipath(s), first, second;
	char byte;

	cue_give(s, CUE_LISTENING);
	first = accept_one(listener);
	cue_wait(s, CUE_GO);
	receive_bytes(first, s->request);
	send_bytes(first, s->reply);
	wait_for_end(first);
	close(first);
	second = accept_one(listener);
	receive_bytes(second, s->request);
	must(recv(second, &byte, 1, 0) == -1);
	close(second);
	close(listener);
}

static void part_older_client(struct scene *s)
{
	int fd;

	cue_wait(s, CUE_LISTENING);
	fd = multipath_socket();
	must(try_connect(fd, s->addr, s->port) == 0);
	s->client_port = local_port(fd);
	cue_give(s, CUE_CONNECTED);
	cue_wait(s, CUE_DONE);
	send_bytes(fd, s->request);
	receive_bytes(fd, s->reply);
	must(shutdown(fd, SHUT_WR) == 0);
	wait_for_end(fd);
	close(fd);
	cue_wait(s, CUE_DONE); /* the kernel is done with it */
	fd = dial(s->addr, s->port);
	s->client_port2 = local_port(fd);
	send_bytes(fd, s->request);
	reset_on_close(fd);
	close(fd);
}

static void what_is_older_than_the_collector_is_whose_file_leads_to_it(void **state)
{
	struct scene *s = scene_new("127.0.0.1"), second;
	struct node *n = *state;
	ino_t netns = node_stage(n);
	struct row rows[4];
	pid_t server, client;

	s->request = 10;
	s->reply = 20;
	server = actor_start("server", part_older_server, s);
	client = actor_start("client", part_older_client, s);
	cue_wait(s, CUE_CONNECTED);
	node_start(n, (const char *const[]){"--flush", "100ms", NULL});
	node_expect_number(n,
			   "SELECT count(*) FROM open_connection WHERE netns = ?1 AND flags & 16",
			   (long)netns, 2);
	cue_give(s, CUE_GO);
	cue_give(s, CUE_DONE);
	node_expect_number(n, NODE_ENDED_ROWS, (long)netns, 2);
	cue_give(s, CUE_DONE);
	actor_wait(client);
	actor_wait(server);
	second = *s;
	second.client_port = s->client_port2;
	second.reply = 0;
	rows[0] = out_row(s, client);
	rows[0].owner_source = "scan";
	rows[0].connected = false;
	rows[1] = out_row(&second, client);
	rows[1].outcome = "reset_by_us";
	rows[2] = in_row(s, server);
	rows[3] = in_row(&second, server);
	rows[3].outcome = "reset_by_peer";
	rows[3].error = "ECONNRESET";
	rows[3].owner_source = "listener";
	rows[3].closed_by = 0;
	assert_rows(n, netns, rows, 4);
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM listeners"
				     " WHERE netns = ?1 AND port = 4711 AND comm = 'server'",
				     (long)netns),
			 1);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_of_one_path_is_one_row_on_each_side),
		cmocka_unit_test(a_plain_client_of_a_multipath_server_is_a_plain_connection),
		cmocka_unit_test(a_multipath_client_of_a_plain_server_is_a_plain_connection),
		cmocka_unit_test(
			a_second_path_is_a_row_of_its_own_on_each_side_and_the_client_s_is_the_kernel_s),
		cmocka_unit_test_setup_teardown(
			what_is_older_than_the_collector_is_whose_file_leads_to_it, fresh, done),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};

	if (node_missing())
		return 77;
	if (access("/proc/sys/net/mptcp/enabled", R_OK) != 0) {
		puts("SKIP: this kernel has no Multipath TCP (CONFIG_MPTCP)");
		return 77;
	}
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
