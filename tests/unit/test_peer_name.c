/* --peer NAME finds what the addresses find, and --by name sums up to what --by peer_addr does. */
#include "totals_db.h"

#include <errno.h>

#include "dns_claim.h"
#include "peer_name.h"
#include "report.h"
#include "rows.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define N_HOURS	     6
#define N_HISTORIES  12
#define N_QUESTIONS  12

static void a_name_is_read_as_the_table_has_it(void **state)
{
	static const struct {
		const char *text, *name;
		bool is_below;
	} cases[] = {
		{"example.com", "example.com", false},
		{"EXAMPLE.com.", "example.com", false},
		{".example.com", "example.com", true},
		{"*.Example.Com.", "example.com", true},
		{"com", "com", false},
		{"localhost", "localhost", false},
		{"_sip._tcp.example.com", "_sip._tcp.example.com", false},
		{"a\\x2eb.example", "a\\x2eb.example", false},
		{"1.2.3.example", "1.2.3.example", false},
		{"3com", "3com", false},
		{"b\xc3\xbc\x63her.example", "b\xc3\xbc\x63her.example", false},
	};
	struct peer_name name;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (!peer_name_parse(cases[i].text, &name))
			fail_msg("\"%s\" is none", cases[i].text);
		assert_string_equal(name.text, cases[i].name);
		assert_int_equal(name.is_below, cases[i].is_below);
	}
}

static void what_can_be_no_name_is_none(void **state)
{
	static const char *const words[] = {
		"",	      ".",	    "..",     "*",	   "*.",	 "a..b",
		"a.*.b",      "*a.b",	    "**.a",   "?.a",	   "a b",	 "a\tb",
		"a\033b",     "a/b",	    "a:80",   "10.0.0.1",  "10.0.0.256", "10.0.0",
		"10",	      "0x7f000001", "a.0x7f", "example.1", "::1",	 "fe80::1%eth0",
		"http://a.b", "a,b",	    "'a'",    "a;b",	   "-",		 "a.b..",
	};
	char long_one[PEER_NAME_SIZE + 2];
	struct peer_name name;

	(void)state;
	for (size_t i = 0; i < COUNT(words); i++)
		if (peer_name_parse(words[i], &name))
			fail_msg("\"%s\" is one", words[i]);
	memset(long_one, 'a', sizeof(long_one));
	long_one[PEER_NAME_SIZE] = '\0';
	assert_false(peer_name_parse(long_one, &name));
	long_one[PEER_NAME_SIZE - 1] = '\0';
	assert_true(peer_name_parse(long_one, &name));
}

/* ---- histories, always the same ---- */

static uint64_t seed;

static int any(int n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (int)((seed >> 33) % (uint64_t)n);
}

static int64_t any_time(void)
{
	return NOW_US - (1 + any(N_HOURS)) * US_PER_HOUR + (any(4) ? any(3600) * 1000000L : 0);
}

/* Ten addresses, of which one has no name; five names, some of which share addresses and follow
 * each other. */
static void any_claims(sqlite3 *db)
{
	tempdb_run(db, "DELETE FROM dns_name");
	for (int i = 0; i < 25; i++) {
		int64_t first = any_time();

		run_f(db,
		      "INSERT OR IGNORE INTO dns_name VALUES ('10.0.0.%d', '%c.example', 's', %lld,"
		      " %lld, %d)",
		      1 + any(9), 'a' + any(5), (long long)first,
		      (long long)(first + any(3) * any(3600) * 1000000L), 1 + any(9));
	}
	run_f(db, "INSERT OR IGNORE INTO dns_name VALUES ('10.0.0.1', 'a.example', 's', 0, 0, 1)");
}

static void any_history(sqlite3 *db)
{
	tempdb_run(db, "BEGIN; DELETE FROM connection; DELETE FROM open_row; DELETE FROM hourly;"
		       "DELETE FROM hourly_program; DELETE FROM recent; DELETE FROM"
		       " recent_program");
	any_claims(db);
	for (int i = 0; i < 250; i++)
		run_f(db,
		      "INSERT OR IGNORE INTO connection (id, duration_us, direction, outcome, flags,"
		      " peer_addr, peer_port, local_port, process_id, tx_bytes, rx_bytes, retransmits,"
		      " local_id) VALUES (%lld, %lld, %d, %d, 0, '10.0.0.%d', 443, 22, %d, %d, %d, 0,"
		      " 1)",
		      (long long)(any_time() + any(1000)),
		      any(3) ? any(9000000) : any(7200) * 1000000LL, any(2), any(3) ? 2 : 16,
		      1 + any(10), 1 + any(6), any(5000), any(5000));
	for (int i = 0; i < 8; i++)
		run_f(db,
		      "INSERT INTO open_row (id, start_us, seen_us, direction, outcome, flags,"
		      " local_addr, peer_addr, peer_port, local_port, process_id, tx_bytes, rx_bytes,"
		      " retransmits, netns) VALUES (%d, %lld, %lld, %d, 1, 0, '10.0.0.1',"
		      " '10.0.0.%d', 443, 22, 1, 3, 9, 1, 1)",
		      i + 1, (long long)any_time(), (long long)NOW_US, any(2), 1 + any(10));
	add_totals(db, NOW_HOUR - any(N_HOURS + 1));
	if (any(2))
		add_recent(db, NOW_SLOT - 12 - any(12), NOW_SLOT - any(6));
	tempdb_run(db, "COMMIT");
}

/* ---- questions ---- */

#define HEADER "-- title: T\n-- help: H\n-- by: comm\n-- example: E\n-- param: limit limit 0 all\n"

static const char tally[] = HEADER
	"SELECT sum(n), sum(failed), sum(tx), sum(rx) FROM (SELECT {by}, sum(connections) AS n,"
	" sum(failures) AS failed, sum(tx_bytes) AS tx, sum(rx_bytes) AS rx FROM tally GROUP BY {by})";
static const char tally_of_out[] = HEADER
	"SELECT sum(n), sum(failed), sum(tx), sum(rx) FROM (SELECT {by}, sum(connections) AS n,"
	" sum(failures) AS failed, sum(tx_bytes) AS tx, sum(rx_bytes) AS rx FROM tally"
	" WHERE direction = 'out' GROUP BY {by})";
static const char scope_rows[] = HEADER
	"SELECT sum(n), sum(failed), sum(tx), sum(rx) FROM (SELECT {by}, count(*) AS n,"
	" sum(failed) AS failed, sum(tx_bytes) AS tx, sum(rx_bytes) AS rx FROM scope GROUP BY {by})";

/* The four sums as a text. */
static void ask(sqlite3 *db, const char *text, const char *by, const char *peer, int64_t since,
		int64_t until, char out[128])
{
	static const struct option_spec specs[] = {{.name = "by"},
						   {.name = "since"},
						   {.name = "until"},
						   {.name = "peer"}};
	char since_word[32], until_word[32];
	struct options given = {.given = {{&specs[0], by},
					  {&specs[1], since_word},
					  {&specs[2], until_word},
					  {&specs[3], peer}},
				.n_given = peer ? 4 : 3};
	struct report r;
	struct report_args args;
	struct scope scope;
	sqlite3_stmt *stmt = NULL;
	struct err err = {0};

	snprintf(since_word, sizeof(since_word), "@%lld", (long long)(since / 1000000));
	snprintf(until_word, sizeof(until_word), "@%lld", (long long)(until / 1000000));
	if (report_parse(&(struct embed){.name = "x", .text = text}, &r, &err) ||
	    report_read_args(&r, &given, NOW_US, &args, &err) ||
	    scope_parse(&given, NOW_US, &scope, &err) ||
	    report_prepare(&r, &args, &scope, db, &stmt, &err))
		fail_msg("--by %s --peer %s: %s", by, peer, err.msg);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	snprintf(out, 128, "%lld %lld %lld %lld", (long long)sqlite3_column_int64(stmt, 0),
		 (long long)sqlite3_column_int64(stmt, 1), (long long)sqlite3_column_int64(stmt, 2),
		 (long long)sqlite3_column_int64(stmt, 3));
	sqlite3_finalize(stmt);
}

static void any_window(int64_t *since, int64_t *until)
{
	*since = any_time() / 1000000 * 1000000;
	*until = any(3) ? any_time() / 1000000 * 1000000 : NOW_US;
	if (*until < *since) {
		int64_t later = *since;

		*since = *until;
		*until = later;
	}
}

static void names_and_addresses_sum_up_to_the_same(void **state)
{
	static const char *const texts[] = {tally, tally_of_out, scope_rows};
	static const char *const by[] = {"name", "name,service_port", "name,comm", "name,hour",
					 "name,outcome"};
	sqlite3 *db = db_of(state);
	char got[128], want[128];
	int n = 0;

	for (int h = 0; h < N_HISTORIES; h++) {
		seed = (uint64_t)h + 1;
		any_history(db);
		for (int i = 0; i < N_QUESTIONS; i++) {
			int64_t since, until;

			any_window(&since, &until);
			for (size_t t = 0; t < COUNT(texts); t++) {
				ask(db, texts[t], "peer_addr", NULL, since, until, want);
				ask(db, texts[t], by[i % COUNT(by)], NULL, since, until, got);
				if (strcmp(got, want) != 0)
					fail_msg("by %s: %s, not %s", by[i % COUNT(by)], got, want);
				n += strcmp(want, "0 0 0 0") != 0;
			}
		}
	}
	assert_true(n > N_HISTORIES * N_QUESTIONS);
}

static void a_name_finds_what_its_addresses_find(void **state)
{
	static const char *const texts[] = {tally, scope_rows};
	static const char *const names[][2] = {{"a.example", "name = 'a.example'"},
					       {"*.example", "1"}};
	sqlite3 *db = db_of(state);
	char got[128];
	int n = 0;

	for (int h = 0; h < N_HISTORIES; h++) {
		seed = (uint64_t)h + 100;
		any_history(db);
		for (int i = 0; i < N_QUESTIONS; i++) {
			const char *const *name = names[i % 2];
			int64_t since, until;
			char *sql;

			any_window(&since, &until);
			sql = sqlite3_mprintf(
				"SELECT printf('%%d %%d %%d %%d', count(*), sum(failed),"
				" sum(tx_bytes), sum(rx_bytes)) FROM connections"
				" WHERE id >= %lld AND id - duration_us < %lld AND"
				" peer_addr IN (SELECT address FROM dns_name WHERE %s"
				" AND first_us < %lld)",
				(long long)since, (long long)until, name[1],
				(long long)(until + DNS_CLAIM_SLACK_US));
			for (size_t t = 0; t < COUNT(texts); t++) {
				ask(db, texts[t], "comm", name[0], since, until, got);
				if (strcmp(got, tempdb_text(db, sql)) != 0)
					fail_msg("%s: %s, not %s", name[0], got,
						 tempdb_text(db, sql));
				n += strcmp(got, "0 0 0 0") != 0;
			}
			sqlite3_free(sql);
		}
	}
	assert_true(n > N_HISTORIES * N_QUESTIONS);
}

/* More than are sought one by one. */
static void a_name_may_have_very_many_addresses(void **state)
{
	sqlite3 *db = db_of(state);
	char got[128];

	seed = 7;
	any_history(db);
	tempdb_run(db, "WITH RECURSIVE i(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM i"
		       " WHERE i < 4999) INSERT INTO dns_name SELECT '10.0.' || (i / 250) || '.' ||"
		       " (i % 250), 'many.example', 's', 0, 0, 1 FROM i");
	ask(db, tally, "comm", "many.example", NOW_US - N_HOURS * US_PER_HOUR, NOW_US, got);
	assert_string_equal(got, tempdb_text(db, "SELECT printf('%d %d %d %d', count(*),"
						 " sum(failed), sum(tx_bytes), sum(rx_bytes))"
						 " FROM connections"));
	assert_int_equal(peer_name_count(db), 5000);
}

static void an_unknown_name_is_an_error_with_the_nearest(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"www.exmaple.com", "no answer for \"www.exmaple.com\" was recorded; did you mean"
				    " \"www.example.com\"?"},
		{".exmaple.com",
		 "no answer for \"*.exmaple.com\" was recorded; did you mean \"*.example.com\"?"},
		{"nothing.at.all.invalid",
		 "no answer for \"nothing.at.all.invalid\" was recorded; connmon-query names"
		 " --since 30d lists what was"},
		{"\xc3\xbc.de", "no answer for \"\xc3\xbc.de\" was recorded; programs ask for such"
				" names in punycode: write xn--..., as idn2 prints it"},
	};
	sqlite3 *db = db_of(state);
	struct peer_name name;
	struct err err = {0};

	assert_true(peer_name_parse("a.b", &name));
	assert_int_equal(peer_name_find(db, &name, NOW_US, &err), -ENOENT);
	assert_string_equal(err.msg, "\"a.b\" is a name, and this history has no names;"
				     " connmon-collect records them from DNS answers that it sees");
	tempdb_run(db,
		   "INSERT INTO dns_name VALUES ('192.0.2.1', 'www.example.com', 's', 0, 0, 1)");
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_true(peer_name_parse(cases[i].text, &name));
		assert_int_equal(peer_name_find(db, &name, NOW_US, &err), -ENOENT);
		assert_string_equal(err.msg, cases[i].error);
	}
	assert_int_equal(peer_name_count(db), 0);
}

/* A name is asked for in the table, whatever else is in its folder. */
static void a_reader_may_ask_by_name(void **state)
{
	struct totals_db *t = *state;
	AUTO_DB *reader = NULL;
	struct peer_name name;
	struct err err = {0};

	tempdb_run(t->db, "CREATE TABLE named_peer (address TEXT);"
			  "INSERT INTO dns_name VALUES ('192.0.2.1', 'a.example', 's', 0, 0, 1),"
			  " ('192.0.2.1', 'a.example', 'r', 0, 0, 1),"
			  " ('192.0.2.2', 'a.example', 's', 0, 0, 1),"
			  " ('192.0.2.2', 'b.example', 's', 2000004, 2000004, 1),"
			  " ('192.0.2.3', 'a.example', 's', 2000005, 2000005, 1)");
	assert_int_equal(db_open_reader(t->temp->path, &reader, &err), 0);
	assert_true(peer_name_parse("a.example", &name));
	for (int i = 0; i < 2; i++) {
		if (peer_name_find(reader, &name, 5, &err))
			fail_msg("%s", err.msg);
		assert_int_equal(peer_name_count(reader), 2);
	}
	/* What the clocks may differ by. */
	assert_true(peer_name_parse("b.example", &name));
	assert_int_equal(peer_name_find(reader, &name, 5, &err), 0);
	assert_int_equal(peer_name_count(reader), 1);
	/* What it opened for that is closed again. */
	assert_int_not_equal(sqlite3_exec(reader, "CREATE TEMP TABLE t (x)", NULL, NULL, NULL),
			     SQLITE_OK);
	assert_int_not_equal(sqlite3_exec(reader, "DELETE FROM temp.named_peer", NULL, NULL, NULL),
			     SQLITE_OK);
	tempdb_run(t->db, "DROP TABLE named_peer");
}

#define WITH_DB(test) cmocka_unit_test_setup_teardown(test, totals_db_open, totals_db_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_read_as_the_table_has_it),
		cmocka_unit_test(what_can_be_no_name_is_none),
		WITH_DB(names_and_addresses_sum_up_to_the_same),
		WITH_DB(a_name_finds_what_its_addresses_find),
		WITH_DB(a_name_may_have_very_many_addresses),
		WITH_DB(an_unknown_name_is_an_error_with_the_nearest),
		WITH_DB(a_reader_may_ask_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
