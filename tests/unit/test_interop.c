/* The views with the names of Zeek and of the Elastic Common Schema, on rows put in by hand. */
#include "unit.h"

#include "history.h"
#include "tempdb.h"

static struct tempdb *temp;

static int open_temp(void **state)
{
	*state = tempdb_setup_writer(&temp);
	tempdb_run(*state, "INSERT INTO local_address(id, netns, addr) VALUES(1, 1, '10.0.0.1')");
	return 0;
}

static int close_temp(void **state)
{
	db_close(*state);
	return tempdb_teardown((void **)&temp);
}

/* The only row of connection, which started at 1769853599.123456 and took 1.5 s. */
static void put(sqlite3 *db, enum direction direction, enum outcome outcome)
{
	char sql[512];

	tempdb_run(db, "DELETE FROM connection");
	snprintf(sql, sizeof(sql),
		 "INSERT INTO connection(id, duration_us, direction, outcome, local_id, local_port,"
		 " peer_addr, peer_port, tx_bytes, rx_bytes, retransmits, connect_us, flags)"
		 " VALUES(1769853600623456, 1500000, %d, %d, 1, 40000, '10.0.0.2', 443, 7, 9, 0,"
		 " 5, 0)",
		 direction, outcome);
	tempdb_run(db, sql);
}

static void put_open(sqlite3 *db, enum outcome outcome)
{
	char sql[512];

	tempdb_run(db, "DELETE FROM connection; DELETE FROM open_row");
	snprintf(sql, sizeof(sql),
		 "INSERT INTO open_row(id, start_us, seen_us, direction, outcome, local_addr,"
		 " local_port, peer_addr, peer_port, netns, tx_bytes, rx_bytes, retransmits, flags)"
		 " VALUES(5, (unixepoch('now') - 7200) * 1000000, 0, 0, %d, '::1', 1, '::2', 2, 1,"
		 " 3, 4, 0, 0)",
		 outcome);
	tempdb_run(db, sql);
}

static void assert_text(sqlite3 *db, const char *sql, const char *want)
{
	const char *got = tempdb_text(db, sql);

	if (strcmp(got, want) != 0)
		fail_msg("%s\ngot:  %s\nwant: %s", sql, got, want);
}

/* See https://docs.zeek.org/en/current/scripts/base/protocols/conn/main.zeek.html */
static void every_outcome_has_a_state_that_zeek_knows(void **state)
{
	static const struct {
		enum outcome outcome;
		const char *out, *in;
	} cases[] = {
		{OUTCOME_CLOSED, "SF", "SF"},		{OUTCOME_RESET_BY_PEER, "RSTR", "RSTO"},
		{OUTCOME_RESET_BY_US, "RSTO", "RSTR"},	{OUTCOME_TIMED_OUT, "S1", "S1"},
		{OUTCOME_NEVER_ACCEPTED, "OTH", "OTH"}, {OUTCOME_KILLED, "RSTO", "RSTR"},
		{OUTCOME_LOST, "OTH", "OTH"},		{OUTCOME_ENDED_BY_ERROR, "OTH", "OTH"},
		{OUTCOME_REFUSED, "REJ", "REJ"},	{OUTCOME_TIMEOUT, "S0", "S0"},
		{OUTCOME_UNREACHABLE, "S0", "S0"},	{OUTCOME_CANCELLED, "S0", "S0"},
		{OUTCOME_NO_PORT, "OTH", "OTH"},	{OUTCOME_DENIED, "OTH", "OTH"},
		{OUTCOME_ERROR, "OTH", "OTH"},
	};
	static const char sql[] = "SELECT conn_state FROM zeek_conn";

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put(*state, DIRECTION_OUT, cases[i].outcome);
		assert_text(*state, sql, cases[i].out);
		put(*state, DIRECTION_IN, cases[i].outcome);
		assert_text(*state, sql, cases[i].in);
	}
	put(*state, DIRECTION_OUT, OUTCOME_KILLED);
	tempdb_run(*state, "UPDATE connection SET connect_us = NULL");
	assert_text(*state, sql, "S0");
	tempdb_run(*state, "UPDATE connection SET flags = 2"); /* its begin was not seen */
	assert_text(*state, sql, "RSTO");
	put_open(*state, OUTCOME_CONNECTING);
	assert_text(*state, sql, "S0");
	put_open(*state, OUTCOME_OPEN);
	assert_text(*state, sql, "S1");
}

static void who_called_is_the_originator_and_the_source(void **state)
{
	static const char zeek[] =
		"SELECT \"id.orig_h\" || ' ' || \"id.orig_p\" || ' ' || \"id.resp_h\" || ' ' ||"
		" \"id.resp_p\" || ' ' || orig_bytes || ' ' || resp_bytes || local_orig ||"
		" local_resp FROM zeek_conn";
	static const char ecs[] =
		"SELECT \"source.ip\" || ' ' || \"source.port\" || ' ' || \"destination.ip\" ||"
		" ' ' || \"destination.port\" || ' ' || \"source.bytes\" || ' ' ||"
		" \"destination.bytes\" || ' ' || \"network.direction\" FROM ecs_network";

	put(*state, DIRECTION_OUT, OUTCOME_CLOSED);
	assert_text(*state, zeek, "10.0.0.1 40000 10.0.0.2 443 7 9TF");
	assert_text(*state, ecs, "10.0.0.1 40000 10.0.0.2 443 7 9 egress");
	put(*state, DIRECTION_IN, OUTCOME_CLOSED);
	assert_text(*state, zeek, "10.0.0.2 443 10.0.0.1 40000 9 7FT");
	assert_text(*state, ecs, "10.0.0.2 443 10.0.0.1 40000 9 7 ingress");
	tempdb_run(*state, "UPDATE connection SET flags = 32"); /* the node with itself */
	assert_text(*state, "SELECT local_orig || local_resp FROM zeek_conn", "TT");
}

static void times_are_in_the_units_of_the_others(void **state)
{
	put(*state, DIRECTION_OUT, OUTCOME_CLOSED);
	assert_text(*state,
		    "SELECT printf('%.6f %.6f ', ts, duration) || uid || connmon_id FROM zeek_conn",
		    "1769853599.123456 1.500000 C649ac272b6b601769853600623456");
	assert_text(*state,
		    "SELECT \"@timestamp\" || ' ' || \"event.end\" || ' ' || \"event.duration\" ||"
		    " ' ' || \"event.id\" || ' ' || typeof(\"event.id\") FROM ecs_network",
		    "2026-01-31T09:59:59.123Z 2026-01-31T10:00:00.623Z 1500000000"
		    " 1769853600623456 text");
}

static void what_is_open_has_no_end_and_no_name_yet(void **state)
{
	put_open(*state, OUTCOME_OPEN);
	assert_text(*state, "SELECT uid FROM zeek_conn", "NULL");
	assert_text(*state,
		    "SELECT abs(duration - 7200) < 5 AND abs(ts + 7200 - unixepoch('now'))"
		    " < 5 FROM zeek_conn",
		    "1");
	assert_text(*state, "SELECT \"event.end\" FROM ecs_network", "NULL");
	assert_text(*state, "SELECT \"event.id\" FROM ecs_network", "NULL");
	assert_text(*state, "SELECT \"network.type\" || \"network.bytes\" FROM ecs_network",
		    "ipv67");
}

static void what_nobody_knows_is_null(void **state)
{
	put(*state, DIRECTION_OUT, OUTCOME_LOST);
	assert_text(*state,
		    "SELECT orig_bytes IS NULL AND resp_bytes IS NULL AND missed_bytes IS"
		    " NULL AND service IS NULL AND history IS NULL FROM zeek_conn",
		    "1");
	assert_text(*state,
		    "SELECT \"network.bytes\" IS NULL AND \"source.bytes\" IS NULL AND"
		    " \"destination.bytes\" IS NULL FROM ecs_network",
		    "1");
	assert_text(*state,
		    "SELECT \"process.name\" IS NULL AND \"user.id\" IS NULL AND"
		    " \"container.id\" IS NULL AND \"orchestrator.type\" IS NULL"
		    " FROM ecs_network",
		    "1");
	put(*state, DIRECTION_OUT, OUTCOME_CLOSED);
	assert_text(*state, "SELECT missed_bytes FROM zeek_conn", "0");
}

static void an_outcome_is_a_success_a_failure_or_unknown(void **state)
{
	static const char sql[] =
		"SELECT \"event.action\" || ' ' || \"event.outcome\" FROM ecs_network";

	put(*state, DIRECTION_OUT, OUTCOME_RESET_BY_PEER); /* it did come about */
	assert_text(*state, sql, "reset_by_peer success");
	put(*state, DIRECTION_OUT, OUTCOME_REFUSED);
	assert_text(*state, sql, "refused failure");
	put(*state, DIRECTION_OUT, OUTCOME_LOST);
	assert_text(*state, sql, "lost unknown");
	put_open(*state, OUTCOME_CONNECTING);
	assert_text(*state, sql, "connecting unknown");
}

static void the_owner_its_container_and_its_pod_have_their_names(void **state)
{
	put(*state, DIRECTION_OUT, OUTCOME_CLOSED);
	tempdb_run(*state,
		   "INSERT INTO container(id, cgroup_id, path, runtime, name, container_id, pod)"
		   " VALUES(1, 77, '/x', 'docker', 'web', '0123', 'shop/web-0');"
		   "INSERT INTO program VALUES(1, 'curl', '/usr/bin/curl', 1000, 1);"
		   "INSERT INTO process(id, boot, pid, start_us, program_id)"
		   " VALUES(1, 1, 4711, 5, 1);"
		   "UPDATE connection SET process_id = 1, container_id = 1, thread = 'worker'");
	assert_text(
		*state,
		"SELECT concat FROM (SELECT \"process.pid\" || ' ' || \"process.name\" || ' ' ||"
		" \"process.executable\" || ' ' || \"process.thread.name\" || ' ' ||"
		" \"user.id\" || ' ' || \"container.id\" || ' ' || \"container.name\" || ' ' ||"
		" \"orchestrator.type\" || ' ' || \"orchestrator.namespace\" || ' ' ||"
		" \"orchestrator.resource.name\" || ' ' ||"
		" ifnull(\"orchestrator.resource.id\", '-') AS concat FROM ecs_network)",
		"4711 curl /usr/bin/curl worker 1000 0123 web kubernetes shop web-0 -");
	tempdb_run(*state, "UPDATE container SET pod = '6b1d-uid'");
	assert_text(*state,
		    "SELECT ifnull(\"orchestrator.namespace\", '-') ||"
		    " ifnull(\"orchestrator.resource.name\", '-') || \"orchestrator.resource.id\""
		    " FROM ecs_network",
		    "--6b1d-uid");
}

/* The query plan, a line a step. */
static const char *plan(sqlite3 *db, const char *sql)
{
	static char buf[4096];
	char explain[256];
	sqlite3_stmt *stmt = NULL;
	size_t used = 0;

	snprintf(explain, sizeof(explain), "EXPLAIN QUERY PLAN %s", sql);
	if (sqlite3_prepare_v2(db, explain, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	buf[0] = '\0';
	while (sqlite3_step(stmt) == SQLITE_ROW)
		used += (size_t)snprintf(buf + used, sizeof(buf) - used, "%s\n",
					 sqlite3_column_text(stmt, 3));
	sqlite3_finalize(stmt);
	return buf;
}

static void a_bound_on_the_key_is_a_range_of_it(void **state)
{
	static const char join[] =
		"SELECT z.ts, c.comm FROM zeek_conn z JOIN connections c ON c.id = z.connmon_id"
		" WHERE z.connmon_id >= 5";
	static const char *const sql[] = {
		"SELECT * FROM zeek_conn WHERE connmon_id >= 5",
		"SELECT * FROM ecs_network WHERE connmon_id >= 5",
		"SELECT conn_state, count(*) FROM zeek_conn WHERE connmon_id >= 5 GROUP BY 1",
		"SELECT * FROM zeek_conn WHERE connmon_id >= 5 AND ts < 9 AND uid IS NOT NULL",
		join,
	};

	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
		const char *steps = plan(*state, sql[i]);

		if (!strstr(steps, "SEARCH c USING INTEGER PRIMARY KEY (rowid>?)"))
			fail_msg("%s\n%s", sql[i], steps);
	}
}

static void the_newest_rows_come_without_reading_everything(void **state)
{
	static const char *const views[] = {"zeek_conn", "ecs_network"};
	char sql[128];

	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		snprintf(sql, sizeof(sql), "SELECT * FROM %s ORDER BY connmon_id DESC LIMIT 20",
			 views[i]);
		if (!strstr(plan(*state, sql), "MERGE (UNION ALL)\nLEFT\nSCAN c\n"))
			fail_msg("%s\n%s", sql, plan(*state, sql));
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_temp, close_temp)
	const struct CMUnitTest tests[] = {
		T(every_outcome_has_a_state_that_zeek_knows),
		T(who_called_is_the_originator_and_the_source),
		T(times_are_in_the_units_of_the_others),
		T(what_is_open_has_no_end_and_no_name_yet),
		T(what_nobody_knows_is_null),
		T(an_outcome_is_a_success_a_failure_or_unknown),
		T(the_owner_its_container_and_its_pod_have_their_names),
		T(a_bound_on_the_key_is_a_range_of_it),
		T(the_newest_rows_come_without_reading_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
