/* A peer that falls silent, found out in each of the ways there are, and programs that
 * lose their patience first. (TCP_USER_TIMEOUT is in test_link.c, SYNs without answer in
 * test_failed.c.) */
#include "far.h"
#include "parts.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#define ONLY_PORT 40000
#define SILENT	  "10.77.0.2"
#define BEHIND	  "10.88.0.1"

/* Whose last word does not come through: it must not close first. */
static void part_lonely_server(struct scene *s)
{
	int listener, fd;

	far_come_up(s);
	listener = listen_at(s->addr, s->port);
	cue_give(s, CUE_LISTENING);
	fd = accept_one(listener);
	receive_bytes(fd, s->request);
	cue_wait(s, CUE_CONNECTED);
	reset_on_close(fd);
	close(fd);
}

/* Connects, and returns when all it sent has arrived. */
static int dial_and_deliver(struct scene *s)
{
	int fd = dial(s->addr, s->port);

	s->client_port = local_port(fd);
	send_bytes(fd, s->request);
	for (struct tcp_info info = {.tcpi_unacked = 1}; info.tcpi_unacked;) {
		socklen_t len = sizeof(info);

		must(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0);
	}
	return fd;
}

static int dial_and_cut(struct scene *s)
{
	int fd;

	cue_wait(s, CUE_LISTENING);
	fd = dial_and_deliver(s);
	link_cut();
	return fd;
}

static void wait_for_error(struct scene *s, int fd)
{
	char byte;

	must(recv(fd, &byte, 1, 0) == -1);
	s->error = errno;
	close(fd);
	cue_give(s, CUE_CONNECTED);
}

static void part_client_who_asks(struct scene *s)
{
	int fd = dial_and_cut(s);

	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 2);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	wait_for_error(s, fd);
}

static void part_client_who_repeats(struct scene *s)
{
	int fd;

	/* Of what was established; 0 would count as 8 (tcp_write_timeout()). */
	run("echo 1 > /proc/sys/net/ipv4/tcp_retries2");
	fd = dial_and_cut(s);
	send_bytes(fd, 1);
	wait_for_error(s, fd);
}

/* At an address behind the far end, which is a router and takes the address away: from
 * then on it says by ICMP that nobody is there. */
static void part_vanishing_server(struct scene *s)
{
	int listener, fd;

	far_come_up(s);
	run("ip addr add " BEHIND "/32 dev far && echo 1 > /proc/sys/net/ipv4/ip_forward");
	listener = listen_at(s->addr, s->port);
	cue_give(s, CUE_LISTENING);
	fd = accept_one(listener);
	receive_bytes(fd, s->request);
	cue_wait(s, CUE_DONE);
	run("ip addr del " BEHIND "/32 dev far && ip route add unreachable " BEHIND);
	cue_give(s, CUE_LISTENING);
	cue_wait(s, CUE_CONNECTED);
	reset_on_close(fd);
	close(fd);
}

static void part_client_who_is_told(struct scene *s)
{
	int fd;

	run("ip route add " BEHIND " via " FAR " && echo 1 > /proc/sys/net/ipv4/tcp_retries2");
	cue_wait(s, CUE_LISTENING);
	fd = dial_and_deliver(s);
	cue_give(s, CUE_DONE);
	cue_wait(s, CUE_LISTENING);
	send_bytes(fd, 1);
	wait_for_error(s, fd);
}

static void check_silence(struct node *n, struct scene *s, void (*serve)(struct scene *),
			  void (*call)(struct scene *), int error, const char *name, long tx_bytes)
{
	pid_t server, client;
	struct row out, in;
	struct ends ends;

	s->request = 10;
	server = far_start(n, s, serve, &ends);
	client = actor_start("client", call, s);
	actor_wait(client);
	actor_wait(server);
	assert_int_equal(s->error, error);
	out = out_row(s, client);
	out.outcome = "timed_out";
	out.error = name;
	out.closed_by = 0;
	out.tx_bytes = tx_bytes;
	in = in_row(s, server);
	in.outcome = "reset_by_us";
	assert_ends(n, s, ends, out, in);
}

static void a_connection_whose_keepalives_go_unanswered_is_timed_out(void **state)
{
	check_silence(*state, scene_new(FAR), part_lonely_server, part_client_who_asks, ETIMEDOUT,
		      "ETIMEDOUT", 10);
}

static void a_connection_whose_bytes_go_unacknowledged_is_timed_out(void **state)
{
	check_silence(*state, scene_new(FAR), part_lonely_server, part_client_who_repeats,
		      ETIMEDOUT, "ETIMEDOUT", 11);
}

static void a_connection_to_a_host_that_became_unreachable_is_timed_out_for_that(void **state)
{
	check_silence(*state, scene_new(BEHIND), part_vanishing_server, part_client_who_is_told,
		      EHOSTUNREACH, "EHOSTUNREACH", 11);
}

/* ---- programs that do not wait ---- */

static void check_given_up(struct node *n, void (*call)(struct scene *))
{
	struct scene *s = scene_new(SILENT);
	ino_t netns = node_stage(n);
	struct row row;
	pid_t client;

	silent_link();
	port_range(ONLY_PORT, ONLY_PORT);
	client = actor_start("client", call, s);
	actor_wait(client);
	row = out_row(s, client);
	row.outcome = "cancelled";
	row.local_addr = "10.77.0.1";
	row.local_port = ONLY_PORT;
	row.connected = false;
	assert_rows(n, netns, &row, 1);
	scene_free(s);
}

static void part_polls_and_leaves(struct scene *s)
{
	struct pollfd out = {.fd = open_socket(s->addr), .events = POLLOUT};

	must(fcntl(out.fd, F_SETFL, O_NONBLOCK) == 0);
	must(try_connect(out.fd, s->addr, s->port) == EINPROGRESS);
	must(poll(&out, 1, 100) == 0);
	close(out.fd);
}

static void a_connect_that_took_longer_than_the_program_s_timeout_was_cancelled(void **state)
{
	check_given_up(*state, part_polls_and_leaves);
}

/* Without waiting, and hears only later how it went. */
static int connect_and_poll(struct scene *s)
{
	struct pollfd out = {.fd = open_socket(s->addr), .events = POLLOUT};
	socklen_t len = sizeof(s->error);

	must(fcntl(out.fd, F_SETFL, O_NONBLOCK) == 0);
	must(try_connect(out.fd, s->addr, s->port) == EINPROGRESS);
	must(poll(&out, 1, 30000) == 1);
	must(getsockopt(out.fd, SOL_SOCKET, SO_ERROR, &s->error, &len) == 0);
	s->client_port = local_port(out.fd);
	return out.fd;
}

static void part_polling_client(struct scene *s)
{
	int fd;

	cue_wait(s, CUE_LISTENING);
	fd = connect_and_poll(s);
	must(s->error == 0);
	send_bytes(fd, s->request);
	close(fd);
}

static void a_connect_without_waiting_is_one_row_on_each_side(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct row rows[2];
	ino_t netns;

	s->request = 10;
	netns = play(*state, s, part_server, part_polling_client, rows);
	assert_rows(*state, netns, rows, 2);
	scene_free(s);
}

static void part_polling_attempt(struct scene *s)
{
	close(connect_and_poll(s));
}

static void a_connect_without_waiting_that_is_refused_is_one_row_with_outcome_refused(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	ino_t netns = node_stage(*state);
	struct row row;
	pid_t client;

	port_range(ONLY_PORT, ONLY_PORT);
	client = actor_start("client", part_polling_attempt, s);
	actor_wait(client);
	assert_int_equal(s->error, ECONNREFUSED);
	row = out_row(s, client);
	row.outcome = "refused";
	row.error = "ECONNREFUSED";
	row.local_port = ONLY_PORT;
	row.connected = false;
	row.closed_by = 0;
	assert_rows(*state, netns, &row, 1);
	scene_free(s);
}

static void part_limits_the_send(struct scene *s)
{
	struct timeval patience = {.tv_usec = 100000};
	int fd = open_socket(s->addr);

	must(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0);
	must(try_connect(fd, s->addr, s->port) == EINPROGRESS);
	close(fd);
}

static void a_connect_that_took_longer_than_the_socket_s_timeout_was_cancelled(void **state)
{
	check_given_up(*state, part_limits_the_send);
}

static void nothing(int signal_number)
{
	(void)signal_number;
}

static void interrupt_in(long us)
{
	struct sigaction handler = {.sa_handler = nothing}; /* no SA_RESTART */

	must(sigaction(SIGALRM, &handler, NULL) == 0);
	ualarm(us, 0);
}

static void part_interrupted(struct scene *s)
{
	int fd = open_socket(s->addr);

	interrupt_in(100000);
	must(try_connect(fd, s->addr, s->port) == EINTR);
	close(fd);
}

static void a_connect_interrupted_by_a_signal_and_given_up_was_cancelled(void **state)
{
	check_given_up(*state, part_interrupted);
}

/* The signal breaks off the wait, not the attempt. */
static void part_interrupted_client(struct scene *s)
{
	struct pollfd out = {.events = POLLOUT};

	cue_wait(s, CUE_LISTENING);
	link_cut();
	out.fd = open_socket(s->addr);
	interrupt_in(100000);
	must(try_connect(out.fd, s->addr, s->port) == EINTR);
	link_mend();
	must(poll(&out, 1, 30000) == 1);
	s->client_port = local_port(out.fd);
	send_bytes(out.fd, s->request);
	receive_bytes(out.fd, s->reply);
	close(out.fd);
}

static void a_connect_interrupted_by_a_signal_and_waited_for_is_one_row_on_each_side(void **state)
{
	struct scene *s = scene_new(FAR);
	pid_t server, client;
	struct ends ends;

	s->request = 3;
	s->reply = 4;
	server = far_start(*state, s, part_far_server, &ends);
	client = actor_start("client", part_interrupted_client, s);
	actor_wait(client);
	actor_wait(server);
	assert_ends(*state, s, ends, out_row(s, client), in_row(s, server));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_whose_keepalives_go_unanswered_is_timed_out),
		cmocka_unit_test(a_connection_whose_bytes_go_unacknowledged_is_timed_out),
		cmocka_unit_test(
			a_connection_to_a_host_that_became_unreachable_is_timed_out_for_that),
		cmocka_unit_test(a_connect_without_waiting_is_one_row_on_each_side),
		cmocka_unit_test(
			a_connect_without_waiting_that_is_refused_is_one_row_with_outcome_refused),
		cmocka_unit_test(
			a_connect_that_took_longer_than_the_program_s_timeout_was_cancelled),
		cmocka_unit_test(
			a_connect_that_took_longer_than_the_socket_s_timeout_was_cancelled),
		cmocka_unit_test(a_connect_interrupted_by_a_signal_and_given_up_was_cancelled),
		cmocka_unit_test(
			a_connect_interrupted_by_a_signal_and_waited_for_is_one_row_on_each_side),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
