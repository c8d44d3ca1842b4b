/* Connections made without a system call for each step: io_uring, whose threads work for
 * the process and bear names of their own. (Who accepts: test_accept.c.) */
#include "parts.h"
#include "ring.h"
#include "rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void ring_connect(struct ring *r, int fd, const struct scene *s, int flags)
{
	struct sockaddr_storage to;
	socklen_t len = make_address(s->addr, s->port, &to);

	must(ring_do(r, (struct io_uring_sqe){.opcode = IORING_OP_CONNECT,
					      .flags = flags,
					      .fd = fd,
					      .addr = (unsigned long)&to,
					      .off = len}) == 0);
}

static void ring_close_file(struct ring *r, int fd, int flags)
{
	must(ring_do(r,
		     (struct io_uring_sqe){.opcode = IORING_OP_CLOSE, .flags = flags, .fd = fd}) ==
	     0);
}

static void call_by_ring(struct scene *s, bool polled, int flags)
{
	struct ring ring;
	int fd;

	cue_wait(s, CUE_LISTENING);
	ring_open(&ring, polled);
	fd = open_socket(s->addr);
	ring_connect(&ring, fd, s, flags);
	s->client_port = local_port(fd);
	send_bytes(fd, s->request);
	receive_bytes(fd, s->reply);
	ring_close_file(&ring, fd, flags);
	ring_close(&ring);
}

static void serve_by_ring(struct scene *s, bool polled, int flags)
{
	int listener = listen_at(s->addr, s->port);
	struct ring ring;
	int fd;

	ring_open(&ring, polled);
	cue_give(s, CUE_LISTENING);
	fd = ring_do(&ring, (struct io_uring_sqe){.opcode = IORING_OP_ACCEPT,
						  .flags = flags,
						  .fd = listener});
	must(fd >= 0);
	receive_bytes(fd, s->request);
	send_bytes(fd, s->reply);
	wait_for_end(fd);
	ring_close_file(&ring, fd, flags);
	ring_close(&ring);
	close(listener);
}

static void part_ring_client(struct scene *s)
{
	call_by_ring(s, false, 0);
}

static void part_ring_server(struct scene *s)
{
	serve_by_ring(s, false, 0);
}

static void part_async_client(struct scene *s)
{
	call_by_ring(s, false, IOSQE_ASYNC);
}

static void part_async_server(struct scene *s)
{
	serve_by_ring(s, false, IOSQE_ASYNC);
}

static void part_polled_client(struct scene *s)
{
	call_by_ring(s, true, 0);
}

static void part_polled_server(struct scene *s)
{
	serve_by_ring(s, true, 0);
}

/* Two plain rows; and the thread that connected has a name that begins with @thread. */
static void check(struct node *n, void (*serve)(struct scene *), void (*call)(struct scene *),
		  const char *thread)
{
	struct scene *s = scene_new("127.0.0.1");
	struct row rows[2];
	ino_t netns;
	char *name;

	s->request = 10;
	s->reply = 20;
	netns = play(n, s, serve, call, rows);
	assert_rows(n, netns, rows, 2);
	name = node_text(n, "SELECT thread FROM connections WHERE netns = ?1 AND direction = 'out'",
			 (long)netns);
	name[strnlen(thread, strlen(name))] = '\0';
	assert_string_equal(name, thread);
	free(name);
	scene_free(s);
}

static void what_is_done_by_io_uring_at_once_is_the_process_s(void **state)
{
	check(*state, part_ring_server, part_ring_client, "client");
}

static void what_is_done_by_a_worker_thread_of_io_uring_is_the_process_s(void **state)
{
	check(*state, part_async_server, part_async_client, "iou-wrk-");
}

static void what_is_done_by_the_polling_thread_of_io_uring_is_the_process_s(void **state)
{
	check(*state, part_polled_server, part_polled_client, "iou-sqp-");
}

/* The ring holds the only reference, and the kernel clears up after both. */
static void part_client_who_leaves_it_to_the_ring(struct scene *s)
{
	struct ring ring;
	int fd;

	cue_wait(s, CUE_LISTENING);
	ring_open(&ring, false);
	fd = dial(s->addr, s->port);
	s->client_port = local_port(fd);
	send_bytes(fd, s->request);
	receive_bytes(fd, s->reply);
	ring_keep(&ring, fd);
}

static void what_a_ring_held_when_its_process_ended_was_closed_by_no_process(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct row rows[2];
	ino_t netns;

	s->request = 10;
	s->reply = 20;
	netns = play(*state, s, part_server, part_client_who_leaves_it_to_the_ring, rows);
	rows[0].closed_by = 0;
	assert_rows(*state, netns, rows, 2);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_done_by_io_uring_at_once_is_the_process_s),
		cmocka_unit_test(what_is_done_by_a_worker_thread_of_io_uring_is_the_process_s),
		cmocka_unit_test(what_is_done_by_the_polling_thread_of_io_uring_is_the_process_s),
		cmocka_unit_test(what_a_ring_held_when_its_process_ended_was_closed_by_no_process),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
