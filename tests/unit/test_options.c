#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "option_values.h"
#include "options.h"

static void lengths_of_time_are_read_with_their_unit(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} table[] = {
		{"200ms", 200000000},	  {"1s", 1000000000},	 {"1.5s", 1500000000},
		{"15m", 900000000000},	  {"1h", 3600000000000}, {"7d", 604800000000000},
		{"2w", 1209600000000000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct err err = {0};
		int64_t ns = 0;

		assert_int_equal(parse_duration(table[i].text, &ns, &err), 0);
		assert_int_equal(ns, table[i].ns);
	}
}

static void what_is_no_length_of_time_is_refused(void **state)
{
	static const char *const texts[] = {"",	   "5",	     "s",   "-1s",	 "1x",	 "0s",
					    "1s ", " 1s",    "inf", "nans",	 "0x1s", "1e3s",
					    "1ss", "1.2.3s", "+1s", "999999999w"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct err err = {0};
		int64_t ns = 77;

		if (parse_duration(texts[i], &ns, &err) != -EINVAL || ns != 77)
			fail_msg("%s", texts[i]);
		assert_string_not_equal(err.msg, "");
	}
}

static void sizes_are_read_with_or_without_a_unit(void **state)
{
	struct err err = {0};
	size_t bytes = 0;

	(void)state;
	assert_int_equal(parse_size("4096", &bytes, &err), 0);
	assert_int_equal(bytes, 4096);
	assert_int_equal(parse_size("64K", &bytes, &err), 0);
	assert_int_equal(bytes, 65536);
	assert_int_equal(parse_size("16m", &bytes, &err), 0);
	assert_int_equal(bytes, 16 << 20);
	assert_int_equal(parse_size("1G", &bytes, &err), 0);
	assert_int_equal(bytes, 1 << 30);
	assert_int_equal(parse_size("1T", &bytes, &err), -EINVAL);
	assert_int_equal(parse_size("-1", &bytes, &err), -EINVAL);
	assert_int_equal(parse_size("1.5", &bytes, &err), -EINVAL);
	assert_int_equal(parse_size("99999999999999999999G", &bytes, &err), -EINVAL);
	assert_int_equal(parse_size("", &bytes, &err), -EINVAL);
}

static void without_options_it_records_to_the_usual_place(void **state)
{
	char *argv[] = {"connmon-collect", NULL};
	struct options o;

	(void)state;
	unsetenv("CONNMON_DB");
	options_parse(1, argv, &o);
	assert_string_equal(o.db, "/var/lib/connmon.db");
	assert_int_equal(o.retention.rows_ns, 30 * 86400 * INT64_C(1000000000));
	assert_int_equal(o.retention.totals_ns, 400 * 86400 * INT64_C(1000000000));
	assert_int_equal(o.retention.max_bytes, UINT64_C(4) << 30);
	assert_false(o.print);
	assert_false(o.durable);
	assert_int_equal(o.flush_ns, 1000000000);
	assert_int_equal(o.probe.ring_bytes, 16 << 20);
	assert_int_equal(o.duration_ns, 0);
	setenv("CONNMON_DB", "/tmp/x.db", 1);
	options_parse(1, argv, &o);
	assert_string_equal(o.db, "/tmp/x.db");
}

static void each_option_sets_what_it_says(void **state)
{
	char *argv[] = {"connmon-collect",
			"--db",
			"a.db",
			"--print",
			"--flush",
			"200ms",
			"--durable",
			"--ring",
			"64K",
			"--duration",
			"2m",
			"--verbose",
			NULL};
	struct options o;

	(void)state;
	options_parse(12, argv, &o);
	assert_string_equal(o.db, "a.db");
	assert_true(o.print);
	assert_true(o.durable);
	assert_true(o.probe.verbose);
	assert_int_equal(o.flush_ns, 200000000);
	assert_int_equal(o.probe.ring_bytes, 65536);
	assert_int_equal(o.duration_ns, 120000000000);
}

static void what_to_leave_out_and_how_to_catch_is_taken_from_the_options(void **state)
{
	char *argv[] = {"connmon-collect",
			"--exclude-port",
			"9100,22",
			"--exclude-port",
			"65535",
			"--only-direction",
			"in",
			"--no-loopback",
			"--hook",
			"kprobe",
			"--accept",
			"exact",
			"--early-failures",
			"--cmdline",
			"--max-open",
			"100",
			"--refresh",
			"5s",
			NULL};
	struct options o;

	(void)state;
	options_parse(18, argv, &o);
	for (unsigned int port = 0; port <= UINT16_MAX; port++)
		assert_int_equal(o.probe.filter.ports[port / 8] >> port % 8 & 1,
				 port == 9100 || port == 22 || port == 65535);
	assert_true(o.probe.filter.only_in);
	assert_false(o.probe.filter.only_out);
	assert_true(o.probe.filter.no_loopback);
	assert_int_equal(o.probe.hook, HOOK_KPROBE);
	assert_int_equal(o.probe.accept, ACCEPT_EXACT);
	assert_true(o.probe.early_failures);
	assert_true(o.probe.cmdline);
	assert_int_equal(o.probe.max_open, 100);
	assert_int_equal(o.refresh_ns, 5000000000);
}

/* argp ends the process itself. */
static void assert_refused_beside(char *before, char *option, char *value)
{
	char *argv[] = {"connmon-collect", before, option, value, NULL};
	struct options o;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(3);
		options_parse(4, argv, &o);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 2)
		fail_msg("%s %s: status %d", option, value, status);
}

static void assert_refused(char *option, char *value)
{
	assert_refused_beside("--no-loopback", option, value);
}

static void a_value_that_makes_no_sense_is_refused(void **state)
{
	static char *const wrong[][2] = {
		{"--exclude-port", "0"},     {"--exclude-port", "65536"},
		{"--exclude-port", "22,"},   {"--exclude-port", ",22"},
		{"--exclude-port", "http"},  {"--exclude-port", "-1"},
		{"--exclude-port", ""},	     {"--only-direction", "both"},
		{"--hook", "fentry"},	     {"--accept", "sometimes"},
		{"--max-open", "99"},	     {"--max-open", "1G"},
		{"--refresh", "500ms"},	     {"--refresh", "2h"},
		{"--ring", "100K"},	     {"--flush", "0s"},
		{"--flush", "2m"},	     {"--retain", "1m"},
		{"--retain", "long"},	     {"--retain-totals", "59m"},
		{"--max-size", "1M"},	     {"--max-size", "much"},
		{"--metrics", "/tmp/x.txt"}, {"--metrics", ".prom"},
		{"--metrics", "/a/.prom"},   {"--no-drop", "--user=x"},
		{"--no-db", "--durable"},    {"--no-db", "word"},
		{"--durability", "full"},
	};
	static char *const apart[] = {"--metrics=/tmp/x.prom", "--pin=/sys/fs/bpf/x"};
	static char long_path[8192] = "--metrics=";

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_refused(wrong[i][0], wrong[i][1]);
	for (size_t i = 0; i < sizeof(apart) / sizeof(apart[0]); i++)
		assert_refused_beside("--print", "--no-db", apart[i]);
	memset(long_path + strlen(long_path), 'x', sizeof(long_path) - 20);
	strcat(long_path, ".prom");
	assert_refused("--print", long_path);
}

static void what_is_kept_and_who_it_runs_as_is_taken_from_the_options(void **state)
{
	char *argv[] = {"connmon-collect", "--retain",	"0",	     "--retain-totals", "2w",
			"--max-size",	   "0",		"--no-drop", "--no-hold",	"--no-dns",
			"--lend-names",	   "--metrics", "/a/b.prom", "--pin",		"service",
			"--check",	   NULL};
	struct options o;

	(void)state;
	options_parse(16, argv, &o);
	assert_int_equal(o.retention.rows_ns, 0);
	assert_int_equal(o.retention.totals_ns, 14 * 86400 * INT64_C(1000000000));
	assert_int_equal(o.retention.max_bytes, 0);
	assert_true(o.no_drop);
	assert_true(o.no_hold);
	assert_false(o.dns);
	assert_true(o.lend_names);
	assert_true(o.check);
	assert_string_equal(o.metrics, "/a/b.prom");
	assert_string_equal(o.probe.pin, "service");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_of_time_are_read_with_their_unit),
		cmocka_unit_test(what_is_no_length_of_time_is_refused),
		cmocka_unit_test(sizes_are_read_with_or_without_a_unit),
		cmocka_unit_test(without_options_it_records_to_the_usual_place),
		cmocka_unit_test(each_option_sets_what_it_says),
		cmocka_unit_test(what_to_leave_out_and_how_to_catch_is_taken_from_the_options),
		cmocka_unit_test(what_is_kept_and_who_it_runs_as_is_taken_from_the_options),
		cmocka_unit_test(a_value_that_makes_no_sense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
