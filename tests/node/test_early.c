/* --early-failures: a connect() that fails before anything is sent has its row, too, and
 * one that fails later still has one only. */
#include "parts.h"
#include "rows.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ONLY_PORT 40000
#define NO_ROUTE  "10.9.9.9"

static struct row failed_row(const struct scene *s, pid_t client, const char *outcome,
			     const char *error)
{
	struct row r = out_row(s, client);

	r.outcome = outcome;
	r.error = error;
	r.local_addr = r.family == 4 ? "0.0.0.0" : "::";
	r.connected = false;
	r.closed_by = 0;
	return r;
}

/* An attempt that fails with @want. Where @error is NULL there must be no row of it. */
static void check(struct node *n, ino_t netns, const char *addr, void (*part)(struct scene *),
		  int want, const char *outcome, const char *error)
{
	struct scene *s = scene_new(addr);
	pid_t client = actor_start("client", part, s);
	struct row row;

	actor_wait(client);
	assert_int_equal(s->error, want);
	row = failed_row(s, client, outcome, error);
	row.local_port = s->client_port;
	if (s->client_port)
		row.local_addr = "127.0.0.1";
	assert_rows(n, netns, &row, error != NULL);
	scene_free(s);
}

static void an_attempt_without_a_route_is_one_row_with_outcome_unreachable(void **state)
{
	check(*state, node_stage(*state), NO_ROUTE, part_attempt, ENETUNREACH, "unreachable",
	      "ENETUNREACH");
	check(*state, node_stage(*state), "fd99::9", part_attempt, ENETUNREACH, "unreachable",
	      "ENETUNREACH");
	check(*state, node_stage(*state), "::ffff:" NO_ROUTE, part_attempt, ENETUNREACH,
	      "unreachable", "ENETUNREACH");
}

static void a_route_of_any_kind_that_leads_nowhere_has_its_verdict(void **state)
{
	static const struct {
		const char *command, *outcome, *name;
		int error;
	} routes[] = {
		{"ip route add unreachable " NO_ROUTE, "unreachable", "EHOSTUNREACH", EHOSTUNREACH},
		{"ip route add blackhole " NO_ROUTE, "unreachable", "EINVAL", EINVAL},
		{"ip route add prohibit " NO_ROUTE, "denied", "EACCES", EACCES},
	};

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		ino_t netns = node_stage(*state);

		run(routes[i].command);
		check(*state, netns, NO_ROUTE, part_attempt, routes[i].error, routes[i].outcome,
		      routes[i].name);
	}
}

static int bound_socket(const char *addr, int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = open_socket(addr), on = 1;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
	must(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
	return fd;
}

static void part_bound(struct scene *s)
{
	int fd = bound_socket(s->addr, ONLY_PORT);

	s->client_port = ONLY_PORT;
	s->error = try_connect(fd, s->addr, s->port);
	close(fd);
}

static void a_bound_socket_keeps_its_address_in_the_row(void **state)
{
	ino_t netns = node_stage(*state);

	run("ip route add unreachable " NO_ROUTE);
	check(*state, netns, NO_ROUTE, part_bound, EHOSTUNREACH, "unreachable", "EHOSTUNREACH");
}

/* It fails after SYN_SENT, as the state itself tells. */
static void part_taken_port(struct scene *s)
{
	int listener = listen_at(s->addr, s->port);
	int first = bound_socket(s->addr, ONLY_PORT), second = bound_socket(s->addr, ONLY_PORT);
	int accepted;

	must(try_connect(first, s->addr, s->port) == 0);
	accepted = accept_one(listener);
	s->client_port = ONLY_PORT;
	s->error = try_connect(second, s->addr, s->port);
	close(second);
	close(first);
	wait_for_end(accepted);
	close(accepted);
	close(listener);
}

static void a_port_that_is_taken_for_this_peer_is_one_row_with_outcome_no_port(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	ino_t netns = node_stage(*state);
	pid_t client = actor_start("client", part_taken_port, s);
	struct row rows[3];

	actor_wait(client);
	assert_int_equal(s->error, EADDRNOTAVAIL);
	rows[0] = failed_row(s, client, "no_port", "EADDRNOTAVAIL");
	rows[0].local_addr = "127.0.0.1";
	rows[1] = out_row(s, client);
	rows[2] = in_row(s, client);
	rows[2].comm = "client"; /* it is its own server */
	assert_rows(*state, netns, rows, 3);
	scene_free(s);
}

static void check_refused(struct node *n, const char *addr, void (*part)(struct scene *))
{
	struct scene *s = scene_new(addr);
	ino_t netns = node_stage(n);
	pid_t client;
	struct row row;

	port_range(ONLY_PORT, ONLY_PORT);
	client = actor_start("client", part, s);
	actor_wait(client);
	assert_int_equal(s->error, ECONNREFUSED);
	row = failed_row(s, client, "refused", "ECONNREFUSED");
	row.local_addr = row.peer_addr;
	row.local_port = ONLY_PORT;
	assert_rows(n, netns, &row, 1);
	scene_free(s);
}

/* The second connect() only fetches the error of the first. */
static void part_nonblocking(struct scene *s)
{
	int fd = open_socket(s->addr);
	struct pollfd ready = {.fd = fd, .events = POLLOUT};

	must(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	must(try_connect(fd, s->addr, s->port) == EINPROGRESS);
	must(poll(&ready, 1, 10000) == 1);
	s->error = try_connect(fd, s->addr, s->port);
	close(fd);
}

/* Its error comes by the first path, which is a TCP connection of its own. */
static void part_multipath(struct scene *s)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(s->port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);

	if (fd < 0) /* not in this kernel */
		fd = open_socket(s->addr);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->error = connect(fd, (struct sockaddr *)&to, sizeof(to)) ? errno : 0;
	close(fd);
}

static void a_refused_attempt_is_one_row_still(void **state)
{
	check_refused(*state, "127.0.0.1", part_attempt);
	check_refused(*state, "::1", part_attempt);
	check_refused(*state, "127.0.0.1", part_nonblocking);
	check_refused(*state, "127.0.0.1", part_multipath);
}

/* Calls of connect() that are no attempt to connect by TCP. */
static void part_no_attempts(struct scene *s)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(s->port)};
	struct sockaddr_un path = {.sun_family = AF_UNIX, .sun_path = "/none/such"};
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	int tcp = open_socket(s->addr);
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int local = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(0x0a090909);
	must(udp >= 0 && local >= 0);
	must(connect(udp, (struct sockaddr *)&to, sizeof(to)) != 0 && errno == ENETUNREACH);
	must(connect(local, (struct sockaddr *)&path, sizeof(path)) != 0 && errno == ENOENT);
	must(connect(tcp, &none, sizeof(none)) == 0);
	must(connect(tcp, (struct sockaddr *)&path, sizeof(path)) != 0 && errno == EAFNOSUPPORT);
	must(connect(tcp, (struct sockaddr *)&to, 4) != 0 && errno == EINVAL);
	must(connect(tcp, (struct sockaddr *)8, sizeof(to)) != 0 && errno == EFAULT);
	must(connect(-1, (struct sockaddr *)&to, sizeof(to)) != 0 && errno == EBADF);
	must(connect(0, (struct sockaddr *)&to, sizeof(to)) != 0 && errno == ENOTSOCK);
}

static void what_is_no_attempt_has_no_row(void **state)
{
	check(*state, node_stage(*state), NO_ROUTE, part_no_attempts, 0, NULL, NULL);
}

static void an_early_failure_has_no_row_unless_asked_for(void **state)
{
	check(*state, node_stage(*state), NO_ROUTE, part_attempt, ENETUNREACH, NULL, NULL);
}

static void an_early_failure_that_is_to_be_left_out_is_counted_as_filtered(void **state)
{
	struct node *n = *state;

	check(n, node_stage(n), NO_ROUTE, part_attempt, ENETUNREACH, NULL, NULL);
	node_expect_number(n, "SELECT filtered FROM account WHERE record = 'end'", 0, 1);
}

static int setup(void **state, const char *const options[])
{
	struct node *n = node_new();

	node_start(n, options);
	*state = n;
	return 0;
}

static int setup_early(void **state)
{
	return setup(state, (const char *const[]){"--flush", "100ms", "--early-failures", NULL});
}

static int setup_filtered(void **state)
{
	return setup(state, (const char *const[]){"--flush", "100ms", "--early-failures",
						  "--exclude-port", "4711", NULL});
}

int main(void)
{
	const struct CMUnitTest early[] = {
		cmocka_unit_test(an_attempt_without_a_route_is_one_row_with_outcome_unreachable),
		cmocka_unit_test(a_route_of_any_kind_that_leads_nowhere_has_its_verdict),
		cmocka_unit_test(a_bound_socket_keeps_its_address_in_the_row),
		cmocka_unit_test(
			a_port_that_is_taken_for_this_peer_is_one_row_with_outcome_no_port),
		cmocka_unit_test(a_refused_attempt_is_one_row_still),
		cmocka_unit_test(what_is_no_attempt_has_no_row),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};
	const struct CMUnitTest not_asked_for[] = {
		cmocka_unit_test(an_early_failure_has_no_row_unless_asked_for),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};
	const struct CMUnitTest filtered[] = {
		cmocka_unit_test(an_early_failure_that_is_to_be_left_out_is_counted_as_filtered),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};
	int failed;

	if (node_missing())
		return 77;
	stage_tracefs();
	failed = cmocka_run_group_tests(early, setup_early, node_teardown);
	failed += cmocka_run_group_tests(not_asked_for, node_setup, node_teardown);
	return failed + cmocka_run_group_tests(filtered, setup_filtered, node_teardown);
}
