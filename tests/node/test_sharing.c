/* Sockets in more hands than one: the row says who did what, and where nobody can know,
 * it says nothing. */
#include "parts.h"
#include "rows.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define N_WORKERS 2
#define N_CALLS	  4

/* ---- a descriptor on its way ---- */

/* Without keeping it: who lets go last is the one who closes it. */
static void hand_over(struct scene *s, int channel, int fd)
{
	pass_on(channel, fd);
	cue_give(s, CUE_GO);
}

static int take_from(struct scene *s, int channel)
{
	int fd = take_over(channel);

	cue_wait(s, CUE_GO);
	return fd;
}

/* Forks a process that calls itself "heir"; true in it. */
static bool fork_heir(struct scene *s, int unused_end)
{
	pid_t pid = fork();

	must(pid >= 0);
	if (pid) {
		s->helper = pid;
		return false;
	}
	if (unused_end >= 0)
		close(unused_end);
	prctl(PR_SET_NAME, "heir");
	return true;
}

static void part_client_who_gives(struct scene *s)
{
	int channel[2], fd;

	make_channel(channel);
	if (fork_heir(s, channel[0])) {
		fd = take_from(s, channel[1]);
		send_bytes(fd, s->request);
		receive_bytes(fd, s->reply);
		close(fd);
		_exit(0);
	}
	cue_wait(s, CUE_LISTENING);
	fd = dial(s->addr, s->port);
	s->client_port = local_port(fd);
	hand_over(s, channel[0], fd);
	actor_wait(s->helper);
}

static void a_connection_given_away_is_the_opener_s_and_the_heir_closed_it(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct row rows[2];
	ino_t netns;

	s->request = 10;
	s->reply = 20;
	netns = play(*state, s, part_server, part_client_who_gives, rows);
	rows[0].closed_by = s->helper;
	assert_rows(*state, netns, rows, 2);
	scene_free(s);
}

static void part_server_who_gives(struct scene *s)
{
	int listener = listen_at(s->addr, s->port);
	int channel[2], fd;

	make_channel(channel);
	if (fork_heir(s, channel[0])) {
		close(listener);
		fd = take_from(s, channel[1]);
		receive_bytes(fd, s->request);
		send_bytes(fd, s->reply);
		wait_for_end(fd);
		close(fd);
		_exit(0);
	}
	cue_give(s, CUE_LISTENING);
	hand_over(s, channel[0], accept_one(listener));
	actor_wait(s->helper);
	close(listener);
}

static void an_accepted_connection_given_away_is_told_with_who_closed_it(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct row rows[2];
	ino_t netns;

	s->request = 10;
	s->reply = 20;
	netns = play(*state, s, part_server_who_gives, part_client, rows);
	rows[1].comm = "heir";
	rows[1].pid = rows[1].closed_by = s->helper;
	assert_rows(*state, netns, rows, 2);
	scene_free(s);
}

/* ---- more than one who accepts ---- */

/* What the client was told: who took each of its connections. */
struct taken {
	pid_t by[N_CALLS];
	int client_port[N_CALLS];
	pid_t workers[N_WORKERS];
};
static struct taken *taken; /* shared by all actors */

/* Accepts for ever, and tells each client who it is. */
static void work(struct scene *s, int listener)
{
	pid_t self = getpid();

	prctl(PR_SET_NAME, "worker");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	cue_give(s, CUE_LISTENING);
	for (;;) {
		int fd = accept_one(listener);
		char byte;

		must(send(fd, &self, sizeof(self), MSG_NOSIGNAL) == sizeof(self));
		must(recv(fd, &byte, 1, 0) == 0 || errno == ECONNRESET);
		close(fd);
		cue_give(s, CUE_DONE);
	}
}

/* True in the child. */
static bool fork_worker(int number)
{
	pid_t pid = fork();

	must(pid >= 0);
	if (pid)
		taken->workers[number] = pid;
	return pid == 0;
}

static void end_workers(struct scene *s)
{
	cue_wait(s, CUE_GO);
	for (int i = 0; i < N_WORKERS; i++)
		actor_kill(taken->workers[i]);
}

/* Listens, and leaves the rest to its children. */
static void part_prefork_server(struct scene *s)
{
	int listener = listen_at(s->addr, s->port);

	for (int i = 0; i < N_WORKERS; i++) {
		if (fork_worker(i))
			work(s, listener);
	}
	end_workers(s);
	close(listener);
}

/* Each of the children listens for itself, at the same port. */
static void part_group(struct scene *s)
{
	for (int i = 0; i < N_WORKERS; i++) {
		struct sockaddr_storage at;
		socklen_t len = make_address(s->addr, s->port, &at);
		int listener;

		if (!fork_worker(i))
			continue;
		listener = open_socket(s->addr);
		set_option(listener, SOL_SOCKET, SO_REUSEPORT, 1);
		must(bind(listener, (struct sockaddr *)&at, len) == 0);
		must(listen(listener, 16) == 0);
		work(s, listener);
	}
	end_workers(s);
}

static void call_workers(struct scene *s, bool reset)
{
	for (int i = 0; i < N_WORKERS; i++)
		cue_wait(s, CUE_LISTENING);
	for (int i = 0; i < N_CALLS; i++) {
		int fd = dial(s->addr, s->port);

		taken->client_port[i] = local_port(fd);
		must(recv(fd, &taken->by[i], sizeof(pid_t), MSG_WAITALL) == sizeof(pid_t));
		if (reset) {
			reset_on_close(fd);
		} else {
			must(shutdown(fd, SHUT_WR) == 0);
			wait_for_end(fd);
		}
		close(fd);
		cue_wait(s, CUE_DONE); /* so that they end one after the other */
	}
	cue_give(s, CUE_GO);
}

static void part_caller(struct scene *s)
{
	call_workers(s, false);
}

static void part_resetter(struct scene *s)
{
	call_workers(s, true);
}

/* @reset: by the client, so that nobody on the server's side has ended it. Then @source
 * is how its owner is known, and that is the process of @serve or nobody. */
static void check_workers(struct node *n, void (*serve)(struct scene *), bool reset,
			  const char *source)
{
	struct scene *s = scene_new("127.0.0.1");
	struct row rows[2 * N_CALLS], plain[2];
	ino_t netns;

	s->reply = sizeof(pid_t);
	netns = play(n, s, serve, reset ? part_resetter : part_caller, plain);
	for (int i = 0; i < N_CALLS; i++) {
		struct row *out = &rows[i], *in = &rows[N_CALLS + i];

		*out = plain[0];
		*in = plain[1];
		out->local_port = in->peer_port = taken->client_port[i];
		in->owner_source = source;
		if (reset) {
			out->outcome = "reset_by_us";
			in->outcome = "reset_by_peer";
			in->error = "ECONNRESET";
			in->closed_by = 0;
		} else {
			in->comm = "worker";
			in->pid = in->closed_by = taken->by[i];
		}
		if (!*source) {
			in->comm = "";
			in->pid = 0;
		}
	}
	assert_rows(n, netns, rows, 2 * N_CALLS);
	scene_free(s);
}

static void each_connection_of_a_prefork_server_is_the_worker_s_that_closed_it(void **state)
{
	check_workers(*state, part_prefork_server, false, "close");
}

static void one_of_a_prefork_server_that_nobody_closed_is_who_listened_and_says_so(void **state)
{
	check_workers(*state, part_prefork_server, true, "listener");
}

static void each_connection_of_a_group_at_one_port_is_the_member_s_that_closed_it(void **state)
{
	check_workers(*state, part_group, false, "close");
}

static void one_of_a_group_at_one_port_that_nobody_closed_is_nobody_s(void **state)
{
	check_workers(*state, part_group, true, "");
}

/* ---- owners who die ---- */

static void part_server_who_waits(struct scene *s)
{
	int listener = listen_at(s->addr, s->port);
	int fd;

	fd = accept_and_talk(s, listener);
	cue_give(s, CUE_CONNECTED);
	wait_for_end(fd);
}

static void part_client_of_the_dead(struct scene *s)
{
	int fd = dial_and_talk(s);

	wait_for_end(fd);
	close(fd);
}

static void a_killed_server_closed_its_connection(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	ino_t netns = node_stage(*state);
	pid_t server, client;

	s->request = 10;
	s->reply = 20;
	server = actor_start("server", part_server_who_waits, s);
	client = actor_start("client", part_client_of_the_dead, s);
	cue_wait(s, CUE_CONNECTED);
	actor_kill(server);
	actor_wait(client);
	assert_rows(*state, netns, (struct row[]){out_row(s, client), in_row(s, server)}, 2);
	scene_free(s);
}

/* Is killed while its child still uses the connection. */
static void part_client_with_orphan(struct scene *s)
{
	int fd;

	cue_wait(s, CUE_LISTENING);
	fd = dial(s->addr, s->port);
	s->client_port = local_port(fd);
	if (fork_heir(s, -1)) {
		cue_wait(s, CUE_GO);
		send_bytes(fd, s->request);
		receive_bytes(fd, s->reply);
		close(fd);
		_exit(0);
	}
	cue_give(s, CUE_CONNECTED);
	pause();
}

static void a_connection_stays_the_opener_s_when_it_was_killed_and_its_child_goes_on(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	ino_t netns = node_stage(*state);
	pid_t server, client;
	struct row rows[2];

	s->request = 10;
	s->reply = 20;
	server = actor_start("server", part_server, s);
	client = actor_start("client", part_client_with_orphan, s);
	cue_wait(s, CUE_CONNECTED);
	actor_kill(client);
	cue_give(s, CUE_GO);
	actor_wait(server);
	rows[0] = out_row(s, client);
	rows[0].closed_by = s->helper;
	rows[1] = in_row(s, server);
	assert_rows(*state, netns, rows, 2);
	scene_free(s);
}

static int setup(void **state)
{
	taken = mmap(NULL, sizeof(*taken), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	must(taken != MAP_FAILED);
	return node_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_given_away_is_the_opener_s_and_the_heir_closed_it),
		cmocka_unit_test(an_accepted_connection_given_away_is_told_with_who_closed_it),
		cmocka_unit_test(
			each_connection_of_a_prefork_server_is_the_worker_s_that_closed_it),
		cmocka_unit_test(
			one_of_a_prefork_server_that_nobody_closed_is_who_listened_and_says_so),
		cmocka_unit_test(
			each_connection_of_a_group_at_one_port_is_the_member_s_that_closed_it),
		cmocka_unit_test(one_of_a_group_at_one_port_that_nobody_closed_is_nobody_s),
		cmocka_unit_test(a_killed_server_closed_its_connection),
		cmocka_unit_test(
			a_connection_stays_the_opener_s_when_it_was_killed_and_its_child_goes_on),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, setup, node_teardown);
}
