/* Connections that no process holds while the collector starts: found all the same, with
 * no owner that somebody made up. */
#include "parts.h"
#include "rows.h"

#include <sys/prctl.h>
#include <sys/socket.h>

#define OPEN_ROWS "SELECT count(*) FROM open_connection WHERE netns = ?1"

/* Each test runs its own collector, after its traffic has begun. */
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

/* Both in a new namespace; the collector starts when both gave CUE_CONNECTED. They go on
 * at CUE_GO. */
static ino_t play_around_start(struct node *n, struct scene *s, void (*serve)(struct scene *),
			       void (*call)(struct scene *), struct row rows[2])
{
	ino_t netns = node_stage(n);
	pid_t server = actor_start("server", serve, s);
	pid_t client = actor_start("client", call, s);

	cue_wait(s, CUE_CONNECTED);
	cue_wait(s, CUE_CONNECTED);
	node_start(n, (const char *const[]){"--flush", "100ms", NULL});
	node_expect_number(n, OPEN_ROWS, (long)netns, 2);
	cue_give(s, CUE_GO);
	cue_give(s, CUE_GO);
	actor_wait(client);
	actor_wait(server);
	rows[0] = out_row(s, client);
	rows[0].connected = false; /* nobody saw how long that took */
	rows[1] = in_row(s, server);
	return netns;
}

static void assert_found(struct node *n, ino_t netns, const struct row rows[2], struct scene *s)
{
	assert_rows(n, netns, rows, 2);
	assert_int_equal(
		node_number(
			n,
			"SELECT count(*) FROM connections WHERE ended_at NOT NULL AND netns = ?1"
			" AND flags & 2",
			(long)netns),
		2);
	scene_free(s);
}

/* To an heir who takes it when the collector runs. */
static int leave_on_the_way(struct scene *s, int fd, pid_t *heir)
{
	int channel[2];

	make_channel(channel);
	pass_on(channel[0], fd);
	*heir = fork();
	must(*heir >= 0);
	if (*heir) {
		close(channel[1]);
		cue_give(s, CUE_CONNECTED);
		return -1;
	}
	prctl(PR_SET_NAME, "heir");
	cue_wait(s, CUE_GO);
	return take_over(channel[1]);
}

static void part_client_who_gives(struct scene *s)
{
	pid_t heir;
	int fd;

	cue_wait(s, CUE_LISTENING);
	fd = dial(s->addr, s->port);
	s->client_port = local_port(fd);
	fd = leave_on_the_way(s, fd, &heir);
	if (fd < 0) {
		s->helper = heir;
		actor_wait(heir);
		return;
	}
	send_bytes(fd, s->request);
	receive_bytes(fd, s->reply);
	close(fd);
}

static void part_patient_server(struct scene *s)
{
	int listener = listen_at(s->addr, s->port);
	int fd;

	cue_give(s, CUE_LISTENING);
	fd = accept_one(listener);
	cue_give(s, CUE_CONNECTED);
	cue_wait(s, CUE_GO);
	receive_bytes(fd, s->request);
	send_bytes(fd, s->reply);
	wait_for_end(fd);
	close(fd);
	close(listener);
}

static void one_on_its_way_to_another_process_has_no_opener_but_who_closed_it(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct row rows[2];
	ino_t netns;

	s->request = 10;
	s->reply = 20;
	netns = play_around_start(*state, s, part_patient_server, part_client_who_gives, rows);
	rows[0].comm = "";
	rows[0].pid = 0;
	rows[0].owner_source = "";
	rows[0].closed_by = s->helper;
	assert_found(*state, netns, rows, s);
}

static void part_server_who_gives(struct scene *s)
{
	int listener = listen_at(s->addr, s->port);
	pid_t heir;
	int fd;

	cue_give(s, CUE_LISTENING);
	fd = leave_on_the_way(s, accept_one(listener), &heir);
	if (fd < 0) {
		s->helper = heir;
		actor_wait(heir);
		return;
	}
	receive_bytes(fd, s->request);
	send_bytes(fd, s->reply);
	wait_for_end(fd);
	close(fd);
}

static void part_patient_client(struct scene *s)
{
	int fd;

	cue_wait(s, CUE_LISTENING);
	fd = dial(s->addr, s->port);
	s->client_port = local_port(fd);
	cue_give(s, CUE_CONNECTED);
	cue_wait(s, CUE_GO);
	send_bytes(fd, s->request);
	receive_bytes(fd, s->reply);
	close(fd);
}

static void an_accepted_one_on_its_way_to_another_process_is_that_one_s_in_the_end(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct row rows[2];
	ino_t netns;

	s->request = 10;
	s->reply = 20;
	netns = play_around_start(*state, s, part_server_who_gives, part_patient_client, rows);
	rows[0].owner_source = "scan";
	rows[1].comm = "heir";
	rows[1].pid = rows[1].closed_by = s->helper;
	assert_found(*state, netns, rows, s);
}

/* Closes with more to send than the server's side takes, so that its kernel goes on. */
static void part_client_who_left(struct scene *s)
{
	int fd;

	cue_wait(s, CUE_LISTENING);
	fd = dial(s->addr, s->port);
	s->client_port = local_port(fd);
	send_bytes(fd, s->request);
	close(fd);
	wait_for_state("04"); /* FIN_WAIT1 */
	cue_give(s, CUE_CONNECTED);
}

/* Its buffer holds a small part of what it will get. */
static void part_server_with_little_room(struct scene *s)
{
	int listener = open_socket(s->addr);
	struct sockaddr_storage at;
	socklen_t len = make_address(s->addr, s->port, &at);
	int fd;

	set_option(listener, SOL_SOCKET, SO_RCVBUF, 4096);
	must(bind(listener, (struct sockaddr *)&at, len) == 0);
	must(listen(listener, 1) == 0);
	cue_give(s, CUE_LISTENING);
	fd = accept_one(listener);
	cue_give(s, CUE_CONNECTED);
	cue_wait(s, CUE_GO);
	receive_bytes(fd, s->request);
	wait_for_end(fd);
	close(fd);
	close(listener);
}

static void one_that_its_process_closed_but_the_kernel_still_sends_has_no_owner(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct row rows[2];
	ino_t netns;

	s->request = 300000;
	netns = play_around_start(*state, s, part_server_with_little_room, part_client_who_left,
				  rows);
	rows[0].comm = "";
	rows[0].pid = rows[0].closed_by = 0;
	rows[0].owner_source = "";
	assert_found(*state, netns, rows, s);
}

int main(void)
{
#define OF_ITS_OWN(test) cmocka_unit_test_setup_teardown(test, fresh, done)
	const struct CMUnitTest tests[] = {
		OF_ITS_OWN(one_on_its_way_to_another_process_has_no_opener_but_who_closed_it),
		OF_ITS_OWN(an_accepted_one_on_its_way_to_another_process_is_that_one_s_in_the_end),
		OF_ITS_OWN(one_that_its_process_closed_but_the_kernel_still_sends_has_no_owner),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
