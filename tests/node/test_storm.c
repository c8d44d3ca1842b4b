/* Twenty thousand connections as fast as they come: none lost, none mistaken. */
#include "node.h"

#include <stdlib.h>

#include "program.h"

#define N	20000L
#define REQUEST 16
#define REPLY	32

static void every_one_of_20000_connections_is_a_row_on_each_side(void **state)
{
	static const char *const argv[] = {STORM, "--here", "20000", "16", "32", NULL};
	struct node *n = *state;
	struct finished storm;
	long netns = (long)node_stage(n);
	int server = 0, client = 0;
	char *text;

	storm = program_run(argv, 0);
	if (storm.code != 0 ||
	    sscanf(storm.out, "netns=%*u server=%d client=%d", &server, &client) != 2)
		fail_msg("the storm: exit code %d\n%s", storm.code, storm.err);
	n->stages[n->n_stages - 1].n_rows = 2 * N;
	node_fence(n);
	node_expect_number(n, NODE_ENDED_ROWS, netns, 2 * N);

	/* What is wrong in any row shows in the list of what is different among them. */
	text = node_text(
		n,
		"SELECT group_concat(line, char(10)) FROM ("
		" SELECT printf('%d %s %s %s %s %d %s %d tx=%d rx=%d %s %s', count(*),"
		"   direction, outcome, ifnull(error, '-'), comm, pid, peer_addr,"
		"   service_port, tx_bytes, rx_bytes, owner_source, closed_by = pid) AS line"
		" FROM connections WHERE netns = ?1"
		" GROUP BY direction, outcome, error, comm, pid, peer_addr, service_port,"
		"   tx_bytes, rx_bytes, owner_source, closed_by"
		" ORDER BY direction DESC)",
		netns);
	char want[256];

	snprintf(want, sizeof(want),
		 "%ld out closed - storm-client %d 127.0.0.1 %d tx=%d rx=%d connect 1\n"
		 "%ld in closed - storm-server %d 127.0.0.1 %d tx=%d rx=%d close 1",
		 N, client, SERVER_PORT, REQUEST, REPLY, N, server, SERVER_PORT, REPLY, REQUEST);
	assert_string_equal(text, want);
	free(text);
}

static void nothing_of_it_is_left_open(void **state)
{
	node_expect_number(*state,
			   "SELECT count(*) FROM connections WHERE ended_at IS NULL"
			   " AND comm LIKE 'storm-%'",
			   0, 0);
}

static void both_sides_name_the_same_ports(void **state)
{
	assert_int_equal(node_number(*state,
				     "SELECT count(*) FROM ("
				     " SELECT local_port, count(*) FROM connections"
				     " WHERE comm = 'storm-client' GROUP BY local_port"
				     " EXCEPT SELECT peer_port, count(*) FROM connections"
				     " WHERE comm = 'storm-server' GROUP BY peer_port)",
				     0),
			 0);
}

static void the_database_is_sound(void **state)
{
	struct node *n = *state;
	const char *const argv[] = {"sqlite3", n->db_path, "PRAGMA integrity_check", NULL};
	struct finished check = program_run(argv, 0);

	assert_string_equal(check.out, "ok\n");
	assert_int_equal(check.code, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_one_of_20000_connections_is_a_row_on_each_side),
		cmocka_unit_test(nothing_of_it_is_left_open),
		cmocka_unit_test(both_sides_name_the_same_ports),
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
		cmocka_unit_test(the_database_is_sound),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
