/* Who accepts: each connection with the process that took it out of the queue, and the
 * time it waited there. */
#include "parts.h"
#include "rows.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "program.h"

#define WAIT_US 50000

/* What the kernel has: found out by what --accept=auto records. */
static bool has_fexit;

static void hide_tracefs(void)
{
	must(mount("tmpfs", "/sys/kernel/tracing", "tmpfs", 0, NULL) == 0);
	must(mount("tmpfs", "/sys/kernel/debug", "tmpfs", 0, NULL) == 0);
}

static struct row accepted_row(const struct scene *s, pid_t server)
{
	struct row r = in_row(s, server);

	r.owner_source = "accept";
	return r;
}

/* ---- one connection, accepted in different ways ---- */

/* Accepts late, by whatever way, and closes when the client has. */
static void serve_late(struct scene *s, int listener, int (*accept_it)(int listener))
{
	int fd;

	cue_give(s, CUE_LISTENING);
	cue_wait(s, CUE_CONNECTED);
	usleep(WAIT_US);
	fd = accept_it(listener);
	must(fd >= 0);
	cue_give(s, CUE_GO);
	wait_for_end(fd);
	close(fd);
	close(listener);
}

static int by_accept(int listener)
{
	return accept(listener, NULL, NULL);
}

static void part_late_accept(struct scene *s)
{
	serve_late(s, listen_at(s->addr, s->port), by_accept);
}

static void part_late_accept4(struct scene *s)
{
	serve_late(s, listen_at(s->addr, s->port), accept_one);
}

/* By io_uring, without its library: one entry each way. */
static int by_io_uring(int listener)
{
	struct io_uring_params p = {0};
	int ring = (int)syscall(__NR_io_uring_setup, 1, &p);
	unsigned char *sq, *cq;
	struct io_uring_sqe *entry;
	struct io_uring_cqe *done;

	must(ring >= 0);
	sq = mmap(NULL, p.sq_off.array + p.sq_entries * sizeof(unsigned), PROT_READ | PROT_WRITE,
		  MAP_SHARED, ring, IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(*done), PROT_READ | PROT_WRITE,
		  MAP_SHARED, ring, IORING_OFF_CQ_RING);
	entry = mmap(NULL, sizeof(*entry), PROT_READ | PROT_WRITE, MAP_SHARED, ring,
		     IORING_OFF_SQES);
	must(sq != MAP_FAILED && cq != MAP_FAILED && (void *)entry != MAP_FAILED);
	entry->opcode = IORING_OP_ACCEPT;
	entry->fd = listener;
	((unsigned *)(sq + p.sq_off.array))[0] = 0;
	__atomic_store_n((unsigned *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	must(syscall(__NR_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1);
	done = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
	return done->res;
}

static void part_late_io_uring(struct scene *s)
{
	serve_late(s, listen_at(s->addr, s->port), by_io_uring);
}

static int mptcp_socket(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);
}

static void part_late_mptcp(struct scene *s)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(SERVER_PORT)};
	int listener = mptcp_socket();

	must(listener >= 0);
	must(bind(listener, (struct sockaddr *)&any, sizeof(any)) == 0);
	must(listen(listener, 16) == 0);
	serve_late(s, listener, accept_one);
}

/* Returns the row of the accepted side. */
static void check_late(struct node *n, const char *addr, void (*serve)(struct scene *),
		       bool by_accept_known)
{
	struct scene *s = scene_new(addr);
	ino_t netns = node_stage(n);
	pid_t server = actor_start("server", serve, s);
	pid_t client = actor_start("client", part_staying_client, s);
	struct row rows[2];
	long wait_us;

	actor_wait(client);
	actor_wait(server);
	rows[0] = out_row(s, client);
	rows[1] = by_accept_known ? accepted_row(s, server) : in_row(s, server);
	assert_rows(n, netns, rows, 2);
	wait_us = node_number(n,
			      "SELECT coalesce(accept_wait_us, -1) FROM connections"
			      " WHERE netns = ?1 AND direction = 'in'",
			      (long)netns);
	if (by_accept_known)
		assert_in_range(wait_us, WAIT_US, 60 * 1000 * 1000);
	else
		assert_int_equal(wait_us, -1);
	assert_int_equal(node_number(n,
				     "SELECT count(accept_wait_us) FROM connections"
				     " WHERE netns = ?1 AND direction = 'out'",
				     (long)netns),
			 0);
	scene_free(s);
}

static void an_accepted_connection_has_its_accepter_and_how_long_it_waited(void **state)
{
	check_late(*state, "127.0.0.1", part_late_accept, true);
	check_late(*state, "127.0.0.1", part_late_accept4, true);
	check_late(*state, "::1", part_late_accept, true);
	check_late(*state, "::ffff:127.0.0.1", part_late_accept4, true);
}

static void an_accept_by_io_uring_is_known_where_the_kernel_has_fexit(void **state)
{
	check_late(*state, "127.0.0.1", part_late_io_uring, has_fexit);
}

static void a_plain_connection_to_a_multipath_listener_has_its_accepter(void **state)
{
	int fd = mptcp_socket();

	if (fd < 0) { /* not in this kernel */
		skip();
		return;
	}
	close(fd);
	check_late(*state, "127.0.0.1", part_late_mptcp, true);
}

static void without_exact_accepts_the_owner_is_the_one_who_closes(void **state)
{
	check_late(*state, "127.0.0.1", part_late_accept4, false);
}

/* ---- Fast Open: accepted before the handshake is over ---- */

static void part_fast_server(struct scene *s)
{
	int listener, fd;

	stage_enter(s->stage);
	link_far();
	/* 2: serve it, 0x200: without a cookie, 0x400: on every listening socket. */
	run("echo 0x602 > /proc/sys/net/ipv4/tcp_fastopen");
	listener = listen_at("10.77.0.2", s->port);
	/* The answer to the SYN does not get through: what is accepted is half open. */
	run("ip neigh replace 10.77.0.1 lladdr 02:00:00:00:00:09 dev far");
	cue_give(s, CUE_LISTENING);
	fd = accept_one(listener);
	receive_bytes(fd, s->request);
	wait_for_state("03"); /* SYN_RECV */
	run("ip neigh replace 10.77.0.1 lladdr 02:00:00:00:00:01 dev far");
	wait_for_end(fd);
	close(fd);
}

static void part_fast_client(struct scene *s)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(s->port)};
	int fd = open_socket("10.77.0.2");

	to.sin_addr.s_addr = htonl(0x0a4d0002);
	cue_wait(s, CUE_LISTENING);
	must(sendto(fd, "hello", s->request, MSG_FASTOPEN, (struct sockaddr *)&to, sizeof(to)) ==
	     s->request);
	s->client_port = local_port(fd);
	close(fd);
}

static void a_fast_open_connection_accepted_half_open_has_its_accepter(void **state)
{
	const struct stage *far = node_spare_stage(*state);
	struct scene *s = scene_new("10.77.0.2");
	ino_t near = node_stage(*state);
	struct row row;
	pid_t server, client;

	s->stage = far->fd;
	s->request = 5;
	link_near(far->fd);
	run("echo 0x5 > /proc/sys/net/ipv4/tcp_fastopen"); /* 1: use it, 4: without a cookie */
	server = actor_start("server", part_fast_server, s);
	client = actor_start("client", part_fast_client, s);
	actor_wait(client);
	actor_wait(server);
	row = out_row(s, client);
	row.local_addr = "10.77.0.1";
	assert_rows(*state, near, &row, 1);
	row = has_fexit ? accepted_row(s, server) : in_row(s, server);
	row.peer_addr = "10.77.0.1";
	assert_rows(*state, far->netns, &row, 1);
	if (has_fexit)
		assert_int_equal(node_number(*state,
					     "SELECT accept_wait_us FROM connections"
					     " WHERE netns = ?1",
					     (long)far->netns),
				 0);
	scene_free(s);
}

/* ---- what the kernel has ---- */

static void auto_is_exact_where_the_kernel_has_fexit_and_else_lazy(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	ino_t netns = node_stage(*state);
	pid_t server = actor_start("server", part_late_accept, s);
	pid_t client = actor_start("client", part_staying_client, s);
	struct row rows[2];

	actor_wait(client);
	actor_wait(server);
	node_fence(*state);
	has_fexit = node_reaches(*state, NODE_ENDED_ROWS, (long)netns, 2) &&
		    node_number(*state,
				"SELECT count(accept_wait_us) FROM connections WHERE netns = ?1",
				(long)netns) == 1;
	rows[0] = out_row(s, client);
	rows[1] = has_fexit ? accepted_row(s, server) : in_row(s, server);
	assert_rows(*state, netns, rows, 2);
	scene_free(s);
}

static void exact_without_tracefs_works_by_fexit_or_says_what_to_do(void **state)
{
	const char *const argv[] = {COLLECT,	  "--no-db", "--print", "--accept=exact",
				    "--duration", "100ms",   NULL};
	struct finished f;
	pid_t child;
	int status;

	(void)state;
	child = fork();
	must(child >= 0);
	if (child == 0) {
		must(unshare(CLONE_NEWNS) == 0);
		hide_tracefs();
		f = program_run(argv, 0);
		must(f.code == (has_fexit ? 0 : 1));
		must(has_fexit || strstr(f.err, "--accept=exact: "));
		must(has_fexit || strstr(f.err, "mount -t tracefs nodev /sys/kernel/tracing"));
		_exit(0);
	}
	must(waitpid(child, &status, 0) == child);
	assert_int_equal(status, 0);
}

static int setup(void **state, const char *how)
{
	struct node *n = node_new();

	node_start(n, (const char *const[]){"--flush", "100ms", "--accept", how, NULL});
	*state = n;
	return 0;
}

static int setup_auto(void **state)
{
	return setup(state, "auto");
}

static int setup_exact(void **state)
{
	return setup(state, "exact");
}

static int setup_lazy(void **state)
{
	return setup(state, "lazy");
}

int main(void)
{
	const struct CMUnitTest with_auto[] = {
		cmocka_unit_test(auto_is_exact_where_the_kernel_has_fexit_and_else_lazy),
		cmocka_unit_test(exact_without_tracefs_works_by_fexit_or_says_what_to_do),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};
	const struct CMUnitTest with_exact[] = {
		cmocka_unit_test(an_accepted_connection_has_its_accepter_and_how_long_it_waited),
		cmocka_unit_test(an_accept_by_io_uring_is_known_where_the_kernel_has_fexit),
		cmocka_unit_test(a_plain_connection_to_a_multipath_listener_has_its_accepter),
		cmocka_unit_test(a_fast_open_connection_accepted_half_open_has_its_accepter),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};
	const struct CMUnitTest with_lazy[] = {
		cmocka_unit_test(without_exact_accepts_the_owner_is_the_one_who_closes),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};
	int failed;

	if (node_missing())
		return 77;
	stage_tracefs();
	failed = cmocka_run_group_tests(with_auto, setup_auto, node_teardown);
	failed += cmocka_run_group_tests(with_exact, setup_exact, node_teardown);
	return failed + cmocka_run_group_tests(with_lazy, setup_lazy, node_teardown);
}
