/* Whose connection it is: the process, never a thread, never a bystander. */
#include "parts.h"
#include "rows.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "program.h"

#define HOSTILE	       "\x1b[31m\n\\\x7f ok"
#define HOSTILE_STORED "\\x1b[31m\\x0a\\\\\\x7f ok"
#define NOBODY	       65534

static void check(struct node *n, struct scene *s, void (*serve)(struct scene *),
		  void (*call)(struct scene *), void (*adapt)(struct scene *, struct row *))
{
	ino_t netns = node_stage(n);
	pid_t server = actor_start("server", serve, s);
	pid_t client = actor_start("client", call, s);
	struct row rows[2];

	actor_wait(client);
	actor_wait(server);
	rows[0] = out_row(s, client);
	rows[1] = in_row(s, server);
	adapt(s, rows);
	assert_rows(n, netns, rows, 2);
	scene_free(s);
}

/* The client reset it: no process on the server's side ever ended it. */
static void part_server_of_resetter(struct scene *s)
{
	int listener = listen_at(s->addr, SERVER_PORT);
	char byte;
	int fd;

	cue_give(s, CUE_LISTENING);
	fd = accept_one(listener);
	must(recv(fd, &byte, 1, 0) == -1 && errno == ECONNRESET); /* it has come */
	close(fd);
}

static void part_resetter(struct scene *s)
{
	int fd;

	cue_wait(s, CUE_LISTENING);
	fd = dial(s->addr, SERVER_PORT);
	s->client_port = local_port(fd);
	reset_on_close(fd);
	close(fd);
}

static void adapt_reset(struct scene *s, struct row *rows)
{
	(void)s;
	rows[0].outcome = "reset_by_us";
	rows[1].outcome = "reset_by_peer";
	rows[1].error = "ECONNRESET";
	rows[1].owner_source = "listener";
	rows[1].closed_by = 0;
}

static void an_accepted_connection_that_nobody_here_closed_is_the_listener_s(void **state)
{
	check(*state, scene_new("127.0.0.1"), part_server_of_resetter, part_resetter, adapt_reset);
	check(*state, scene_new("::1"), part_server_of_resetter, part_resetter, adapt_reset);
}

static void part_handler(struct scene *s, int fd)
{
	prctl(PR_SET_NAME, "handler");
	cue_wait(s, CUE_GO); /* the listener has let go */
	receive_bytes(fd, s->request);
	send_bytes(fd, s->reply);
	wait_for_end(fd);
	close(fd);
	_exit(0);
}

static void part_forking_server(struct scene *s)
{
	int listener = listen_at(s->addr, SERVER_PORT);
	pid_t child;
	int fd;

	cue_give(s, CUE_LISTENING);
	fd = accept_one(listener);
	child = fork();
	must(child >= 0);
	if (child == 0)
		part_handler(s, fd);
	s->helper = child;
	close(fd);
	cue_give(s, CUE_GO);
	actor_wait(child);
}

static void adapt_handler(struct scene *s, struct row *rows)
{
	rows[1].comm = "handler";
	rows[1].pid = rows[1].closed_by = s->helper;
}

static void a_connection_of_a_forking_server_is_the_child_s_that_closed_it(void **state)
{
	struct scene *s = scene_new("127.0.0.1");

	s->request = 12;
	s->reply = 34;
	check(*state, s, part_forking_server, part_client, adapt_handler);
}

/* The client hands its connection to a child and goes on without it. */
static void part_delegating_client(struct scene *s)
{
	pid_t child;
	int fd;

	cue_wait(s, CUE_LISTENING);
	fd = dial(s->addr, SERVER_PORT);
	s->client_port = local_port(fd);
	child = fork();
	must(child >= 0);
	if (child == 0) {
		prctl(PR_SET_NAME, "delegate");
		cue_wait(s, CUE_GO);
		send_bytes(fd, s->request);
		receive_bytes(fd, s->reply);
		close(fd);
		_exit(0);
	}
	s->helper = child;
	close(fd);
	cue_give(s, CUE_GO);
	actor_wait(child);
}

static void adapt_delegate(struct scene *s, struct row *rows)
{
	rows[0].closed_by = s->helper;
}

static void a_connection_stays_the_opener_s_when_a_child_closes_it(void **state)
{
	struct scene *s = scene_new("127.0.0.1");

	s->request = 12;
	check(*state, s, part_server, part_delegating_client, adapt_delegate);
}

static void *threaded(void *arg)
{
	prctl(PR_SET_NAME, "a-thread");
	part_client(arg);
	return NULL;
}

static void part_threaded_client(struct scene *s)
{
	pthread_t thread;

	must(pthread_create(&thread, NULL, threaded, s) == 0);
	must(pthread_join(thread, NULL) == 0);
}

static void *threaded_server(void *arg)
{
	prctl(PR_SET_NAME, "a-thread");
	part_server(arg);
	return NULL;
}

static void part_threaded_server(struct scene *s)
{
	pthread_t thread;

	must(pthread_create(&thread, NULL, threaded_server, s) == 0);
	must(pthread_join(thread, NULL) == 0);
}

static void adapt_nothing(struct scene *s, struct row *rows)
{
	(void)s, (void)rows;
}

static void a_connection_of_a_thread_is_recorded_with_its_process(void **state)
{
	check(*state, scene_new("127.0.0.1"), part_threaded_server, part_threaded_client,
	      adapt_nothing);
}

static void part_nobody(struct scene *s)
{
	must(setresuid(NOBODY, NOBODY, NOBODY) == 0);
	part_client(s);
}

static void adapt_nobody(struct scene *s, struct row *rows)
{
	(void)s;
	rows[0].uid = NOBODY;
}

static void the_user_is_recorded(void **state)
{
	check(*state, scene_new("127.0.0.1"), part_server, part_nobody, adapt_nobody);
}

static void part_hostile(struct scene *s)
{
	prctl(PR_SET_NAME, HOSTILE);
	part_client(s);
}

static void adapt_hostile(struct scene *s, struct row *rows)
{
	(void)s;
	rows[0].comm = HOSTILE_STORED;
}

static void a_name_that_would_command_a_terminal_is_stored_escaped(void **state)
{
	check(*state, scene_new("127.0.0.1"), part_server, part_hostile, adapt_hostile);
}

static void part_long_name(struct scene *s)
{
	prctl(PR_SET_NAME, "fifteen-letters-and-more");
	part_client(s);
}

static void adapt_long_name(struct scene *s, struct row *rows)
{
	(void)s;
	rows[0].comm = "fifteen-letters";
}

static void a_long_name_is_stored_as_far_as_the_kernel_keeps_it(void **state)
{
	check(*state, scene_new("127.0.0.1"), part_server, part_long_name, adapt_long_name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_accepted_connection_that_nobody_here_closed_is_the_listener_s),
		cmocka_unit_test(a_connection_of_a_forking_server_is_the_child_s_that_closed_it),
		cmocka_unit_test(a_connection_stays_the_opener_s_when_a_child_closes_it),
		cmocka_unit_test(a_connection_of_a_thread_is_recorded_with_its_process),
		cmocka_unit_test(the_user_is_recorded),
		cmocka_unit_test(a_name_that_would_command_a_terminal_is_stored_escaped),
		cmocka_unit_test(a_long_name_is_stored_as_far_as_the_kernel_keeps_it),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
