/*
 * Whatever is asked for, and whatever the totals say of it: the relation scope has the same
 * rows in the same order as the view connections with the same conditions.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "found.h"
#include "functions.h"
#include "options.h"
#include "tempdb.h"

#define HOUR_US	 INT64_C(3600000000)
#define FIRST_US (INT64_C(490000) * HOUR_US)
#define HOURS	 8
#define ROWS	 600
#define ROUNDS	 600

static const char *const peers[] = {
	"10.0.0.1",	"10.0.0.10",	 "10.0.1.1",
	"10.1.0.1",	"100.64.0.1",	 "192.168.7.7",
	"127.0.0.1",	"::1",		 "::",
	"2001:db8::1",	"2001:db8::1:1", "2001:db8:1::1",
	"2001:db8:1::", "2001::5",	 "2001:0:1:2:3:4:5:6",
	"2001:d::1",	"fe80::1",	 "64:ff9b::a00:1",
	"::a00:1",	"2001:db80::1",
};

static const char *const networks[] = {
	"10.0.0.1",
	"10.0.0.0/24",
	"10.0.0.0/31",
	"10.0.0.0/8",
	"10.0.0.0/15",
	"0.0.0.0/0",
	"::/0",
	"::1",
	"::/96",
	"2001:db8::/32",
	"2001::/16",
	"2001::/32",
	"2001:db8:0::/48",
	"2001:db8:1::/48",
	"2001:db8::/31",
	"2001:d00::/24",
	"2001:0:1::/48",
	"::ffff:10.0.0.1",
	"::ffff:10.0.0.0/104",
	"2001:db8::1",
	"fe80::/10",
	"9.9.9.9",
	"64:ff9b::/96",
	"2001:db8::/127",
	"128.0.0.0/1",
};

static uint64_t seed;

static long any(long n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (long)(seed % (uint64_t)n);
}

#define ANY(array) ((array)[any(sizeof(array) / sizeof((array)[0]))])

static void run(sqlite3 *db, char *sql)
{
	assert_non_null(sql);
	tempdb_run(db, sql);
	sqlite3_free(sql);
}

static void add_owners(sqlite3 *db)
{
	static const char *const names[] = {"curl", "sshd", "curly", "nginx", "cron"};

	tempdb_run(db, "INSERT INTO container (id, cgroup_id, path, name, container_id, pod) VALUES"
		       " (1, 1, '/a', 'web', '0123456789abcdef', NULL),"
		       " (2, 2, '/b', 'db', 'fedcba9876543210', 'ns/pod');"
		       "INSERT INTO local_address VALUES (1, 7, '10.9.9.9'), (2, 8, '10.9.9.9')");
	for (int i = 1; i <= 5; i++)
		run(db, sqlite3_mprintf("INSERT INTO program (id, comm, exe, uid)"
					" VALUES (%d, %Q, '/usr/bin/%s', %d);"
					"INSERT INTO process (id, boot, pid, start_us, program_id)"
					" VALUES (%d, 1, %d, 0, %d), (%d, 1, %d, 0, %d)",
					i, names[i - 1], names[i - 1], i % 2, 2 * i, 100 + i, i,
					2 * i + 1, 200 + i, i));
}

static void add_row(sqlite3 *db, int64_t id)
{
	static const int ports[] = {22, 80, 443, 8080};
	int64_t duration_us = any(4) ? any(1000000) : (int64_t)any(5) * HOUR_US + any(1000);

	run(db,
	    sqlite3_mprintf("INSERT INTO connection (id, duration_us, direction, outcome, flags,"
			    " peer_addr, peer_port, local_port, process_id, container_id,"
			    " tx_bytes, rx_bytes, retransmits, local_id)"
			    " VALUES (%lld, %lld, %d, %d, %d, %Q, %d, %d, nullif(%d, 1),"
			    " nullif(%d, 0), 1, 2, 0, %d)",
			    (long long)id, (long long)duration_us, (int)any(2),
			    any(4) ? 2 : 16 + (int)any(3), any(5) ? 0 : 32, ANY(peers), ANY(ports),
			    ANY(ports), 1 + (int)any(11), (int)any(3), 1 + (int)any(2)));
}

/* A third of the hours is empty, or all but. */
static void add_rows(sqlite3 *db)
{
	int64_t id = FIRST_US;

	tempdb_run(db, "BEGIN");
	for (int i = 0; i < ROWS; i++) {
		id += any(100) ? 1 + any(HOURS * HOUR_US / ROWS) : HOUR_US + any(HOUR_US);
		if (any(50) == 0) /* hours have edges */
			id += HOUR_US - 1 - id % HOUR_US + any(2);
		if (id > FIRST_US + HOURS * HOUR_US)
			break;
		add_row(db, id);
	}
	for (int i = 0; i < 8; i++)
		run(db, sqlite3_mprintf("INSERT INTO open_row (start_us, seen_us, direction,"
					" outcome, netns, local_addr, local_port, peer_addr,"
					" peer_port, process_id, tx_bytes, rx_bytes, retransmits,"
					" flags) VALUES (%lld, 0, %d, 1, 7, '10.9.9.9', %d, %Q,"
					" 443, %d, 0, 0, 0, 0)",
					(long long)(FIRST_US + any(HOURS) * HOUR_US), (int)any(2),
					i + 1, ANY(peers), 2 + (int)any(10)));
	tempdb_run(db, "COMMIT");
}

/* Plainly, by one statement for each table. */
static void add_totals(sqlite3 *db)
{
	tempdb_run(
		db,
		"INSERT INTO hourly"
		" SELECT c.id / 3600000000 AS hour, direction, peer_addr,"
		"  CASE direction WHEN 0 THEN peer_port ELSE local_port END AS service_port,"
		"  ifnull(p.program_id, 0) AS program, ifnull(container_id, 0) AS container,"
		"  (flags & 32) != 0 AS loopback, count(*), sum(outcome >= 16),"
		"  sum(outcome IN (3, 4)), sum(tx_bytes), sum(rx_bytes), sum(retransmits), 0, 0, 0,"
		"  sum(duration_us), min(c.id - duration_us) - c.id / 3600000000 * 3600000000,"
		"  max(c.id - duration_us) - min(c.id - duration_us)"
		" FROM connection c LEFT JOIN process p ON p.id = c.process_id"
		" GROUP BY 1, 2, 3, 4, 5, 6, 7;"
		"INSERT INTO hourly_program"
		" SELECT hour, direction, service_port, program_id, container_id, loopback,"
		"  sum(attempts), sum(failed), sum(resets), sum(tx_bytes), sum(rx_bytes),"
		"  sum(retransmits), 0, 0, 0, sum(duration_us_sum), min(start_us),"
		"  max(start_us + start_span_us) - min(start_us)"
		" FROM hourly GROUP BY 1, 2, 3, 4, 5, 6");
}

/* The totals as a collector may leave them at any moment, and as none should. */
static void begin_some_totals(sqlite3 *db)
{
	int64_t first = FIRST_US / HOUR_US;
	int64_t from = first + any(HOURS) - HOURS / 2, until = first + any(HOURS + 3);

	tempdb_run(db, "SAVEPOINT round");
	run(db,
	    sqlite3_mprintf("UPDATE extent SET totals_from_hour = %lld, totals_until_hour = %lld,"
			    " rows_from_us = %lld",
			    (long long)(any(3) ? 0 : from), (long long)(any(8) ? until : 0),
			    (long long)(any(4) ? 0 : FIRST_US + any(3) * HOUR_US)));
	tempdb_run(db, "DELETE FROM connection WHERE id < (SELECT rows_from_us FROM extent)");
	if (any(2)) { /* what is beyond the extent is partly there */
		static const char *const tables[] = {"hourly", "hourly_program"};

		for (size_t i = 0; i < 2; i++)
			run(db,
			    sqlite3_mprintf("DELETE FROM %s WHERE (hour >= %lld OR hour < (SELECT"
					    " totals_from_hour FROM extent)) AND random() %% 2",
					    tables[i], (long long)until));
	}
	if (any(10) == 0)
		tempdb_run(db, "DELETE FROM extent");
	if (any(10) == 0) /* totals whose times cannot be are no reason to miss a row */
		tempdb_run(db, "UPDATE hourly SET start_us = -4000000000, start_span_us = 0,"
			       " duration_us_sum = 0 WHERE direction = 0");
}

static void end_some_totals(sqlite3 *db)
{
	tempdb_run(db, "ROLLBACK TO round; RELEASE round");
}

struct words {
	char *argv[32];
	int argc;
};

static void add_option(struct words *w, const char *name, const char *value)
{
	w->argv[w->argc++] = (char *)name;
	if (value)
		w->argv[w->argc++] = (char *)value;
}

static struct words some_options(void)
{
	static const struct {
		const char *name, *values[6];
		int n, one_in;
	} options[] = {
		{"--comm", {"curl", "cur*", "?sh?", "nobody", "*"}, 5, 4},
		{"--exe", {"/usr/bin/*", "/usr/bin/cron", "x"}, 3, 9},
		{"--pid", {"101", "202"}, 2, 9},
		{"--uid", {"0", "1"}, 2, 9},
		{"--container", {"web", "fedcba987654", "d*", "x"}, 4, 9},
		{"--pod", {"ns/*", "x"}, 2, 12},
		{"--netns", {"7", "8"}, 2, 9},
		{"--direction", {"in", "out"}, 2, 5},
		{"--port", {"22", "80,443", "1"}, 3, 6},
		{"--outcome", {"closed", "open,refused"}, 2, 12},
		{"--failed", {NULL}, 1, 12},
		{"--no-loopback", {NULL}, 1, 9},
	};
	struct words w = {.argv = {"x"}, .argc = 1};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (any(options[i].one_in) == 0)
			add_option(&w, options[i].name, options[i].values[any(options[i].n)]);
	if (any(2))
		add_option(&w, "--peer", ANY(networks));
	if (any(2))
		add_option(&w, any(2) ? "--started" : "--ended", NULL);
	return w;
}

static struct scope scope_of(struct words *w)
{
	struct option_set set = {0};
	struct options given;
	struct scope scope = {0};
	struct err err = {0};

	scope_add_options(&set, 1, 2);
	if (options_parse(w->argc, w->argv, &set, &given, &err) ||
	    scope_parse(&given, 0, &scope, &err))
		fail_msg("%s", err.msg);
	return scope;
}

struct asked {
	int64_t since_us, until_us;
	const char *select;
	long limit;
};

/* All rows, one a line. */
static char *answer(sqlite3 *db, const struct scope *scope, const struct asked *q)
{
	struct param_value values[] = {{.number = q->since_us},
				       {.number = q->until_us},
				       {.number = q->limit}};
	sqlite3_str *text = sqlite3_str_new(NULL);
	sqlite3_stmt *stmt = NULL;
	struct err err = {0};
	char *sql = NULL, *out;
	int rc;

	if ((scope->totals != SCOPE_NO_TOTALS &&
	     found_register(db, scope, q->since_us, q->until_us, &err)) ||
	    scope_sql(scope, SCOPE_ROWS, q->select, &sql, &err) ||
	    db_prepare(db, sql, &stmt, &err) || scope_bind(scope, stmt, &err) ||
	    param_bind(stmt, "since", &values[0], &err) ||
	    param_bind(stmt, "until", &values[1], &err) ||
	    param_bind(stmt, "limit", &values[2], &err))
		fail_msg("%s", err.msg);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(stmt); i++)
			sqlite3_str_appendf(text, "%s|", sqlite3_column_text(stmt, i));
		sqlite3_str_appendchar(text, 1, '\n');
	}
	if (rc != SQLITE_DONE)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_finalize(stmt);
	free(sql);
	out = sqlite3_str_finish(text);
	return out ? out : sqlite3_mprintf("");
}

/* Open connections have the moment of asking as their id and duration. */
#define COLUMNS                                                                                    \
	"SELECT iif(ended_at IS NULL, 'open', id), started_at, ended_at, direction, outcome,"      \
	" comm, exe, pid, uid, container, netns, local_addr, local_port, peer_addr, peer_port,"    \
	" service_port, iif(ended_at IS NULL, 'open', duration_us), failed, container_id, pod,"    \
	" loopback, flags FROM scope "

#define BY_PEER                                                                                    \
	"SELECT peer_addr, count(*), min(iif(ended_at IS NULL, 'open', id)) FROM scope"            \
	" WHERE direction = 'in' GROUP BY 1 ORDER BY 1"

static void scope_has_the_rows_of_the_view_in_its_order(sqlite3 *db)
{
	static const char *const selects[] = {
		COLUMNS "ORDER BY id DESC",
		COLUMNS "ORDER BY id",
		COLUMNS "ORDER BY started_at, peer_addr, id",
		BY_PEER,
	};
	static const long limits[] = {-1, 1, 3, 50};
	struct words words = some_options();
	struct scope scope = scope_of(&words), plain = scope;
	int64_t since_us = FIRST_US + any(HOURS + 2) * HOUR_US - HOUR_US + any(2) * any(HOUR_US);
	struct asked q = {since_us,
			  since_us + (any(9) ? any(HOURS) * HOUR_US / 2 : HOURS * HOUR_US),
			  ANY(selects), ANY(limits)};
	char *got, *want;

	plain.totals = SCOPE_NO_TOTALS;
	plain.peer.kind = PEER_ANYWHERE;
	got = answer(db, &scope, &q);
	want = answer(db, &plain, &q);
	if (strcmp(got, want) != 0) {
		for (int i = 1; i < words.argc; i++)
			print_error("%s ", words.argv[i]);
		print_error("from %lld to %lld: %s limit %ld\n", (long long)q.since_us,
			    (long long)q.until_us, q.select, q.limit);
	}
	assert_string_equal(got, want);
	sqlite3_free(got);
	sqlite3_free(want);
}

static void whatever_is_asked_the_rows_are_those_of_the_view(void **state)
{
	for (uint64_t history = 1; history <= 5; history++) {
		struct tempdb *temp;
		struct err err = {0};
		sqlite3 *db = NULL;

		(void)state;
		seed = history * 0x9e3779b97f4a7c15;
		tempdb_setup((void **)&temp);
		assert_int_equal(db_open_writer(temp->path, false, &db, &err), 0);
		assert_int_equal(functions_register(db, &err), 0);
		add_owners(db);
		add_rows(db);
		add_totals(db);
		for (int i = 0; i < ROUNDS; i++) {
			begin_some_totals(db);
			scope_has_the_rows_of_the_view_in_its_order(db);
			end_some_totals(db);
		}
		db_close(db);
		tempdb_teardown((void **)&temp);
	}
}

/* The text range of a network leaves none of its addresses out. */
static void a_network_is_within_its_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
		struct network net, addr;
		struct peer_range r;

		assert_true(network_parse(networks[i], &net));
		r = peer_range(&net);
		for (size_t k = 0; k < sizeof(peers) / sizeof(peers[0]); k++) {
			assert_true(network_parse(peers[k], &addr));
			if (r.kind != PEER_RANGE ||
			    memcmp(net.addr, addr.addr, (size_t)net.prefix / 8))
				continue;
			if (net.prefix % 8 &&
			    (net.addr[net.prefix / 8] ^ addr.addr[net.prefix / 8]) >>
				    (8 - net.prefix % 8))
				continue;
			if (strcmp(peers[k], r.from) < 0 || strcmp(peers[k], r.to) >= 0)
				fail_msg("%s is in %s", peers[k], networks[i]);
		}
	}
}

static struct peer_range range_of(const char *text)
{
	struct network net;

	assert_true(network_parse(text, &net));
	return peer_range(&net);
}

static void a_range_is_as_narrow_as_whole_numbers_make_it(void **state)
{
	static const char *const texts[][3] = {
		{"10.1.2.3/8", "10.", "10/"},
		{"10.1.2.3/31", "10.1.2.", "10.1.2/"},
		{"2001:db8::/32", "2001:db8:", "2001:db8;"},
		{"2001:0db8:0000:0001::/64", "2001:db8:", "2001:db8;"},
		{"fe80::/17", "fe80:", "fe80;"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct peer_range r = range_of(texts[i][0]);

		assert_int_equal(r.kind, PEER_RANGE);
		assert_string_equal(r.from, texts[i][1]);
		assert_string_equal(r.to, texts[i][2]);
	}
	assert_int_equal(range_of("::1/127").kind, PEER_ANYWHERE);
	assert_int_equal(range_of("10.0.0.0/7").kind, PEER_ANYWHERE);
	assert_int_equal(range_of("fe80::/10").kind, PEER_ANYWHERE);
	assert_int_equal(range_of("2001:DB8:0:0::0001").kind, PEER_ADDRESS);
	assert_string_equal(range_of("2001:DB8:0:0::0001").from, "2001:db8::1");
	assert_string_equal(range_of("::ffff:10.0.0.1").from, "10.0.0.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_is_asked_the_rows_are_those_of_the_view),
		cmocka_unit_test(a_network_is_within_its_texts),
		cmocka_unit_test(a_range_is_as_narrow_as_whole_numbers_make_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
