/* Two namespaces and a link that can be cut: each end is a row where it belongs, and
 * what the network does to a connection shows in its row. */
#include "far.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "parts.h"

#define ONLY_PORT 40000

static void each_end_of_a_connection_is_a_row_in_its_own_namespace(void **state)
{
	struct scene *s = scene_new(FAR);
	pid_t server, client;
	struct ends ends;

	s->request = 100;
	server = far_start(*state, s, part_far_server, &ends);
	client = actor_start("client", part_client, s);
	actor_wait(client);
	actor_wait(server);
	assert_ends(*state, s, ends, out_row(s, client), in_row(s, server));
}

static void part_client_on_a_bad_link(struct scene *s)
{
	int fd;

	cue_wait(s, CUE_LISTENING);
	fd = dial(s->addr, SERVER_PORT);
	s->client_port = local_port(fd);
	link_cut();
	send_bytes(fd, s->request);
	while (retransmitted() < 2)
		usleep(10000);
	link_mend();
	receive_bytes(fd, s->reply);
	close(fd);
}

static void bytes_that_had_to_be_sent_again_are_counted_once(void **state)
{
	struct scene *s = scene_new(FAR);
	pid_t server, client;
	struct ends ends;

	s->request = 10000;
	s->reply = 10;
	server = far_start(*state, s, part_far_server, &ends);
	client = actor_start("client", part_client_on_a_bad_link, s);
	actor_wait(client);
	actor_wait(server);
	assert_in_range(retransmitted(), 2, 100);
	assert_ends(*state, s, ends, out_row(s, client), in_row(s, server));
	assert_int_equal(node_number(*state, "SELECT retransmits FROM connections WHERE netns = ?1",
				     (long)ends.near),
			 retransmitted());
}

/* A server whose last word does not come through: it must not close first. */
static void part_lonely_server(struct scene *s)
{
	int listener, fd;

	far_come_up(s);
	listener = listen_at(s->addr, SERVER_PORT);
	cue_give(s, CUE_LISTENING);
	fd = accept_one(listener);
	receive_bytes(fd, s->request);
	cue_wait(s, CUE_CONNECTED);
	reset_on_close(fd);
	close(fd);
}

static void part_client_left_alone(struct scene *s)
{
	unsigned int patience_ms = 500;
	char byte;
	int fd;

	cue_wait(s, CUE_LISTENING);
	fd = dial(s->addr, SERVER_PORT);
	s->client_port = local_port(fd);
	must(setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof(patience_ms)) == 0);
	send_bytes(fd, s->request);
	/* All of that has arrived when nothing waits to be acknowledged any more. */
	for (struct tcp_info info = {.tcpi_unacked = 1}; info.tcpi_unacked;) {
		socklen_t len = sizeof(info);

		must(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0);
	}
	link_cut();
	send_bytes(fd, 1);
	must(recv(fd, &byte, 1, 0) == -1 && errno == ETIMEDOUT);
	close(fd);
	cue_give(s, CUE_CONNECTED);
}

static void a_connection_whose_peer_falls_silent_is_timed_out(void **state)
{
	struct scene *s = scene_new(FAR);
	pid_t server, client;
	struct row out, in;
	struct ends ends;

	s->request = 10;
	server = far_start(*state, s, part_lonely_server, &ends);
	client = actor_start("client", part_client_left_alone, s);
	actor_wait(client);
	actor_wait(server);
	out = out_row(s, client);
	out.outcome = "timed_out";
	out.error = "ETIMEDOUT";
	out.closed_by = 0;
	out.tx_bytes = 11; /* sent, and never acknowledged */
	in = in_row(s, server);
	in.outcome = "reset_by_us";
	assert_ends(*state, s, ends, out, in);
}

/* A router that knows no way to 10.88.0.0/16, and says so. */
static void part_router(struct scene *s)
{
	far_come_up(s);
	run("echo 1 > /proc/sys/net/ipv4/ip_forward && ip route add unreachable 10.88.0.0/16");
	cue_give(s, CUE_LISTENING);
	cue_wait(s, CUE_CONNECTED);
}

static void a_connect_that_icmp_rejects_is_one_row_with_outcome_unreachable(void **state)
{
	struct scene *s = scene_new("10.88.0.1");
	pid_t router, client;
	struct ends ends;
	struct row row;

	router = far_start(*state, s, part_router, &ends);
	cue_wait(s, CUE_LISTENING);
	run("ip route add default via " FAR);
	port_range(ONLY_PORT, ONLY_PORT);
	client = actor_start("client", part_attempt, s);
	actor_wait(client);
	cue_give(s, CUE_CONNECTED);
	actor_wait(router);
	assert_int_equal(s->error, EHOSTUNREACH);
	row = out_row(s, client);
	row.outcome = "unreachable";
	row.error = "EHOSTUNREACH";
	row.local_addr = NEAR;
	row.local_port = ONLY_PORT;
	row.connected = false;
	row.closed_by = 0;
	assert_rows(*state, ends.near, &row, 1);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_end_of_a_connection_is_a_row_in_its_own_namespace),
		cmocka_unit_test(bytes_that_had_to_be_sent_again_are_counted_once),
		cmocka_unit_test(a_connection_whose_peer_falls_silent_is_timed_out),
		cmocka_unit_test(a_connect_that_icmp_rejects_is_one_row_with_outcome_unreachable),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
