/* Filters and windows as SQL: over constant fragments, with bound values only. The
 * golden tests show which rows each of them lets through. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "found.h"
#include "functions.h"
#include "scope.h"
#include "tempdb.h"

#define NOW INT64_C(1769860800000000)

static int parse(struct scope *scope, struct err *err, char *option, char *value)
{
	struct option_set set = {0};
	struct options options;

	scope_add_options(&set, 1, 2);
	if (options_parse(value ? 3 : 2, (char *[]){"program", option, value, NULL}, &set, &options,
			  err))
		return -1;
	return scope_parse(&options, NOW, scope, err);
}

static char *sql_of(const struct scope *scope)
{
	struct err err = {0};
	char *sql = NULL;

	assert_int_equal(scope_sql(scope, SCOPE_ROWS, "SELECT * FROM scope", &sql, &err), 0);
	return sql;
}

static void without_filters_the_scope_is_the_window(void **state)
{
	struct options none = {0};
	struct err err = {0};
	struct scope scope;
	char *sql;

	(void)state;
	assert_int_equal(scope_parse(&none, NOW, &scope, &err), 0);
	sql = sql_of(&scope);
	assert_string_equal(sql, "WITH scope AS NOT MATERIALIZED (SELECT * FROM connections WHERE"
				 " id >= :since AND id - duration_us < :until)\n"
				 "SELECT * FROM scope\n"
				 "LIMIT :limit");
	free(sql);
}

/* Whatever is typed, the text that is compiled stays the same. */
static void what_is_typed_never_becomes_sql(void **state)
{
	static char *const hostile[] = {"x",	"' OR 1=1 --", "x); DROP TABLE connection; --",
					"%s%n", "*?[",	       ":since"};
	struct err err = {0};
	struct scope scope;
	char *first = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		char *sql;

		assert_int_equal(parse(&scope, &err, "--comm", hostile[i]), 0);
		sql = sql_of(&scope);
		if (!first) {
			first = sql;
			continue;
		}
		assert_string_equal(sql, first);
		free(sql);
	}
	free(first);
}

static void windows_exclude_each_other(void **state)
{
	struct option_set set = {0};
	struct options options;
	struct err err = {0};
	struct scope scope;

	(void)state;
	scope_add_options(&set, 1, 2);
	assert_int_equal(options_parse(3, (char *[]){"program", "--started", "--ended", NULL}, &set,
				       &options, &err),
			 0);
	assert_true(scope_parse(&options, NOW, &scope, &err) < 0);
	assert_string_equal(err.msg, "--started and --ended exclude each other");
}

static void an_error_names_its_option(void **state)
{
	struct err err = {0};
	struct scope scope;

	(void)state;
	assert_true(parse(&scope, &err, "--port", "80-90") < 0);
	assert_string_equal(err.msg, "--port: \"80-90\" is no list of ports; write 443 or 80,443");
}

/* A value that suits the type, for every option there is. */
static char *suitable(const struct option_spec *spec)
{
	static const struct {
		const char *arg;
		char *value;
	} values[] = {{"N", "1"},
		      {"NAME", "curl"},
		      {"USER", "0"},
		      {"in|out", "out"},
		      {"ADDR|CIDR|NAME", "::/0"},
		      {"N[,N...]", "80,443"},
		      {"NAME[,NAME]", "open"}};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (!strcmp(values[i].arg, spec->arg))
			return values[i].value;
	fail_msg("no value for --%s %s", spec->name, spec->arg);
	return NULL;
}

/* Each filter and window compiles, and no parameter of it stays unbound. */
static void each_filter_compiles_and_binds_its_value(void **state)
{
	struct option_set set = {0};
	struct err err = {0};
	struct tempdb *temp;
	sqlite3 *db = NULL;

	(void)state;
	tempdb_setup((void **)&temp);
	assert_int_equal(db_open_writer(temp->path, false, &db, &err), 0);
	assert_int_equal(functions_register(db, &err), 0);
	scope_add_options(&set, 1, 2);
	assert_int_equal(set.n, 17);
	for (int i = 0; i < set.n; i++) {
		const struct option_spec *spec = &set.specs[i];
		sqlite3_stmt *stmt = NULL;
		struct scope scope;
		char option[32], *sql, *bound;

		snprintf(option, sizeof(option), "--%s", spec->name);
		if (parse(&scope, &err, option, spec->arg ? suitable(spec) : NULL))
			fail_msg("%s", err.msg);
		sql = sql_of(&scope);
		if (found_register(db, &scope, 0, NOW, &err) || db_prepare(db, sql, &stmt, &err) ||
		    scope_bind(&scope, stmt, &err))
			fail_msg("--%s: %s", spec->name, err.msg);
		/* since, until and limit are the report's */
		assert_int_equal(sqlite3_bind_parameter_count(stmt), 3 + (spec->arg != NULL));
		bound = sqlite3_expanded_sql(stmt);
		if (spec->arg && (!strstr(bound, suitable(spec)) || strstr(sql, suitable(spec))))
			fail_msg("--%s is not bound: %s", spec->name, bound);
		sqlite3_free(bound);
		sqlite3_finalize(stmt);
		free(sql);
	}
	db_close(db);
	tempdb_teardown((void **)&temp);
}

/* Both ways: what the view says can be asked for, and what can be asked for is said. */
static void the_outcomes_are_those_of_the_view(void **state)
{
	struct tempdb *temp;
	struct err err = {0};
	sqlite3 *db = NULL;
	char *sql;
	int n = 0;

	(void)state;
	tempdb_setup((void **)&temp);
	assert_int_equal(db_open_writer(temp->path, false, &db, &err), 0);
	for (int i = 0; i < 32; i++) {
		sql = sqlite3_mprintf("INSERT INTO connection (id, duration_us, direction, outcome,"
				      " local_id, local_port, peer_addr, peer_port,"
				      " tx_bytes, rx_bytes, retransmits, flags)"
				      " VALUES (%d, 0, 0, %d, 1, 1, '::1', 2, 0, 0, 0, 0)",
				      i + 1, i);
		tempdb_run(db, sql);
		sqlite3_free(sql);
	}
	for (; param_outcomes[n]; n++) {
		sql = sqlite3_mprintf("SELECT count(*) FROM connections WHERE outcome = %Q",
				      param_outcomes[n]);
		if (tempdb_number(db, sql) == 0)
			fail_msg("no row can be \"%s\"", param_outcomes[n]);
		sqlite3_free(sql);
	}
	assert_int_equal(tempdb_number(db, "SELECT count(DISTINCT outcome) FROM connections"), n);
	db_close(db);
	tempdb_teardown((void **)&temp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_filters_the_scope_is_the_window),
		cmocka_unit_test(what_is_typed_never_becomes_sql),
		cmocka_unit_test(windows_exclude_each_other),
		cmocka_unit_test(an_error_names_its_option),
		cmocka_unit_test(each_filter_compiles_and_binds_its_value),
		cmocka_unit_test(the_outcomes_are_those_of_the_view),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
