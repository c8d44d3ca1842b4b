/* Which options reports and commands take. */
#include <errno.h>
#include <string.h>

#include "unit.h"

#include "command.h"
#include "request.h"
#include "subject.h"

static struct report a_report(const char *text)
{
	struct report report;
	struct err err = {0};

	assert_int_equal(report_parse(&(struct embed){.name = "some", .text = text}, &report, &err),
			 0);
	return report;
}

#define HEADER "-- title: T\n-- help: H\n-- example: E\n"

static const struct option_spec *find(const struct option_set *set, const char *name)
{
	for (int i = 0; i < set->n; i++)
		if (!strcmp(set->specs[i].name, name))
			return &set->specs[i];
	fail_msg("there is no option --%s", name);
	return NULL;
}

static struct option_set all_options(void)
{
	struct option_set set = {0};

	subject_add_options(&set);
	options_add(&set, (struct option_spec){.name = "min", .group = GROUP_PARAM});
	options_add(&set,
		    (struct option_spec){.name = "alone", .group = GROUP_COMMAND, .only = "sql"});
	options_add(&set, (struct option_spec){.name = "sums",
					       .group = GROUP_GENERAL,
					       .needs = READS_TALLY});
	return set;
}

static void a_report_takes_what_it_reads(void **state)
{
	static const struct {
		const char *option;
		bool rows, tally, table;
	} cases[] = {
		{"comm", true, true, false},  {"started", true, true, false},
		{"sums", false, true, false}, {"strict", true, true, true},
		{"min", true, false, false},  {"format", true, true, true},
		{"help", true, true, true},   {"alone", false, false, false},
	};
	const struct report rows =
		a_report(HEADER "-- param: min int 3 least\nSELECT 1 FROM scope");
	const struct report tally = a_report(HEADER "SELECT 1 FROM tally");
	const struct report table = a_report(HEADER "SELECT 1 FROM gaps");
	const struct option_set set = all_options();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct option_spec *spec = find(&set, cases[i].option);

		assert_int_equal(subject_takes(&(struct subject){.report = &rows}, spec),
				 cases[i].rows);
		assert_int_equal(subject_takes(&(struct subject){.report = &tally}, spec),
				 cases[i].tally);
		assert_int_equal(subject_takes(&(struct subject){.report = &table}, spec),
				 cases[i].table);
	}
}

static void a_command_takes_what_its_row_says(void **state)
{
	const struct command sql = {.name = "sql", .traits = READS_HISTORY | PRINTS_ROWS};
	const struct command list = {.name = "reports", .traits = PRINTS_ROWS};
	const struct option_set set = all_options();

	(void)state;
	assert_true(subject_takes(&(struct subject){.command = &sql}, find(&set, "timeout")));
	assert_true(subject_takes(&(struct subject){.command = &sql}, find(&set, "alone")));
	assert_false(subject_takes(&(struct subject){.command = &sql}, find(&set, "strict")));
	assert_false(subject_takes(&(struct subject){.command = &sql}, find(&set, "comm")));
	assert_true(subject_takes(&(struct subject){.command = &list}, find(&set, "format")));
	assert_false(subject_takes(&(struct subject){.command = &list}, find(&set, "alone")));
	assert_false(subject_takes(&(struct subject){.command = &list}, find(&set, "db")));
}

static void what_stands_in_an_alias_is_borne_anywhere(void **state)
{
	const struct command list = {.name = "reports", .traits = PRINTS_ROWS};
	const struct option_set set = all_options();

	(void)state;
	assert_true(subject_bears(&(struct subject){.command = &list}, find(&set, "db")));
	assert_false(subject_bears(&(struct subject){.command = &list}, find(&set, "comm")));
}

static void a_parameter_is_told_as_the_report_has_it(void **state)
{
	const struct report report =
		a_report(HEADER "-- param: min outcomes refused least\nSELECT 1 FROM scope");
	const struct option_set set = all_options();
	const struct option_spec own =
		subject_option(&(struct subject){.report = &report}, find(&set, "min"));

	(void)state;
	assert_string_equal(own.help, "least");
	assert_string_equal(own.arg, "NAME[,NAME]");
	assert_int_equal(own.values->kind, VALUES_WORDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_report_takes_what_it_reads),
		cmocka_unit_test(a_command_takes_what_its_row_says),
		cmocka_unit_test(what_stands_in_an_alias_is_borne_anywhere),
		cmocka_unit_test(a_parameter_is_told_as_the_report_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
