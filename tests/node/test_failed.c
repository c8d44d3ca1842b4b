/* Attempts that came to nothing: one row each, outbound, with the reason and the
 * local port the kernel had chosen. */
#include "parts.h"
#include "rows.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define ONLY_PORT 40000
#define SILENT_V4 "10.77.0.2"
#define SILENT_V6 "fd77::2"

/* The row of an attempt of @client from ONLY_PORT that failed. */
static struct row failed_row(const struct scene *s, pid_t client, const char *outcome,
			     const char *error)
{
	struct row r = out_row(s, client);

	r.outcome = outcome;
	r.error = error;
	r.local_port = ONLY_PORT;
	r.connected = false;
	r.closed_by = 0;
	return r;
}

static void check_refused(struct node *n, const char *addr)
{
	struct scene *s = scene_new(addr);
	ino_t netns = node_stage(n);
	struct row row;
	pid_t client;

	port_range(ONLY_PORT, ONLY_PORT);
	client = actor_start("client", part_attempt, s);
	actor_wait(client);
	assert_int_equal(s->error, ECONNREFUSED);
	row = failed_row(s, client, "refused", "ECONNREFUSED");
	assert_rows(n, netns, &row, 1);
	scene_free(s);
}

static void a_refused_connect_is_one_row_with_outcome_refused(void **state)
{
	check_refused(*state, "127.0.0.1");
}

static void a_refused_ipv6_connect_is_one_row_with_outcome_refused(void **state)
{
	check_refused(*state, "::1");
}

static void a_refused_mapped_connect_is_one_ipv4_row(void **state)
{
	check_refused(*state, "::ffff:127.0.0.1");
}

/* Refusals arrive in different contexts, some of them with the socket held by the
 * client and some not: the row must not depend on it. */
static void part_refused_often(struct scene *s)
{
	for (int i = 0; i < 200; i++)
		part_attempt(s);
}

static void all_of_many_refusals_are_told_alike(void **state)
{
	struct node *n = *state;
	struct scene *s = scene_new("127.0.0.1");
	long netns = (long)node_stage(n);
	pid_t client = actor_start("client", part_refused_often, s);

	actor_wait(client);
	node_fence(n);
	node_expect_number(n, NODE_ENDED_ROWS, netns, 200);
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM connections WHERE netns = ?1"
				     " AND outcome = 'refused' AND error = 'ECONNREFUSED'"
				     " AND local_port > 0 AND closed_by IS NULL AND comm = 'client'"
				     " AND tx_bytes = 0 AND rx_bytes = 0 AND connect_us IS NULL",
				     netns),
			 200);
	n->stages[n->n_stages - 1].n_rows = 200;
	scene_free(s);
}

static void part_unanswered(struct scene *s)
{
	int fd = open_socket(s->addr);
	int once = 1;

	must(setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &once, sizeof(once)) == 0);
	s->error = try_connect(fd, s->addr, SERVER_PORT);
	close(fd);
}

static void an_unanswered_connect_is_one_row_with_outcome_timeout(void **state)
{
	struct scene *four = scene_new(SILENT_V4), *six = scene_new(SILENT_V6);
	ino_t netns = node_stage(*state);
	struct row rows[2];
	pid_t a, b;

	silent_link();
	port_range(ONLY_PORT, ONLY_PORT);
	a = actor_start("client", part_unanswered, four);
	actor_wait(a);
	b = actor_start("client", part_unanswered, six);
	actor_wait(b);
	assert_int_equal(four->error, ETIMEDOUT);
	assert_int_equal(six->error, ETIMEDOUT);
	rows[0] = failed_row(four, a, "timeout", "ETIMEDOUT");
	rows[0].local_addr = "10.77.0.1";
	rows[1] = failed_row(six, b, "timeout", "ETIMEDOUT");
	rows[1].local_addr = "fd77::1";
	assert_rows(*state, netns, rows, 2);
	assert_in_range(retransmitted(), 2, 20); /* the kernel decides how often */
	assert_int_equal(node_number(*state,
				     "SELECT sum(retransmits) FROM connections WHERE netns = ?1",
				     (long)netns),
			 retransmitted());
	scene_free(four);
	scene_free(six);
}

static void part_gives_up(struct scene *s)
{
	int fd = open_socket(s->addr);

	must(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	must(try_connect(fd, s->addr, SERVER_PORT) == EINPROGRESS);
	close(fd);
}

static void a_connect_given_up_before_an_answer_is_one_row_with_outcome_cancelled(void **state)
{
	struct scene *s = scene_new(SILENT_V4);
	ino_t netns = node_stage(*state);
	struct row row;
	pid_t client;

	silent_link();
	port_range(ONLY_PORT, ONLY_PORT);
	client = actor_start("client", part_gives_up, s);
	actor_wait(client);
	row = failed_row(s, client, "cancelled", "");
	row.local_addr = "10.77.0.1";
	row.closed_by = client;
	assert_rows(*state, netns, &row, 1);
	scene_free(s);
}

static void a_process_killed_while_it_connects_leaves_one_row_with_outcome_cancelled(void **state)
{
	struct scene *s = scene_new(SILENT_V4);
	ino_t netns = node_stage(*state);
	struct row row;
	pid_t client;

	silent_link();
	port_range(ONLY_PORT, ONLY_PORT);
	client = actor_start("client", part_attempt, s);
	wait_for_state("02"); /* SYN_SENT */
	actor_kill(client);
	row = failed_row(s, client, "cancelled", "");
	row.local_addr = "10.77.0.1";
	row.closed_by = client;
	assert_rows(*state, netns, &row, 1);
	scene_free(s);
}

/* Two ports in all, both taken. */
static void part_third_of_two(struct scene *s)
{
	int listener = listen_at(s->addr, SERVER_PORT);
	int a = dial(s->addr, SERVER_PORT), b = dial(s->addr, SERVER_PORT);
	int accepted_a = accept_one(listener), accepted_b = accept_one(listener);
	int fd = open_socket(s->addr);

	s->client_port = local_port(a);
	s->client_port2 = local_port(b);
	s->error = try_connect(fd, s->addr, SERVER_PORT);
	close(fd);
	close(a);
	wait_for_end(accepted_a);
	close(accepted_a);
	close(b);
	wait_for_end(accepted_b);
	close(accepted_b);
	close(listener);
}

static void a_connect_without_a_free_port_is_one_row_with_outcome_no_port(void **state)
{
	struct scene *s = scene_new("127.0.0.1"), second;
	ino_t netns = node_stage(*state);
	struct row rows[5];
	pid_t client;

	port_range(ONLY_PORT, ONLY_PORT + 1);
	client = actor_start("client", part_third_of_two, s);
	actor_wait(client);
	assert_int_equal(s->error, EADDRNOTAVAIL);
	second = *s;
	second.client_port = s->client_port2;
	rows[0] = failed_row(s, client, "no_port", "EADDRNOTAVAIL");
	rows[0].local_port = 0;
	rows[1] = out_row(s, client);
	rows[2] = out_row(&second, client);
	rows[3] = in_row(s, client);
	rows[4] = in_row(&second, client);
	rows[3].comm = rows[4].comm = "client"; /* it is its own server */
	assert_rows(*state, netns, rows, 5);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refused_connect_is_one_row_with_outcome_refused),
		cmocka_unit_test(a_refused_ipv6_connect_is_one_row_with_outcome_refused),
		cmocka_unit_test(a_refused_mapped_connect_is_one_ipv4_row),
		cmocka_unit_test(all_of_many_refusals_are_told_alike),
		cmocka_unit_test(an_unanswered_connect_is_one_row_with_outcome_timeout),
		cmocka_unit_test(
			a_connect_given_up_before_an_answer_is_one_row_with_outcome_cancelled),
		cmocka_unit_test(
			a_process_killed_while_it_connects_leaves_one_row_with_outcome_cancelled),
		cmocka_unit_test(a_connect_without_a_free_port_is_one_row_with_outcome_no_port),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
