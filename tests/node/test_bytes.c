/* Payload to the byte, however it was sent and whoever closed first. */
#include "parts.h"
#include "rows.h"

#include <sys/socket.h>
#include <sys/wait.h>

#define MIB (1024 * 1024L)

static void check(struct node *n, struct scene *s, void (*serve)(struct scene *),
		  void (*call)(struct scene *))
{
	ino_t netns = node_stage(n);
	pid_t server = actor_start("server", serve, s);
	pid_t client = actor_start("client", call, s);

	actor_wait(client);
	actor_wait(server);
	assert_rows(n, netns, (struct row[]){out_row(s, client), in_row(s, server)}, 2);
	scene_free(s);
}

static void check_amounts(struct node *n, const char *addr, long request, long reply)
{
	struct scene *s = scene_new(addr);

	s->request = request;
	s->reply = reply;
	check(n, s, part_server, part_client);
}

static void no_payload_is_zero_bytes(void **state)
{
	check_amounts(*state, "127.0.0.1", 0, 0);
}

static void one_byte_is_one_byte(void **state)
{
	check_amounts(*state, "127.0.0.1", 1, 0);
	check_amounts(*state, "127.0.0.1", 0, 1);
	check_amounts(*state, "::1", 1, 1);
}

static void a_mebibyte_each_way_is_exact(void **state)
{
	check_amounts(*state, "127.0.0.1", MIB, MIB);
	check_amounts(*state, "::1", MIB + 1, MIB - 1);
}

static void a_mebibyte_from_a_server_that_closes_at_once_is_exact(void **state)
{
	struct scene *s = scene_new("127.0.0.1");

	s->reply = MIB;
	s->server_closes_first = true;
	check(*state, s, part_server, part_client);
}

/* One side says it is done and goes on reading. */
static void part_half_closing_client(struct scene *s)
{
	int fd;

	cue_wait(s, CUE_LISTENING);
	fd = dial(s->addr, SERVER_PORT);
	s->client_port = local_port(fd);
	send_bytes(fd, s->request);
	must(shutdown(fd, SHUT_WR) == 0);
	receive_bytes(fd, s->reply);
	wait_for_end(fd);
	close(fd);
}

static void part_server_of_half_closer(struct scene *s)
{
	int listener = listen_at(s->addr, SERVER_PORT);
	int fd;

	cue_give(s, CUE_LISTENING);
	fd = accept_one(listener);
	receive_bytes(fd, s->request);
	wait_for_end(fd);
	send_bytes(fd, s->reply);
	close(fd);
	close(listener);
}

static void bytes_after_the_client_s_half_close_are_counted(void **state)
{
	struct scene *s = scene_new("127.0.0.1");

	s->request = 100;
	s->reply = MIB;
	check(*state, s, part_server_of_half_closer, part_half_closing_client);
}

static void part_half_closing_server(struct scene *s)
{
	int listener = listen_at(s->addr, SERVER_PORT);
	int fd;

	cue_give(s, CUE_LISTENING);
	fd = accept_one(listener);
	send_bytes(fd, s->reply);
	must(shutdown(fd, SHUT_WR) == 0);
	receive_bytes(fd, s->request);
	wait_for_end(fd);
	close(fd);
	close(listener);
}

static void part_client_of_half_closer(struct scene *s)
{
	int fd;

	cue_wait(s, CUE_LISTENING);
	fd = dial(s->addr, SERVER_PORT);
	s->client_port = local_port(fd);
	receive_bytes(fd, s->reply);
	wait_for_end(fd);
	send_bytes(fd, s->request);
	close(fd);
}

static void bytes_after_the_server_s_half_close_are_counted(void **state)
{
	struct scene *s = scene_new("::1");

	s->request = MIB;
	s->reply = 100;
	check(*state, s, part_half_closing_server, part_client_of_half_closer);
}

/* Both at once: neither direction may be counted in the other. */
static void part_talk(int fd, long n_out, long n_in)
{
	pid_t talker = fork();

	must(talker >= 0);
	if (!talker) {
		send_bytes(fd, n_out);
		_exit(0);
	}
	receive_bytes(fd, n_in);
	actor_wait(talker);
}

static void part_talking_server(struct scene *s)
{
	int listener = listen_at(s->addr, SERVER_PORT);
	int fd;

	cue_give(s, CUE_LISTENING);
	fd = accept_one(listener);
	part_talk(fd, s->reply, s->request);
	wait_for_end(fd);
	close(fd);
}

static void part_talking_client(struct scene *s)
{
	int fd;

	cue_wait(s, CUE_LISTENING);
	fd = dial(s->addr, SERVER_PORT);
	s->client_port = local_port(fd);
	part_talk(fd, s->request, s->reply);
	close(fd);
}

static void bytes_that_cross_each_other_are_exact(void **state)
{
	struct scene *s = scene_new("127.0.0.1");

	s->request = 4 * MIB + 7;
	s->reply = 3 * MIB + 5;
	check(*state, s, part_talking_server, part_talking_client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_payload_is_zero_bytes),
		cmocka_unit_test(one_byte_is_one_byte),
		cmocka_unit_test(a_mebibyte_each_way_is_exact),
		cmocka_unit_test(a_mebibyte_from_a_server_that_closes_at_once_is_exact),
		cmocka_unit_test(bytes_after_the_client_s_half_close_are_counted),
		cmocka_unit_test(bytes_after_the_server_s_half_close_are_counted),
		cmocka_unit_test(bytes_that_cross_each_other_are_exact),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
