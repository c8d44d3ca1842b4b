/* The parts of connmon-forward: rows as a server reads them, its answers, its dialects, the state.
 */
#include "unit.h"

#include <errno.h>
#include <zlib.h>

#include "answer.h"
#include "body.h"
#include "dialect.h"
#include "server.h"
#include "state.h"
#include "tempdb.h"

/* ---- body ---- */

static const char *body_text(struct body *b)
{
	static char text[4096];
	const unsigned char *gzip;
	size_t size;
	struct err err;
	z_stream z = {0};

	assert_int_equal(body_end(b, &gzip, &size, &err), 0);
	z.next_in = (unsigned char *)(uintptr_t)gzip;
	z.avail_in = (unsigned)size;
	z.next_out = (unsigned char *)text;
	z.avail_out = sizeof(text) - 1;
	assert_int_equal(inflateInit2(&z, 16 + MAX_WBITS), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	text[z.total_out] = '\0';
	inflateEnd(&z);
	return text;
}

static void add(struct body *b, const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	struct err err;

	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW)
		assert_int_equal(body_add_printed(b, stmt, &err), 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

static void texts_are_escaped_and_null_is_told_from_the_word(void **state)
{
	struct body *b = NULL;
	struct err err;

	(void)state;
	assert_int_equal(body_new(&b, &err), 0);
	add(b, "SELECT 1 AS a, NULL AS b, '' AS c, '\\N' AS d, -5 AS e");
	add(b,
	    "SELECT 'a' || char(9) || 'b' || char(10) || 'c' || char(13) || '\\x1b' || char(0) || 'd',"
	    " char(8) || char(12), 'gr\xc3\xbc\xc3\x9f', '', 9223372036854775807");
	assert_string_equal(body_text(b), "1\t\\N\t\t\\\\N\t-5\n"
					  "a\\tb\\nc\\r\\\\x1b\\0d\t\\b\\f\tgr\xc3\xbc\xc3\x9f\t\t"
					  "9223372036854775807\n");
	assert_int_equal(body_rows(b), 2);
	body_clear(b);
	add(b, "SELECT 'again'");
	assert_string_equal(body_text(b), "again\n");
	body_free(b);
}

static void the_print_of_rows_is_that_of_what_they_say_and_not_of_when(void **state)
{
	struct body *b = NULL;
	struct err err;
	uint64_t print;

	(void)state;
	assert_int_equal(body_new(&b, &err), 0);
	add(b, "SELECT 'x' AS name, 1 AS sent_us, 5 AS seen");
	print = body_print(b);
	body_clear(b);
	add(b, "SELECT 'x' AS name, 2 AS sent_us, 6 AS seen");
	assert_true(body_print(b) == print);
	body_clear(b);
	add(b, "SELECT 'y' AS name, 1 AS sent_us, 5 AS seen");
	assert_true(body_print(b) != print);
	body_free(b);
}

/* ---- answers ---- */

static void each_kind_of_answer_has_its_sentence(void **state)
{
	static const struct answer_place place = {"http://h:8123/", "me", "connmon", false};
	static const struct {
		long status;
		int code;
		const char *body;
		enum answer answer;
		const char *says;
	} cases[] = {
		{200, 0, "", ANSWER_FINE, ""},
		{200, 241, "", ANSWER_LATER, "short of memory"},
		{500, 0, "Code: 252, too many parts", ANSWER_LATER, "too busy"},
		{500, 243, "Code: 243, x", ANSWER_LATER, "its disk is full"},
		{500, 242, "x", ANSWER_LATER, "can only be read for now"},
		{500, 279, "x", ANSWER_LATER, "another server of its cluster"},
		{500, 123456, "Code: 123456, news", ANSWER_LATER,
		 "trying again: Code: 123456, news"},
		{500, 27, "Code: 27, row 3", ANSWER_BAD_ROW, "cannot read a row: Code: 27, row 3"},
		{404, 81, "x", ANSWER_WRONG, "has no database 'connmon'; connmon-forward --init"},
		{404, 60, "Table x", ANSWER_WRONG, "lacks a table or column"},
		{500, 193, "x", ANSWER_WRONG, "does not take user 'me'"},
		{500, 164, "x", ANSWER_WRONG, "may only read there"},
		{403, 0, "go away", ANSWER_WRONG, "does not take user 'me'"},
		{404, 0, "<html>\n", ANSWER_LATER,
		 "answers HTTP 404, not as ClickHouse does: <html>"},
		{502, 0, "", ANSWER_LATER, "HTTP 502"},
		{500, 1002, "\x1b[31mred\n", ANSWER_LATER, "\\x1b[31mred"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {0};

		assert_int_equal(answer_judge(&place, cases[i].status, cases[i].code, cases[i].body,
					      &err),
				 cases[i].answer);
		if (!strstr(err.msg, cases[i].says))
			fail_msg("'%s' does not say '%s'", err.msg, cases[i].says);
	}
}

static void a_page_of_somebody_else_is_no_answer_to_an_insert(void **state)
{
	static const struct answer_place place = {"http://h:8123/", "me", "connmon", true};
	struct err err = {0};

	(void)state;
	assert_int_equal(answer_judge(&place, 200, 0, "", &err), ANSWER_FINE);
	assert_int_equal(answer_judge(&place, 200, 0, "<html>Log in\n", &err), ANSWER_LATER);
	assert_non_null(strstr(err.msg, "HTTP 200, not as ClickHouse does: <html>Log in"));
	assert_int_equal(answer_judge(&place, 200, 0, "Code: 243, x", &err), ANSWER_LATER);
	assert_non_null(strstr(err.msg, "its disk is full"));
}

static void a_password_that_the_server_would_log_is_refused(void **state)
{
	struct server *s = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(server_new("http://h:8123/?database=connmon&password=secret", NULL, NULL,
				    &s, &err),
			 -EINVAL);
	assert_non_null(strstr(err.msg, "CLICKHOUSE_PASSWORD"));
	assert_null(strstr(err.msg, "secret"));
	assert_int_equal(server_new("http://h:8123/?user=u&xpassword=1", NULL, NULL, &s, &err), 0);
	server_free(s);
}

/* ---- dialects ---- */

static int append(void *ctx, const char *sql, struct err *err)
{
	char *all = ctx;

	(void)err;
	strcat(all, sql);
	strcat(all, ";\n");
	return 0;
}

static const char *statements(const char *version, const char *cluster, bool replicated)
{
	static char all[64 << 10];
	struct dialect d = {.cluster = cluster,
			    .replicated = replicated,
			    .database = "connmon",
			    .keep_days = 90,
			    .keep_totals_days = 730};
	struct err err = {0};

	all[0] = '\0';
	assert_int_equal(dialect_of(version, &d, &err), 0);
	assert_int_equal(dialect_statements(&d, append, all, &err), 0);
	assert_null(strchr(all, '@'));
	assert_null(strstr(all, "--"));
	return all;
}

static void an_old_server_gets_nothing_that_it_does_not_know(void **state)
{
	const char *sql = statements("18.16.1", NULL, false);

	(void)state;
	assert_null(strstr(sql, "LowCardinality"));
	assert_null(strstr(sql, "TTL"));
	assert_null(strstr(sql, "IPv6 ALIAS"));
	assert_null(strstr(sql, "DateTime64"));
	assert_null(strstr(sql, "Distributed"));
	assert_null(strstr(sql, "SETTINGS"));
	assert_non_null(strstr(sql, "CREATE TABLE IF NOT EXISTS connections ("));
}

static void a_new_server_gets_types_and_times_of_its_own(void **state)
{
	const char *sql = statements("26.7.2.1", NULL, false);

	(void)state;
	assert_non_null(strstr(sql, "LowCardinality(Nullable(String))"));
	assert_non_null(strstr(sql, "+ INTERVAL 90 DAY"));
	assert_non_null(strstr(sql, "peer_ip        IPv6 ALIAS"));
	assert_non_null(strstr(sql, "non_replicated_deduplication_window"));
}

static void a_cluster_gets_its_tables_behind_distributed_ones(void **state)
{
	const char *sql = statements("18.16.1", "fleet", true);

	(void)state;
	assert_non_null(strstr(sql, "CREATE TABLE IF NOT EXISTS connections_local ("));
	assert_non_null(strstr(sql, "Distributed('fleet', 'connmon', connections_local, "
				    "cityHash64(node_id))"));
	assert_non_null(strstr(sql,
			       "ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/connmon/"
			       "gaps', '{replica}', sent_us)"));
}

static void a_name_that_would_be_sql_is_refused(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(dialect_check_name("database", "connmon_2", &err), 0);
	assert_int_equal(dialect_check_name("database", "a'; DROP", &err), -EINVAL);
	assert_int_equal(dialect_check_name("database", "", &err), -EINVAL);
}

/* ---- state ---- */

static void a_state_is_read_as_it_was_written(void **state)
{
	struct tempdb *t = *state;
	struct state one, two;
	struct err err = {0};

	state_begin(&one);
	strcpy(one.node_id, "0123456789abcdef0123456789abcdef");
	strcpy(one.place, "http://h:8123/ connmon");
	one.last_id = INT64_MAX;
	one.batch_to = -1;
	one.skew_us = -5;
	assert_int_equal(state_write(t->path, &one, &err), 0);
	assert_int_equal(state_read(t->path, &two, &err), 0);
	assert_memory_equal(&one, &two, sizeof(one));
}

/* collector/sent.c reads these lines. */
static void a_state_is_what_the_collector_holds_connections_for(void **state)
{
	struct tempdb *t = *state;
	struct state s;
	struct err err = {0};
	char text[1024] = "";
	FILE *in;

	state_begin(&s);
	s.last_id = 1234567;
	assert_int_equal(state_write(t->path, &s, &err), 0);
	in = fopen(t->path, "r");
	assert_non_null(in);
	assert_true(fread(text, 1, sizeof(text) - 1, in) > 0);
	fclose(in);
	assert_ptr_equal(strstr(text, "connmon-forward 1\n"), text);
	assert_non_null(strstr(text, "\nlast_id 1234567\n"));
	assert_string_equal(text + strlen(text) - 5, "\nend\n");
}

static void half_a_state_is_none(void **state)
{
	struct tempdb *t = *state;
	struct state s;
	struct err err = {0};

	assert_int_equal(state_read(t->path, &s, &err), -ENOENT);
	state_begin(&s);
	assert_int_equal(state_write(t->path, &s, &err), 0);
	assert_int_equal(truncate(t->path, 100), 0);
	assert_int_equal(state_read(t->path, &s, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "remove it"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_escaped_and_null_is_told_from_the_word),
		cmocka_unit_test(the_print_of_rows_is_that_of_what_they_say_and_not_of_when),
		cmocka_unit_test(each_kind_of_answer_has_its_sentence),
		cmocka_unit_test(a_page_of_somebody_else_is_no_answer_to_an_insert),
		cmocka_unit_test(a_password_that_the_server_would_log_is_refused),
		cmocka_unit_test(an_old_server_gets_nothing_that_it_does_not_know),
		cmocka_unit_test(a_new_server_gets_types_and_times_of_its_own),
		cmocka_unit_test(a_cluster_gets_its_tables_behind_distributed_ones),
		cmocka_unit_test(a_name_that_would_be_sql_is_refused),
		cmocka_unit_test_setup_teardown(a_state_is_read_as_it_was_written, tempdb_setup,
						tempdb_teardown),
		cmocka_unit_test_setup_teardown(a_state_is_what_the_collector_holds_connections_for,
						tempdb_setup, tempdb_teardown),
		cmocka_unit_test_setup_teardown(half_a_state_is_none, tempdb_setup,
						tempdb_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
