/* Who accepts, where several processes could have: of many that wait at one listening
 * socket, and where one accepts and another closes. */
#include "parts.h"
#include "rows.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define WORKERS 3

static void *shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	must(p != MAP_FAILED);
	return p;
}

static struct row accepted_row(const struct scene *s, pid_t server)
{
	struct row r = in_row(s, server);

	r.owner_source = "accept";
	return r;
}

/* ---- several processes at one listening socket ---- */

struct pool {
	pid_t workers[WORKERS]; /* in the order in which they got a connection */
	int ports[WORKERS];	/* of the clients; likewise */
};

static struct pool *pool;

/* Tells the client who it is. */
static void work(int listener)
{
	pid_t self = getpid();
	int fd = accept_one(listener);

	must(send(fd, &self, sizeof(self), MSG_NOSIGNAL) == sizeof(self));
	wait_for_end(fd);
	close(fd);
}

static void part_prefork_server(struct scene *s)
{
	int listener = listen_at(s->addr, s->port);
	pid_t children[WORKERS];

	for (int i = 0; i < WORKERS; i++) {
		children[i] = fork();
		must(children[i] >= 0);
		if (children[i] == 0) {
			work(listener);
			_exit(0);
		}
	}
	cue_give(s, CUE_LISTENING);
	for (int i = 0; i < WORKERS; i++)
		actor_wait(children[i]);
}

/* All open at once, closed in order. */
static void part_pool_client(struct scene *s)
{
	int fds[WORKERS];

	cue_wait(s, CUE_LISTENING);
	for (int i = 0; i < WORKERS; i++) {
		fds[i] = dial(s->addr, s->port);
		pool->ports[i] = local_port(fds[i]);
		must(recv(fds[i], &pool->workers[i], sizeof(pid_t), MSG_WAITALL) == sizeof(pid_t));
	}
	for (int i = 0; i < WORKERS; i++) {
		must(shutdown(fds[i], SHUT_WR) == 0);
		wait_for_end(fds[i]);
		close(fds[i]);
	}
}

static void check_prefork(struct node *n, const char *owner_source)
{
	struct scene *s = scene_new("127.0.0.1");
	ino_t netns = node_stage(n);
	struct row rows[2 * WORKERS];
	pid_t server, client;

	pool = shared(sizeof(*pool));
	s->reply = sizeof(pid_t);
	server = actor_start("server", part_prefork_server, s);
	client = actor_start("client", part_pool_client, s);
	actor_wait(client);
	actor_wait(server);
	assert_int_not_equal(pool->workers[0], pool->workers[1]);
	assert_int_not_equal(pool->workers[1], pool->workers[2]);
	for (int i = 0; i < WORKERS; i++) {
		s->client_port = pool->ports[i];
		rows[i] = out_row(s, client);
		rows[WORKERS + i] = in_row(s, pool->workers[i]);
		rows[WORKERS + i].owner_source = owner_source;
	}
	assert_rows(n, netns, rows, 2 * WORKERS);
	munmap(pool, sizeof(*pool));
	scene_free(s);
}

static void each_connection_of_a_prefork_server_is_the_worker_s_that_accepted_it(void **state)
{
	check_prefork(*state, "accept");
}

static void without_exact_accepts_it_is_the_worker_s_that_closed_it(void **state)
{
	check_prefork(*state, "close");
}

/* ---- accepted here, closed there ---- */

union fd_message {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static void send_fd(int over, int fd)
{
	union fd_message control = {0};
	struct iovec byte = {.iov_base = "", .iov_len = 1};
	struct msghdr m = {.msg_iov = &byte,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	must(sendmsg(over, &m, 0) == 1);
}

static int receive_fd(int over)
{
	union fd_message control = {0};
	char buf;
	struct iovec byte = {.iov_base = &buf, .iov_len = 1};
	struct msghdr m = {.msg_iov = &byte,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	int fd;

	must(recvmsg(over, &m, MSG_CMSG_CLOEXEC) == 1);
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	return fd;
}

/* The child exists before the connection does: it can have it only by the message. */
static void part_passing_server(struct scene *s)
{
	int listener = listen_at(s->addr, s->port);
	int ends[2], fd;
	pid_t child;

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	child = fork();
	must(child >= 0);
	if (child == 0) {
		fd = receive_fd(ends[1]);
		cue_wait(s, CUE_DONE); /* the accepter has let go */
		send_bytes(fd, s->reply);
		wait_for_end(fd);
		close(fd);
		_exit(0);
	}
	s->helper = child;
	cue_give(s, CUE_LISTENING);
	fd = accept_one(listener);
	send_fd(ends[0], fd);
	close(fd);
	cue_give(s, CUE_DONE);
	actor_wait(child);
}

static void a_connection_passed_on_is_the_accepter_s_and_closed_by_the_other(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	ino_t netns = node_stage(*state);
	struct row rows[2];
	pid_t server, client;

	s->reply = 5;
	server = actor_start("server", part_passing_server, s);
	client = actor_start("client", part_client, s);
	actor_wait(client);
	actor_wait(server);
	rows[0] = out_row(s, client);
	rows[1] = accepted_row(s, server);
	rows[1].closed_by = s->helper;
	assert_rows(*state, netns, rows, 2);
	scene_free(s);
}

static void part_resetting_client(struct scene *s)
{
	int fd;

	cue_wait(s, CUE_LISTENING);
	fd = dial(s->addr, s->port);
	s->client_port = local_port(fd);
	receive_bytes(fd, s->reply); /* so it was accepted */
	reset_on_close(fd);
	close(fd);
}

static void part_server_of_resetter(struct scene *s)
{
	int listener = listen_at(s->addr, s->port);
	char byte;
	int fd;

	cue_give(s, CUE_LISTENING);
	fd = accept_one(listener);
	send_bytes(fd, s->reply);
	must(recv(fd, &byte, 1, 0) == -1 && errno == ECONNRESET); /* it has come */
	close(fd);
}

static void a_connection_that_nobody_here_closed_is_the_accepter_s(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	ino_t netns = node_stage(*state);
	struct row rows[2];
	pid_t server, client;

	s->reply = 5;
	server = actor_start("server", part_server_of_resetter, s);
	client = actor_start("client", part_resetting_client, s);
	actor_wait(client);
	actor_wait(server);
	rows[0] = out_row(s, client);
	rows[0].outcome = "reset_by_us";
	rows[1] = accepted_row(s, server);
	rows[1].outcome = "reset_by_peer";
	rows[1].error = "ECONNRESET";
	rows[1].closed_by = 0;
	assert_rows(*state, netns, rows, 2);
	scene_free(s);
}

/* ---- ended while they are accepted ---- */

#define RESETS 1000

static void part_busy_server(struct scene *s)
{
	int listener = listen_at(s->addr, s->port);

	for (int i = 0; i < WORKERS; i++) {
		pid_t child = fork();

		must(child >= 0);
		pool->workers[i] = child ? child : getpid();
		if (child == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				close(accept_one(listener));
		}
	}
	cue_give(s, CUE_LISTENING);
	cue_wait(s, CUE_DONE);
	for (int i = 0; i < WORKERS; i++)
		actor_kill(pool->workers[i]);
}

static void part_resetters(struct scene *s)
{
	cue_wait(s, CUE_LISTENING);
	for (int i = 0; i < RESETS; i++) {
		int fd = dial(s->addr, s->port);

		reset_on_close(fd);
		close(fd);
	}
	cue_give(s, CUE_DONE);
}

/* On one processor the connection ends, on another it gets its owner. */
static void an_owner_is_whole_even_when_the_connection_ends_meanwhile(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct node *n = *state;
	long netns = (long)node_stage(n), accepted;
	pid_t server, client;
	char sql[256];

	pool = shared(sizeof(*pool));
	server = actor_start("server", part_busy_server, s);
	client = actor_start("client", part_resetters, s);
	actor_wait(client);
	actor_wait(server);
	node_fence(n);
	node_expect_number(n, NODE_ENDED_ROWS, netns, 2 * RESETS);
	n->stages[n->n_stages - 1].n_rows = 2 * RESETS;
	snprintf(sql, sizeof(sql),
		 "SELECT count(*) FROM connections WHERE netns = ?1 AND direction = 'in' AND"
		 " owner_source = 'accept' AND accept_wait_us >= 0 AND pid IN (%d, %d, %d)",
		 pool->workers[0], pool->workers[1], pool->workers[2]);
	accepted = node_number(n, sql, netns);
	snprintf(
		sql, sizeof(sql),
		"SELECT count(*) FROM connections WHERE netns = ?1 AND direction = 'in' AND"
		" accept_wait_us IS NULL AND (pid IS NULL OR pid = %d AND owner_source = 'listener'"
		" OR owner_source = 'close' AND pid IN (%d, %d, %d))",
		server, pool->workers[0], pool->workers[1], pool->workers[2]);
	assert_true(accepted > 0);
	assert_int_equal(accepted + node_number(n, sql, netns), RESETS);
	munmap(pool, sizeof(*pool));
	scene_free(s);
}

static int setup_exact(void **state)
{
	struct node *n = node_new();

	node_start(n, (const char *const[]){"--flush", "100ms", "--accept", "exact", NULL});
	*state = n;
	return 0;
}

int main(void)
{
	const struct CMUnitTest with_exact[] = {
		cmocka_unit_test(
			each_connection_of_a_prefork_server_is_the_worker_s_that_accepted_it),
		cmocka_unit_test(a_connection_passed_on_is_the_accepter_s_and_closed_by_the_other),
		cmocka_unit_test(a_connection_that_nobody_here_closed_is_the_accepter_s),
		cmocka_unit_test(an_owner_is_whole_even_when_the_connection_ends_meanwhile),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};
	const struct CMUnitTest with_lazy[] = {
		cmocka_unit_test(without_exact_accepts_it_is_the_worker_s_that_closed_it),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};
	int failed;

	if (node_missing())
		return 77;
	stage_tracefs();
	failed = cmocka_run_group_tests(with_exact, setup_exact, node_teardown);
	return failed + cmocka_run_group_tests(with_lazy, node_setup, node_teardown);
}
