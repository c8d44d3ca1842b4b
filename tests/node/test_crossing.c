/* Both ends at once: two that connect to each other, and two that close. */
#include "far.h"
#include "parts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#define BYTES 10

/* Sends a SYN from the server port of @from to that of @to. */
static int begin_to_connect(const char *from, const char *to)
{
	struct sockaddr_storage at;
	socklen_t len = make_address(from, SERVER_PORT, &at);
	int fd = open_socket(from);

	must(bind(fd, (struct sockaddr *)&at, len) == 0);
	must(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	must(try_connect(fd, to, SERVER_PORT) == EINPROGRESS);
	return fd;
}

static void wait_until_connected(int fd)
{
	struct pollfd out = {.fd = fd, .events = POLLOUT};
	socklen_t len = sizeof(int);
	int error;

	must(poll(&out, 1, 30000) == 1);
	must(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0);
	must(fcntl(fd, F_SETFL, 0) == 0);
}

static void part_far_suitor(struct scene *s)
{
	int fd;

	far_come_up(s);
	cue_wait(s, CUE_LISTENING);
	fd = begin_to_connect(FAR, NEAR);
	cue_give(s, CUE_CONNECTED);
	wait_until_connected(fd);
	send_bytes(fd, BYTES);
	wait_for_end(fd);
	close(fd);
}

/* Its SYN gets lost, so that the other's meets it while it waits for an answer. */
static void part_near_suitor(struct scene *s)
{
	int fd;

	link_cut();
	fd = begin_to_connect(NEAR, FAR);
	cue_give(s, CUE_LISTENING);
	cue_wait(s, CUE_CONNECTED);
	wait_for_state("03"); /* SYN_RECV */
	link_mend();
	wait_until_connected(fd);
	receive_bytes(fd, BYTES);
	close(fd);
}

static void two_that_connect_to_each_other_are_one_row_out_on_each_side(void **state)
{
	struct scene *s = scene_new(FAR);
	struct row near_row, far_row;
	pid_t far, near;
	struct ends ends;

	far = far_start(*state, s, part_far_suitor, &ends);
	near = actor_start("client", part_near_suitor, s);
	actor_wait(near);
	actor_wait(far);
	s->client_port = SERVER_PORT;
	near_row = out_row(s, near);
	near_row.rx_bytes = BYTES;
	far_row = out_row(s, far);
	far_row.comm = "server"; /* as far_start() calls it */
	far_row.tx_bytes = BYTES;
	far_row.local_addr = FAR;
	far_row.peer_addr = NEAR;
	near_row.local_addr = NEAR;
	assert_rows(*state, ends.near, &near_row, 1);
	assert_rows(*state, ends.far, &far_row, 1);
	scene_free(s);
}

static void part_far_closer(struct scene *s)
{
	int listener, fd;

	far_come_up(s);
	listener = listen_at(s->addr, s->port);
	fd = accept_and_talk(s, listener);
	cue_wait(s, CUE_CONNECTED);
	close(fd);
	cue_give(s, CUE_DONE);
}

/* Its FIN gets lost, and meanwhile the other's comes. */
static void part_near_closer(struct scene *s)
{
	int fd = dial_and_talk(s);

	link_cut();
	close(fd);
	cue_give(s, CUE_CONNECTED);
	cue_wait(s, CUE_DONE);
	wait_for_state("0B"); /* CLOSING */
	link_mend();
}

static void two_that_close_at_once_closed_in_good_order_each_its_own_side(void **state)
{
	static const char peer_closed[] =
		"SELECT count(*) FROM connections WHERE ended_at NOT NULL AND netns = ?1 AND flags & 8";
	struct scene *s = scene_new(FAR);
	pid_t server, client;
	struct ends ends;

	s->request = 100;
	s->reply = 200;
	server = far_start(*state, s, part_far_closer, &ends);
	client = actor_start("client", part_near_closer, s);
	actor_wait(client);
	actor_wait(server);
	assert_ends(*state, s, ends, out_row(s, client), in_row(s, server));
	/* Neither had the other's FIN before it sent its own. */
	assert_int_equal(node_number(*state, peer_closed, (long)ends.near), 0);
	assert_int_equal(node_number(*state, peer_closed, (long)ends.far), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_that_connect_to_each_other_are_one_row_out_on_each_side),
		cmocka_unit_test(two_that_close_at_once_closed_in_good_order_each_its_own_side),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
