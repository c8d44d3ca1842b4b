/* --hook kprobe: the same rows where the kernel has kprobes, else a sentence that says so.
 * (On kernels that have them, many of the other tests run with it, too: see tests/vm.) */
#include "parts.h"
#include "rows.h"

#include <errno.h>
#include <string.h>

#include "program.h"

#define ONLY_PORT 40000

static bool has_kprobes(void)
{
	return access("/sys/bus/event_source/devices/kprobe", F_OK) == 0;
}

static void without_kprobes_it_fails_and_says_why(void **state)
{
	const char *const argv[] = {COLLECT, "--no-db", "--print", "--hook", "kprobe", NULL};
	struct finished f;

	(void)state;
	if (has_kprobes()) {
		skip();
		return;
	}
	f = program_run(argv, 0);
	assert_int_equal(f.code, 1);
	assert_string_equal(f.err, "connmon-collect: --hook kprobe: this kernel has no kprobes "
				   "(CONFIG_KPROBE_EVENTS); the tracepoint, which is the default, "
				   "records the same rows\n");
}

/* Connects once, and then again, when its only port is taken. */
static void part_connects_twice(struct scene *s)
{
	int listener = listen_at(s->addr, s->port);
	int fd = dial(s->addr, s->port), accepted = accept_one(listener);
	int second = open_socket(s->addr);

	s->client_port = local_port(fd);
	s->error = try_connect(second, s->addr, s->port);
	close(second);
	close(fd);
	wait_for_end(accepted);
	close(accepted);
}

static void what_fails_before_tcp_connect_has_its_owner_as_well(void **state)
{
	struct node *n = node_new();
	struct scene *s = scene_new("127.0.0.1");
	const bool kprobe = has_kprobes();
	struct row rows[3];
	ino_t netns;
	pid_t client;

	*state = n;
	node_start(n, (const char *const[]){"--flush", "100ms", kprobe ? "--hook" : NULL, "kprobe",
					    NULL});
	netns = node_stage(n);
	port_range(ONLY_PORT, ONLY_PORT);
	client = actor_start("client", part_connects_twice, s);
	actor_wait(client);
	assert_int_equal(s->error, EADDRNOTAVAIL);
	rows[0] = out_row(s, client);
	rows[0].outcome = "no_port";
	rows[0].error = "EADDRNOTAVAIL";
	rows[0].local_port = 0;
	rows[0].closed_by = 0;
	rows[0].connected = false;
	rows[1] = out_row(s, client);
	rows[2] = in_row(s, client);
	rows[2].comm = "client"; /* it is its own server */
	assert_rows(n, netns, rows, 3);
	the_collector_ends_and_its_account_equals_the_rows(state);
	scene_free(s);
	node_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_kprobes_it_fails_and_says_why),
		cmocka_unit_test(what_fails_before_tcp_connect_has_its_owner_as_well),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
