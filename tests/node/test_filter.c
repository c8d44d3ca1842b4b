/* What the collector was told to leave out is in no row, and counted. */
#include "parts.h"
#include "rows.h"

#include <sys/socket.h>

#define FILTERED "SELECT filtered FROM account WHERE record = 'end'"

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

struct said {
	struct scene *scene;
	pid_t server, client;
};

static struct said converse_with(void (*server)(struct scene *), const char *addr, int port)
{
	struct said t = {.scene = scene_new(addr)};

	t.scene->port = port;
	t.scene->request = 10;
	t.server = actor_start("server", server, t.scene);
	t.client = actor_start("client", part_client, t.scene);
	actor_wait(t.client);
	actor_wait(t.server);
	return t;
}

static struct said converse(const char *addr, int port)
{
	return converse_with(part_server, addr, port);
}

/* A socket that connects to itself: both sides at once, and no listener. */
static void part_narcissus(struct scene *s)
{
	struct sockaddr_storage at;
	socklen_t len = make_address(s->addr, s->port, &at);
	int fd = open_socket(s->addr);

	must(bind(fd, (struct sockaddr *)&at, len) == 0);
	must(try_connect(fd, s->addr, s->port) == 0);
	close(fd);
}

static void connect_to_itself(const char *addr, int port)
{
	struct scene *s = scene_new(addr);

	s->port = port;
	actor_wait(actor_start("narcissus", part_narcissus, s));
	scene_free(s);
}

static void start(struct node *n, const char *option, const char *value)
{
	node_start(n, (const char *const[]){"--flush", "100ms", option, value, NULL});
}

static void the_ports_that_are_left_out_are_in_no_row_and_counted(void **state)
{
	struct node *n = *state;
	struct said t;
	ino_t netns;

	start(n, "--exclude-port", "4713,4712");
	netns = node_stage(n);
	scene_free(converse("127.0.0.1", 4712).scene);
	scene_free(converse("::1", 4713).scene);
	t = converse("127.0.0.1", 4711);
	assert_rows(n, netns, (struct row[]){out_row(t.scene, t.client), in_row(t.scene, t.server)},
		    2);
	scene_free(t.scene);
	the_collector_ends_and_its_account_equals_the_rows(state);
	/* Nobody else uses these ports. */
	assert_int_equal(node_number(n, FILTERED, 0), 4);
}

static void a_connection_to_itself_is_left_out_once(void **state)
{
	struct node *n = *state;

	start(n, "--exclude-port", "4712");
	node_stage(n);
	connect_to_itself("127.0.0.1", 4712);
	connect_to_itself("::1", 4712);
	the_collector_ends_and_its_account_equals_the_rows(state);
	assert_int_equal(node_number(n, FILTERED, 0), 2);
}

static void a_connection_to_itself_goes_out(void **state)
{
	struct node *n = *state;

	start(n, "--only-direction", "in");
	node_stage(n);
	connect_to_itself("127.0.0.1", 4712);
	the_collector_ends_and_its_account_equals_the_rows(state);
}

static void what_is_accepted_without_a_backlog_is_left_out_to_its_end(void **state)
{
	struct node *n = *state;

	start(n, "--exclude-port", "4712");
	node_stage(n);
	scene_free(converse_with(part_server_without_backlog, "127.0.0.1", 4712).scene);
	scene_free(converse_with(part_server_without_backlog, "::1", 4712).scene);
	the_collector_ends_and_its_account_equals_the_rows(state);
	assert_int_equal(node_number(n, FILTERED, 0), 4);
}

static void one_direction_can_be_left_out(void **state)
{
	struct node *n = *state;
	struct said t;
	ino_t netns;

	start(n, "--only-direction", "in");
	netns = node_stage(n);
	t = converse("127.0.0.1", 4711);
	node_expect_number(n, NODE_ENDED_ROWS, (long)netns, 1);
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM connections"
				     " WHERE netns = ?1 AND direction = 'in'",
				     (long)netns),
			 1);
	scene_free(t.scene);
	node_stop(n, &(long){0}, &(long){0});
	start(n, "--only-direction", "out");
	t = converse("::1", 4711);
	node_expect_number(n, NODE_ENDED_ROWS, (long)netns, 2);
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM connections"
				     " WHERE netns = ?1 AND direction = 'out' AND family = 6",
				     (long)netns),
			 1);
	scene_free(t.scene);
	n->stages[n->n_stages - 1].n_rows = 2;
	node_stop(n, &(long){0}, &(long){0});
	assert_account_balanced(n);
	assert_true(node_number(n, "SELECT min(filtered) FROM account WHERE record = 'end'", 0) >=
		    1);
}

static void what_the_node_says_to_itself_can_be_left_out(void **state)
{
	struct node *n = *state;
	struct said t;
	long before;
	ino_t netns;

	start(n, "--no-loopback", NULL);
	netns = node_stage(n);
	run("ip addr add 10.88.0.1/32 dev lo");
	scene_free(converse("127.0.0.1", 4711).scene);
	scene_free(converse("::1", 4711).scene);
	scene_free(converse("10.88.0.1", 4711).scene); /* its own address */
	before = node_number(n, NODE_ENDED_ROWS, (long)netns);
	/* From one address to another: the client is bound to loopback's only by the route. */
	run("ip addr add 10.88.0.2/32 dev lo && ip route add local 10.88.0.3 dev lo src 10.88.0.2");
	t = converse("10.88.0.3", 4711);
	node_expect_number(n, NODE_ENDED_ROWS, (long)netns, 2);
	assert_int_equal(before, 0);
	n->stages[n->n_stages - 1].n_rows = 2;
	scene_free(t.scene);
	node_stop(n, &(long){0}, &(long){0});
	assert_account_balanced(n);
	assert_true(node_number(n, FILTERED, 0) >= 6);
}

int main(void)
{
#define OF_ITS_OWN(test) cmocka_unit_test_setup_teardown(test, fresh, done)
	const struct CMUnitTest tests[] = {
		OF_ITS_OWN(the_ports_that_are_left_out_are_in_no_row_and_counted),
		OF_ITS_OWN(a_connection_to_itself_is_left_out_once),
		OF_ITS_OWN(a_connection_to_itself_goes_out),
		OF_ITS_OWN(what_is_accepted_without_a_backlog_is_left_out_to_its_end),
		OF_ITS_OWN(one_direction_can_be_left_out),
		OF_ITS_OWN(what_the_node_says_to_itself_can_be_left_out),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
