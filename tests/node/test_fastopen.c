/* TCP Fast Open: data in the SYN, in each of the three ways a program asks for it. One
 * row on each side as ever, and the bytes of the SYN counted. */
#include "parts.h"
#include "rows.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "far.h"

#define ONLY_PORT 40000

/* Bits of net.ipv4.tcp_fastopen: client, server, each without a cookie. */
#define WITH_COOKIE    "0x3"
#define WITHOUT_COOKIE "0x207"

static void allow(const char *how)
{
	char command[80];

	snprintf(command, sizeof(command), "echo %s > /proc/sys/net/ipv4/tcp_fastopen", how);
	run(command);
}

static int listen_fast(struct scene *s)
{
	int fd = listen_at(s->addr, s->port);

	set_option(fd, IPPROTO_TCP, TCP_FASTOPEN, 16);
	return fd;
}

static struct tcp_info tcp_info(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	must(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0);
	return info;
}

static bool has_sent_with_syn(int fd)
{
	return tcp_info(fd).tcpi_options & TCPI_OPT_SYN_DATA;
}

static void part_fast_server(struct scene *s)
{
	int listener;

	allow(WITHOUT_COOKIE);
	listener = listen_fast(s);
	serve_one(s, listener);
}

/* Connects and sends in one call. */
static int send_first(struct scene *s)
{
	struct sockaddr_storage to;
	socklen_t len = make_address(s->addr, s->port, &to);
	int fd = open_socket(s->addr);
	char bytes[1000] = "";

	must(s->request <= (long)sizeof(bytes));
	must(sendto(fd, bytes, s->request, MSG_FASTOPEN, (struct sockaddr *)&to, len) ==
	     s->request);
	return fd;
}

static void call_fast(struct scene *s, bool expected)
{
	int fd = send_first(s);

	receive_bytes(fd, s->reply);
	must(has_sent_with_syn(fd) == expected);
	s->client_port = local_port(fd);
	close(fd);
}

static void part_fast_client(struct scene *s)
{
	cue_wait(s, CUE_LISTENING);
	call_fast(s, true);
}

static void check_without_cookie(struct node *n, const char *addr)
{
	struct scene *s = scene_new(addr);
	struct row rows[2];
	ino_t netns;

	s->request = 700;
	s->reply = 30;
	netns = play(n, s, part_fast_server, part_fast_client, rows);
	assert_rows(n, netns, rows, 2);
	scene_free(s);
}

static void data_in_the_syn_is_one_row_on_each_side_and_counted(void **state)
{
	check_without_cookie(*state, "127.0.0.1");
	check_without_cookie(*state, "::1");
	check_without_cookie(*state, "::ffff:127.0.0.1");
}

static void part_server_of_cookies(struct scene *s)
{
	int listener = listen_fast(s);

	cue_give(s, CUE_LISTENING);
	serve_next(s, listener);
	serve_next(s, listener);
	close(listener);
}

static void part_client_with_cookie(struct scene *s)
{
	cue_wait(s, CUE_LISTENING);
	call_fast(s, false);
	s->client_port2 = s->client_port;
	call_fast(s, true);
}

static void
the_connection_that_gets_the_cookie_and_the_one_that_uses_it_are_told_alike(void **state)
{
	struct scene *s = scene_new("127.0.0.1"), first;
	ino_t netns = node_stage(*state);
	struct row rows[4];
	pid_t server, client;

	allow(WITH_COOKIE);
	s->request = 700;
	s->reply = 30;
	server = actor_start("server", part_server_of_cookies, s);
	client = actor_start("client", part_client_with_cookie, s);
	actor_wait(client);
	actor_wait(server);
	first = *s;
	first.client_port = s->client_port2;
	rows[0] = out_row(&first, client);
	rows[1] = out_row(s, client);
	rows[2] = in_row(&first, server);
	rows[3] = in_row(s, server);
	assert_rows(*state, netns, rows, 4);
	scene_free(s);
}

#define IDLE_US 50000

/* connect() returns at once and nothing is sent before the first write. */
static int connect_later(struct scene *s)
{
	int fd = open_socket(s->addr);

	set_option(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
	must(try_connect(fd, s->addr, s->port) == 0);
	return fd;
}

static void part_deferring_client(struct scene *s)
{
	int fd;

	cue_wait(s, CUE_LISTENING);
	fd = connect_later(s);
	usleep(IDLE_US);
	send_bytes(fd, s->request);
	receive_bytes(fd, s->reply);
	must(has_sent_with_syn(fd));
	s->client_port = local_port(fd);
	close(fd);
}

static void a_connect_that_waits_for_the_first_write_is_one_row_on_each_side(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct row rows[2];
	ino_t netns;

	s->request = 700;
	s->reply = 30;
	netns = play(*state, s, part_fast_server, part_deferring_client, rows);
	assert_rows(*state, netns, rows, 2);
	/* From connect() on, as for every other; the network's part is in min_rtt_us. */
	assert_in_range(
		node_number(
			*state,
			"SELECT connect_us FROM connections WHERE ended_at NOT NULL AND netns = ?1"
			" AND direction = 'out'",
			(long)netns),
		IDLE_US, 10000000);
	assert_int_equal(
		node_number(
			*state,
			"SELECT count(*) FROM connections WHERE ended_at NOT NULL AND netns = ?1"
			" AND min_rtt_us < connect_us AND direction = 'out'",
			(long)netns),
		1);
	scene_free(s);
}

static void part_changes_its_mind(struct scene *s)
{
	int fd = connect_later(s);

	s->client_port = local_port(fd);
	close(fd);
}

static long segments_sent(void)
{
	FILE *f = fopen("/proc/net/snmp", "re");
	char line[512];
	long n = -1;

	must(f);
	while (fgets(line, sizeof(line), f))
		sscanf(line, "Tcp: %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %ld", &n);
	fclose(f);
	must(n >= 0);
	return n;
}

static void a_connect_that_never_reached_the_wire_was_cancelled(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	ino_t netns = node_stage(*state);
	struct row row;
	pid_t client;

	allow(WITHOUT_COOKIE);
	client = actor_start("client", part_changes_its_mind, s);
	actor_wait(client);
	assert_int_equal(segments_sent(), 0);
	row = out_row(s, client);
	row.outcome = "cancelled";
	row.connected = false;
	assert_rows(*state, netns, &row, 1);
	scene_free(s);
}

static void part_refused_fast(struct scene *s)
{
	struct sockaddr_storage to;
	socklen_t len = make_address(s->addr, s->port, &to);
	int fd = open_socket(s->addr);
	char byte;

	/* The answer may come after the call, which then says that it sent. */
	if (sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&to, len) == 1)
		must(recv(fd, &byte, 1, 0) == -1);
	s->error = errno;
	close(fd);
}

static void a_refused_fast_connect_is_one_row_with_outcome_refused(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	ino_t netns = node_stage(*state);
	struct row row;
	pid_t client;

	allow(WITHOUT_COOKIE);
	port_range(ONLY_PORT, ONLY_PORT);
	client = actor_start("client", part_refused_fast, s);
	actor_wait(client);
	assert_int_equal(s->error, ECONNREFUSED);
	row = out_row(s, client);
	row.outcome = "refused";
	row.error = "ECONNREFUSED";
	row.local_port = ONLY_PORT;
	row.tx_bytes = 1; /* in the SYN, for nobody */
	row.connected = false;
	row.closed_by = 0;
	assert_rows(*state, netns, &row, 1);
	scene_free(s);
}

/* At the near end, from where no answer reaches the client: the SYN and its data are
 * all there ever was when the server accepts. */
static void part_early_server(struct scene *s)
{
	int listener = listen_fast(s);
	int fd;

	cue_give(s, CUE_LISTENING);
	fd = accept_one(listener);
	receive_bytes(fd, s->request);
	must(tcp_info(fd).tcpi_state == TCP_SYN_RECV);
	if (s->server_closes_first)
		reset_on_close(fd);
	else
		send_bytes(fd, s->reply);
	cue_give(s, CUE_CONNECTED);
	close(fd);
	close(listener);
}

static void part_far_client(struct scene *s)
{
	struct pollfd in = {.events = POLLIN};
	char byte;

	far_come_up(s);
	allow(WITHOUT_COOKIE);
	cue_wait(s, CUE_LISTENING);
	in.fd = open_socket(s->addr);
	set_option(in.fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
	must(try_connect(in.fd, s->addr, s->port) == 0);
	must(send(in.fd, "0123456789", s->request, MSG_DONTWAIT) == s->request);
	s->client_port = local_port(in.fd);
	must(poll(&in, 1, 30000) == 1);
	if (s->server_closes_first) {
		must(recv(in.fd, &byte, 1, 0) == -1);
	} else {
		receive_bytes(in.fd, s->reply);
		wait_for_end(in.fd);
	}
	close(in.fd);
}

/* Both sides of what was accepted in SYN_RECV; the server is at the near end. */
static struct scene *play_early(struct node *n, bool reset, struct ends *ends, struct row *in,
				struct row *out)
{
	struct scene *s = scene_new(NEAR);
	pid_t server, client;

	s->request = 10;
	s->reply = reset ? 0 : 20;
	s->server_closes_first = reset;
	client = far_start(n, s, part_far_client, ends);
	link_cut();
	allow(WITHOUT_COOKIE);
	server = actor_start("server", part_early_server, s);
	cue_wait(s, CUE_CONNECTED);
	actor_wait(server);
	link_mend();
	actor_wait(client);
	*in = in_row(s, server);
	*out = out_row(s, client);
	out->comm = "server"; /* as far_start() calls it */
	in->peer_addr = out->local_addr = FAR;
	return s;
}

static void
a_connection_accepted_and_closed_before_its_handshake_is_one_row_on_each_side(void **state)
{
	struct row in, out;
	struct ends ends;
	struct scene *s = play_early(*state, false, &ends, &in, &out);

	assert_rows(*state, ends.near, &in, 1);
	assert_rows(*state, ends.far, &out, 1);
	scene_free(s);
}

static void a_connection_reset_before_its_handshake_was_over_is_one_row(void **state)
{
	struct row in, out;
	struct ends ends;
	struct scene *s = play_early(*state, true, &ends, &in, &out);

	in.outcome = "reset_by_us";
	assert_rows(*state, ends.near, &in, 1);
	out.outcome = "refused"; /* all it ever got was a reset */
	out.error = "ECONNREFUSED";
	out.connected = false;
	out.closed_by = 0;
	assert_rows(*state, ends.far, &out, 1);
	scene_free(s);
}

/* It closes while its SYN is all that came through, and then denies all knowledge. */
static void part_fleeting_client(struct scene *s)
{
	int fd;

	far_come_up(s);
	allow(WITHOUT_COOKIE);
	cue_wait(s, CUE_LISTENING);
	fd = open_socket(s->addr);
	set_option(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
	must(try_connect(fd, s->addr, s->port) == 0);
	must(send(fd, "0123456789", s->request, MSG_DONTWAIT) == s->request);
	s->client_port = local_port(fd);
	cue_wait(s, CUE_CONNECTED);
	close(fd);
	cue_give(s, CUE_DONE);
}

static void part_deceived_server(struct scene *s)
{
	int listener = listen_fast(s);
	char byte;
	int fd;

	cue_give(s, CUE_LISTENING);
	fd = accept_one(listener);
	receive_bytes(fd, s->request);
	must(tcp_info(fd).tcpi_state == TCP_SYN_RECV);
	cue_give(s, CUE_CONNECTED);
	must(recv(fd, &byte, 1, 0) == -1 && errno == ECONNRESET);
	close(fd);
	close(listener);
}

static void a_connection_whose_client_was_gone_before_the_handshake_is_one_row_in(void **state)
{
	struct scene *s = scene_new(NEAR);
	pid_t server, client;
	struct row in, out;
	struct ends ends;

	s->request = 10;
	client = far_start(*state, s, part_fleeting_client, &ends);
	link_cut();
	allow(WITHOUT_COOKIE);
	server = actor_start("server", part_deceived_server, s);
	cue_wait(s, CUE_DONE);
	link_mend();
	actor_wait(client);
	actor_wait(server);
	in = in_row(s, server);
	in.outcome = "reset_by_peer";
	in.error = "ECONNRESET";
	in.owner_source = "listener";
	in.closed_by = 0;
	in.peer_addr = FAR;
	assert_rows(*state, ends.near, &in, 1);
	out = out_row(s, client);
	out.comm = "server"; /* as far_start() calls it */
	out.outcome = "cancelled";
	out.local_addr = FAR;
	out.connected = false;
	assert_rows(*state, ends.far, &out, 1);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_in_the_syn_is_one_row_on_each_side_and_counted),
		cmocka_unit_test(
			the_connection_that_gets_the_cookie_and_the_one_that_uses_it_are_told_alike),
		cmocka_unit_test(a_connect_that_waits_for_the_first_write_is_one_row_on_each_side),
		cmocka_unit_test(a_connect_that_never_reached_the_wire_was_cancelled),
		cmocka_unit_test(a_refused_fast_connect_is_one_row_with_outcome_refused),
		cmocka_unit_test(
			a_connection_accepted_and_closed_before_its_handshake_is_one_row_on_each_side),
		cmocka_unit_test(a_connection_reset_before_its_handshake_was_over_is_one_row),
		cmocka_unit_test(
			a_connection_whose_client_was_gone_before_the_handshake_is_one_row_in),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
