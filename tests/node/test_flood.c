/*
 * One user floods a small ring, again and again, while the collector does not get to read. This
 * proves that each end of a flood is a row or counted as lost, and that each of the lost ones is
 * put to the account of the user whose it was.
 *
 * What the flood has lost is what it made less its rows, and a gap names who lost more than half
 * of it: so the collector leaves out all ports but those of this test, lest others on this machine
 * lose more meanwhile.
 */
#include "alone.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"
#include "program.h"

#define FLOODER 471147 /* nobody else */
#define N	2000   /* connections of a flood: as much as some 60 rings hold */
#define SMALL	"64K"
#define ROUNDS	3 /* by CONNMON_FLOODS in the environment: another number of them */

static int fresh(void **state)
{
	struct node *n = node_new();

	alone_start(n, (const char *const[]){"--ring", SMALL, "--flush", "100ms", NULL});
	*state = n;
	return 0;
}

static void become(uid_t uid)
{
	must(setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0);
}

static void part_flooding_servers(struct scene *s)
{
	become(FLOODER);
	part_servers(s);
}

static void part_flooding_clients(struct scene *s)
{
	become(FLOODER);
	part_clients(s);
}

static void flood(void)
{
	struct scene *s = scene_new("127.0.0.1");
	pid_t server, client;

	s->port = ALONE_PORT;
	s->n_connections = N;
	s->request = s->reply = 1;
	server = actor_start("flood-server", part_flooding_servers, s);
	client = actor_start("flood-client", part_flooding_clients, s);
	actor_wait(client);
	actor_wait(server);
	scene_free(s);
}

/* After @n_ends ends were made in @netns. */
static void assert_all_is_a_row_or_named(struct node *n, long netns, long n_ends)
{
	long rows = node_number(n,
				"SELECT count(*) FROM connections WHERE netns = ?1"
				" AND outcome = 'closed'",
				netns);
	long own = n_ends - rows; /* lost by the flood, whatever others have lost */
	long lost = node_number(n, "SELECT total(count) FROM gap WHERE reason = 'ring_full'", 0);
	long named = node_number(n, "SELECT total(uid_count) FROM gap WHERE uid = ?1", FLOODER);

	print_message("%ld ends: %ld rows, %ld lost, %ld of them named; %ld lost in all\n", n_ends,
		      rows, own, named, lost);
	assert_in_range(rows, 1, n_ends - 1);
	/* Some kernels hide a few from us: see test_nested.c. */
	assert_in_range(named, own - n_ends / 100, own);
	assert_true(lost >= named);
	assert_int_equal(node_number(n, "SELECT count(*) FROM gap WHERE uid_count > count", 0), 0);
}

static void after_each_flood_all_is_a_row_or_counted_and_the_user_is_named(void **state)
{
	const char *wanted = getenv("CONNMON_FLOODS");
	int rounds = wanted ? atoi(wanted) : ROUNDS;
	struct node *n = *state;
	long netns = (long)node_stage(n);

	must(rounds > 0);
	port_range(5000, 65535);
	for (int i = 1; i <= rounds; i++) {
		must(kill(n->pid, SIGSTOP) == 0);
		flood();
		must(kill(n->pid, SIGCONT) == 0);
		node_fence_after_loss(n);
		assert_all_is_a_row_or_named(n, netns, 2L * N * i);
		if (i > 30 && i % 20 == 0) /* each connection keeps its port for a minute */
			sleep(60);
	}
}

static void readers_are_told_who_it_was(void **state)
{
	static const struct {
		const char *argv[8];
		const char *words;
	} queries[] = {
		{{QUERY, "--db", NULL, "sql", "SELECT 'uid ' || uid FROM gaps"}, "uid 471147"},
		{{QUERY, "--db", NULL, "doctor"}, "mostly of uid 471147"},
		{{QUERY, "--db", NULL, "list", "--limit", "1"},
		 "ring_full, mostly of uid 471147: see"},
	};
	struct node *n = *state;

	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		const char *argv[8];
		struct finished f;

		memcpy(argv, queries[i].argv, sizeof(argv));
		argv[2] = n->db_path;
		f = program_run(argv, 0);
		if (!strstr(f.out, queries[i].words) && !strstr(f.err, queries[i].words))
			fail_msg("%s names nobody:\n%s%s", argv[3], f.out, f.err);
	}
}

static void the_account_is_balanced_after_all(void **state)
{
	struct node *n = *state;
	struct finished check;
	long recorded, lost;

	node_stop(n, &recorded, &lost);
	assert_account_balanced(n);
	check = program_run((const char *const[]){"sqlite3", n->db_path, "PRAGMA integrity_check",
						  NULL},
			    0);
	assert_string_equal(check.out, "ok\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_each_flood_all_is_a_row_or_counted_and_the_user_is_named),
		cmocka_unit_test(readers_are_told_who_it_was),
		cmocka_unit_test(the_account_is_balanced_after_all),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, fresh, node_teardown);
}
