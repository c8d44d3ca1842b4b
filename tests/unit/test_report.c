/* Reports as files: the header, the parameters, and all that are in the folder. */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "functions.h"
#include "report.h"
#include "rows.h"
#include "tempdb.h"

#define NOW  INT64_C(1769860800000000)
#define HOUR INT64_C(3600000000)

#define HEADER "-- title: Two words\n-- help: One.\n-- help: Two.\n-- example: connmon-query x\n"

static int parse_text(const char *text, struct report *report, struct err *err)
{
	return report_parse(&(struct embed){.name = "x", .text = text}, report, err);
}

static const struct report_param *param(const struct report *r, const char *name)
{
	for (int i = 0; i < r->n_params; i++)
		if (!strcmp(r->params[i].name, name))
			return &r->params[i];
	return NULL;
}

static void a_header_gives_title_help_example_and_params(void **state)
{
	struct report r;
	struct err err = {0};

	(void)state;
	assert_int_equal(parse_text(HEADER "-- param: min int 5 at least so many\n"
					   "SELECT 1 FROM scope -- not the header\n",
				    &r, &err),
			 0);
	assert_string_equal(r.name, "x");
	assert_string_equal(r.title, "Two words");
	assert_string_equal(r.help, "One. Two.");
	assert_string_equal(r.example, "connmon-query x");
	assert_int_equal(r.n_params, 4);
	assert_string_equal(param(&r, "min")->dflt, "5");
	assert_string_equal(param(&r, "min")->help, "at least so many");
	assert_string_equal(param(&r, "since")->dflt, "1h");
	assert_string_equal(r.sql, "SELECT 1 FROM scope -- not the header\n");
	assert_true(r.filtered);
}

static void a_param_of_a_common_name_replaces_it(void **state)
{
	struct report r;
	struct err err = {0};

	(void)state;
	assert_int_equal(parse_text(HEADER "-- param: since time 2d longer\nSELECT 1", &r, &err),
			 0);
	assert_int_equal(r.n_params, 3);
	assert_string_equal(param(&r, "since")->dflt, "2d");
}

static void only_a_report_that_reads_scope_has_filters(void **state)
{
	struct report r;
	struct err err = {0};

	(void)state;
	assert_int_equal(parse_text(HEADER "SELECT microscope, scopes FROM gaps", &r, &err), 0);
	assert_false(r.filtered);
	assert_int_equal(parse_text(HEADER "SELECT 1\nFROM\nscope\nWHERE 1", &r, &err), 0);
	assert_true(r.filtered);
}

static void a_wrong_header_is_refused_with_the_file_name(void **state)
{
	static const char *const texts[] = {
		"SELECT 1",
		"-- title: T\n-- help: H\nSELECT 1",
		"-- titel: T\n-- help: H\n-- example: E\nSELECT 1",
		HEADER "-- no key\nSELECT 1",
		HEADER "-- param: min int 5\nSELECT 1",
		HEADER "-- param: min integer 5 of no such type\nSELECT 1",
		HEADER "-- param: Min int 5 a name in capitals\nSELECT 1",
		HEADER "-- title: more than fits, more than fits, more than fits, more than fits, "
		       "more than fits\nSELECT 1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct report r;
		struct err err = {0};

		if (parse_text(texts[i], &r, &err) != -EINVAL)
			fail_msg("taken: %s", texts[i]);
		assert_memory_equal(err.msg, "reports/x.sql: ", 15);
	}
}

static int read_args(const char *since, const char *until, struct report_args *args,
		     struct err *err)
{
	static const struct option_spec specs[] = {{.name = "since"}, {.name = "until"}};
	struct options given = {0};
	struct report r;

	assert_int_equal(parse_text(HEADER "SELECT 1", &r, err), 0);
	if (since) {
		given.given[given.n_given].spec = &specs[0];
		given.given[given.n_given++].value = since;
	}
	if (until) {
		given.given[given.n_given].spec = &specs[1];
		given.given[given.n_given++].value = until;
	}
	return report_read_args(&r, &given, NOW, args, err);
}

static void the_default_of_since_counts_back_from_until(void **state)
{
	struct report_args args;
	struct err err = {0};

	(void)state;
	assert_int_equal(read_args(NULL, NULL, &args, &err), 0);
	assert_int_equal(args.since_us, NOW - HOUR);
	assert_int_equal(args.until_us, NOW);
	assert_int_equal(read_args(NULL, "2h", &args, &err), 0);
	assert_int_equal(args.since_us, NOW - 3 * HOUR);
	/* What is typed counts back from now. */
	assert_int_equal(read_args("3h", "2h", &args, &err), 0);
	assert_int_equal(args.since_us, NOW - 3 * HOUR);
}

static void a_window_that_ends_before_it_begins_is_refused(void **state)
{
	struct report_args args;
	struct err err = {0};

	(void)state;
	assert_int_equal(read_args("1h", "1h", &args, &err), 0);
	assert_int_equal(read_args("1h", "2h", &args, &err), -EINVAL);
	assert_int_equal(read_args("@1769860801", NULL, &args, &err), -EINVAL);
	assert_true(read_args("nonsense", NULL, &args, &err) < 0);
	assert_memory_equal(err.msg, "--since: ", 9);
}

static void each_param_type_reads_its_values(void **state)
{
	static const struct {
		const char *type, *text;
		int64_t number; /* -2: the text itself */
		const char *refused;
	} cases[] = {
		{"int", "42", 42, "-1"},
		{"int", "0", 0, "1.5"},
		{"int", "999999999999999999", 999999999999999999, "9999999999999999999"},
		{"limit", "0", -1, ""},
		{"limit", "20", 20, " 20"},
		{"time", "1h", NOW - HOUR, "soon"},
		{"text", "any thing", -2, NULL},
		{"pattern", "c*", -2, NULL},
		{"network", "10.0.0.0/8", -2, "10.0.0.0/99"},
		{"ports", "80,443", -2, "80,"},
		{"outcomes", "open,closed", -2, "open,"},
		{"direction", "out", -2, "both"},
		{"user", "0", 0, "no-such-user-here"},
		{"user", "root", 0, "4294967296"},
		{"netns", "4026531840", 4026531840, "net:[]"},
		{"netns", "net:[4026531840]", 4026531840, "net:[x]"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct param_type *type = param_type_find(cases[i].type);
		struct param_value value = {0};
		struct err err = {0};

		assert_non_null(type);
		if (type->parse(cases[i].text, NOW, &value, &err))
			fail_msg("%s: %s", type->name, err.msg);
		if (cases[i].number == -2)
			assert_string_equal(value.text, cases[i].text);
		else
			assert_true(!value.text && value.number == cases[i].number);
		if (cases[i].refused && !type->parse(cases[i].refused, NOW, &value, &err))
			fail_msg("%s: \"%s\" was taken", type->name, cases[i].refused);
	}
	assert_null(param_type_find("integer"));
}

/* ---- over all files in query/reports/ ---- */

static bool is_param(const struct report *r, const char *name)
{
	char word[32];

	snprintf(word, sizeof(word), "%s", name);
	for (char *p = word; *p; p++)
		if (*p == '_')
			*p = '-';
	return report_find_param(r, word);
}

/* A report may ask what a filter is, beside the relation that is filtered: NULL without it. */
static bool is_filter(const char *name)
{
	enum { WINDOW, FILTER };
	struct option_set set = {0};

	scope_add_options(&set, WINDOW, FILTER);
	for (int i = 0; i < set.n; i++)
		if (set.specs[i].group == FILTER && !strcmp(set.specs[i].name, name))
			return true;
	return false;
}

/* A parameter declared but unused is a lie in --help; one used but undeclared is NULL
 * at run time and finds nothing. So bind all defaults, count, and run. Through the
 * reader: what its authorizer refuses cannot be a report. */
static void each_report_runs_with_its_defaults(void **state)
{
	struct options none = {0};
	struct tempdb *temp;
	struct err err = {0};
	sqlite3 *db = NULL;
	int n = 0;

	(void)state;
	tempdb_setup((void **)&temp);
	assert_int_equal(db_open_writer(temp->path, false, &db, &err), 0);
	db_close(db);
	db = NULL;
	assert_int_equal(db_open_reader(temp->path, &db, &err), 0);
	assert_int_equal(functions_register(db, &err), 0);
	for (const struct embed *f = query_reports; f->name; f++, n++) {
		sqlite3_stmt *stmt = NULL;
		struct rows *rows = NULL;
		struct report_args args;
		struct report r;
		struct scope scope;

		if (report_parse(f, &r, &err) || report_read_args(&r, &none, NOW, &args, &err) ||
		    scope_parse(&none, NOW, &scope, &err) ||
		    report_prepare(&r, &args, &scope, db, &stmt, &err))
			fail_msg("%s: %s", f->name, err.msg);
		for (int i = 0; i < r.n_params; i++) {
			char name[32];

			snprintf(name, sizeof(name), ":%s", r.params[i].name);
			for (char *p = name; *p; p++)
				if (*p == '-')
					*p = '_';
			if (!sqlite3_bind_parameter_index(stmt, name))
				fail_msg("%s does not use %s", f->name, name);
		}
		for (int i = 1; i <= sqlite3_bind_parameter_count(stmt); i++) {
			const char *name = sqlite3_bind_parameter_name(stmt, i) + 1;

			if (strcmp(name, "first") != 0 && !is_param(&r, name) && !is_filter(name))
				fail_msg("%s does not declare %s", f->name, name);
		}
		if (rows_fetch(stmt, &rows, &err))
			fail_msg("%s: %s", f->name, err.msg);
		rows_free(rows);
		sqlite3_finalize(stmt);
	}
	assert_true(n >= 7 && n <= REPORTS_MAX);
	db_close(db);
	tempdb_teardown((void **)&temp);
}

static sqlite3_stmt *prepare(sqlite3 *db, const struct report *r, const char *option,
			     const char *value)
{
	const struct option_spec spec = {.name = option};
	struct options given = {.given = {{&spec, value}}, .n_given = 1};
	struct options none = {0};
	sqlite3_stmt *stmt = NULL;
	struct report_args args;
	struct scope scope;
	struct err err = {0};

	if (report_read_args(r, option ? &given : &none, NOW, &args, &err) ||
	    scope_parse(&none, NOW, &scope, &err) ||
	    report_prepare(r, &args, &scope, db, &stmt, &err))
		fail_msg("%s --%s %s: %s", r->name, option, value, err.msg);
	return stmt;
}

/* That another order comes before the report's own, and that this one is found. */
static void each_report_can_be_sorted_and_cut_by_each_of_its_columns(void **state)
{
	struct tempdb *temp;
	struct err err = {0};
	sqlite3 *db = NULL;

	(void)state;
	tempdb_setup((void **)&temp);
	assert_int_equal(db_open_writer(temp->path, false, &db, &err), 0);
	assert_int_equal(functions_register(db, &err), 0);
	for (const struct embed *f = query_reports; f->name; f++) {
		sqlite3_stmt *plain;
		struct report r;

		assert_int_equal(report_parse(f, &r, &err), 0);
		plain = prepare(db, &r, NULL, NULL);
		for (int i = 0; i < sqlite3_column_count(plain); i++) {
			char value[64], order[64];
			sqlite3_stmt *stmt;

			snprintf(value, sizeof(value), "%s:asc", sqlite3_column_name(plain, i));
			snprintf(order, sizeof(order), "ORDER BY %d ASC NULLS LAST, ", i + 1);
			stmt = prepare(db, &r, "sort", value);
			if (!strstr(sqlite3_sql(stmt), order))
				fail_msg("%s is not sorted by --sort %s", f->name, value);
			sqlite3_finalize(stmt);
			snprintf(value, sizeof(value), "%s = null", sqlite3_column_name(plain, i));
			stmt = prepare(db, &r, "having", value);
			assert_int_equal(sqlite3_column_count(stmt), sqlite3_column_count(plain));
			sqlite3_finalize(stmt);
		}
		sqlite3_finalize(plain);
		if (r.by[0])
			sqlite3_finalize(prepare(db, &r, "by", "peer_addr/24,hour,pid"));
	}
	db_close(db);
	tempdb_teardown((void **)&temp);
}

/* Or the option would never reach the report. */
static void no_report_param_is_called_like_a_filter(void **state)
{
	struct option_set filters = {0};
	struct err err = {0};

	(void)state;
	scope_add_options(&filters, 1, 2);
	for (const struct embed *f = query_reports; f->name; f++) {
		struct report r;

		assert_int_equal(report_parse(f, &r, &err), 0);
		for (int i = 0; i < filters.n; i++)
			if (param(&r, filters.specs[i].name))
				fail_msg("%s: --%s is a filter", f->name, filters.specs[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_gives_title_help_example_and_params),
		cmocka_unit_test(a_param_of_a_common_name_replaces_it),
		cmocka_unit_test(only_a_report_that_reads_scope_has_filters),
		cmocka_unit_test(a_wrong_header_is_refused_with_the_file_name),
		cmocka_unit_test(the_default_of_since_counts_back_from_until),
		cmocka_unit_test(a_window_that_ends_before_it_begins_is_refused),
		cmocka_unit_test(each_param_type_reads_its_values),
		cmocka_unit_test(each_report_runs_with_its_defaults),
		cmocka_unit_test(each_report_can_be_sorted_and_cut_by_each_of_its_columns),
		cmocka_unit_test(no_report_param_is_called_like_a_filter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
