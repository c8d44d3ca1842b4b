/* From when to when, in all the words there are. It is 2026-01-31 13:34:56 in Central Europe
 * unless said otherwise, see test_timespec.c. */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "span.h"
#include "tempdb.h"
#include "timespec.h"

#define NOW	 INT64_C(1769862896000000)
#define MIDNIGHT INT64_C(1769814000000000)
#define MINUTE	 INT64_C(60000000)
#define HOUR	 (60 * MINUTE)
#define DAY	 (24 * HOUR)

static int setup(void **state)
{
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return tempdb_setup(state);
}

/* Reads "--name value --name value ..." as a report with a day by default understands it. */
static int read_at(const char *const words[], int64_t now_us, struct report *report,
		   struct report_args *args, struct err *err)
{
	static struct option_spec specs[OPTIONS_MAX];
	struct options given = {0};

	assert_int_equal(report_parse(&(struct embed){.name = "x",
						      .text = "-- title: T\n-- help: H\n"
							      "-- example: E\n"
							      "-- param: since time 1d S\n"
							      "SELECT 1 FROM scope"},
				      report, err),
			 0);
	for (int i = 0; words[i]; i += 2) {
		specs[i].name = words[i];
		given.given[given.n_given].spec = &specs[i];
		given.given[given.n_given++].value = words[i + 1];
	}
	return report_read_args(report, &given, now_us, args, err);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void expect_at(const char *const words[], int64_t now_us, int64_t since_us, int64_t until_us)
{
	struct report report;
	struct report_args args;
	struct err err = {0};

	if (read_at(words, now_us, &report, &args, &err))
		fail_msg("--%s %s: %s", words[0], words[1], err.msg);
	assert_int_equal(args.since_us - MIDNIGHT, since_us - MIDNIGHT);
	assert_int_equal(args.until_us - MIDNIGHT, until_us - MIDNIGHT);
	assert_int_equal(args.values[report_find_param(&report, "since") - report.params].number,
			 since_us);
	assert_int_equal(args.values[report_find_param(&report, "until") - report.params].number,
			 until_us);
}

static void expect(const char *const words[], int64_t since_us, int64_t until_us)
{
	expect_at(words, NOW, since_us, until_us);
}

static void last_is_from_so_long_ago_until_now(void **state)
{
	(void)state;
	expect(WORDS("last", "1h"), NOW - HOUR, NOW);
	expect(WORDS("last", "90s"), NOW - 90 * US_PER_S, NOW);
	expect(WORDS("last", "2w"), NOW - 14 * DAY, NOW);
}

static void at_is_around_a_moment(void **state)
{
	(void)state;
	expect(WORDS("at", "03:20"), MIDNIGHT + 3 * HOUR + 15 * MINUTE,
	       MIDNIGHT + 3 * HOUR + 25 * MINUTE);
	expect(WORDS("at", "03:20", "around", "1m"), MIDNIGHT + 3 * HOUR + 19 * MINUTE,
	       MIDNIGHT + 3 * HOUR + 21 * MINUTE);
	expect(WORDS("at", "2026-01-30 12:00", "around", "1d"), MIDNIGHT - DAY - 12 * HOUR,
	       MIDNIGHT + 12 * HOUR);
	expect(WORDS("at", "2026-01-31T02:20:00Z"), MIDNIGHT + 3 * HOUR + 15 * MINUTE,
	       MIDNIGHT + 3 * HOUR + 25 * MINUTE);
	expect(WORDS("at", "2h"), NOW - 2 * HOUR - 5 * MINUTE, NOW - 2 * HOUR + 5 * MINUTE);
	expect(WORDS("at", "now"), NOW - 5 * MINUTE, NOW + 5 * MINUTE);
	expect(WORDS("at", "today"), MIDNIGHT - 5 * MINUTE, MIDNIGHT + 5 * MINUTE);
	expect(WORDS("at", "@1769814000.5", "around", "1s"), MIDNIGHT - US_PER_S / 2,
	       MIDNIGHT + 3 * US_PER_S / 2);
	expect(WORDS("at", "@1", "around", "1h"), 0, US_PER_S + HOUR);
}

static void a_time_of_day_that_is_still_to_come_is_yesterdays(void **state)
{
	(void)state;
	expect(WORDS("at", "23:50"), MIDNIGHT - 15 * MINUTE, MIDNIGHT - 5 * MINUTE);
	expect(WORDS("since", "23:50"), MIDNIGHT - 10 * MINUTE, NOW);
	expect(WORDS("since", "13:34:56"), NOW, NOW);
	expect(WORDS("since", "13:34:57"), NOW + US_PER_S - DAY, NOW);
	expect(WORDS("until", "23:00"), MIDNIGHT - HOUR - DAY, MIDNIGHT - HOUR);
	expect(WORDS("since", "22:00", "until", "23:00"), MIDNIGHT - 2 * HOUR, MIDNIGHT - HOUR);
	expect(WORDS("since", "22:00", "until", "02:00"), MIDNIGHT - 2 * HOUR, MIDNIGHT + 2 * HOUR);
	/* What goes on while it is asked for. */
	expect(WORDS("since", "13:00", "until", "14:00"), MIDNIGHT + 13 * HOUR,
	       MIDNIGHT + 14 * HOUR);
	expect(WORDS("since", "yesterday", "until", "14:00"), MIDNIGHT - DAY, MIDNIGHT + 14 * HOUR);
}

static void a_day_that_is_still_to_come_stays_it(void **state)
{
	struct report report;
	struct report_args args;
	struct err err = {0};

	(void)state;
	assert_int_equal(read_at(WORDS("since", "2026-01-31 23:50"), NOW, &report, &args, &err),
			 -EINVAL);
	expect(WORDS("at", "2026-01-31 23:50"), MIDNIGHT + DAY - 15 * MINUTE,
	       MIDNIGHT + DAY - 5 * MINUTE);
}

/* 2026-03-29 02:00 became 03:00 in the night before; 2026-10-25 03:00 became 02:00. */
static void yesterday_is_by_the_clock_on_the_wall(void **state)
{
	const int64_t spring = INT64_C(1774738800000000); /* 2026-03-29 00:00 */
	const int64_t autumn = INT64_C(1792879200000000); /* 2026-10-25 00:00 */
	const int64_t monday = spring + 23 * HOUR;	  /* 2026-03-30 00:00 */
	const int64_t winter = autumn + 25 * HOUR;	  /* 2026-10-26 00:00 */

	(void)state;
	expect_at(WORDS("at", "23:50", "around", "10m"), monday + HOUR, monday - 20 * MINUTE,
		  monday);
	expect_at(WORDS("at", "04:00", "around", "1m"), monday + HOUR, spring + 179 * MINUTE,
		  spring + 181 * MINUTE);
	expect_at(WORDS("at", "04:00", "around", "1m"), winter + HOUR, autumn + 299 * MINUTE,
		  autumn + 301 * MINUTE);
	expect_at(WORDS("since", "04:00"), spring + 5 * HOUR, spring + 3 * HOUR, spring + 5 * HOUR);
	/* How long it lasted is time that passed. */
	expect_at(WORDS("last", "1d"), monday + 12 * HOUR, monday - 12 * HOUR, monday + 12 * HOUR);
}

static void what_excludes_each_other_is_refused(void **state)
{
	static const char *const pairs[][4] = {
		{"last", "1h", "since", "2h"},	    {"last", "1h", "until", "1m"},
		{"last", "1h", "at", "12:00"},	    {"at", "12:00", "since", "1h"},
		{"at", "12:00", "until", "now"},    {"cursor-file", "f", "last", "1h"},
		{"cursor-file", "f", "at", "1h"},   {"cursor-file", "f", "until", "1h"},
		{"cursor-file", "f", "active", ""}, {"cursor-file", "f", "started", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const char *const *p = pairs[i];
		struct report report;
		struct report_args args;
		struct err err = {0};

		assert_int_equal(read_at(WORDS(p[0], p[1], p[2], p[3]), NOW, &report, &args, &err),
				 -EINVAL);
		assert_non_null(strstr(err.msg, "exclude each other"));
		assert_non_null(strstr(err.msg, p[0]));
		assert_non_null(strstr(err.msg, p[2]));
	}
}

static void a_value_that_is_none_is_refused_by_the_options_name(void **state)
{
	static const char *const wrong[][4] = {
		{"last", "1 h", "--last: ", NULL},   {"last", "12:00", "--last: ", NULL},
		{"at", "25:00", "--at: ", NULL},     {"around", "5m", "--around ", NULL},
		{"since", "bot", "--since: ", NULL}, {"until", "", "--until: ", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct report report;
		struct report_args args;
		struct err err = {0};

		assert_int_equal(read_at(WORDS(wrong[i][0], wrong[i][1]), NOW, &report, &args,
					 &err),
				 -EINVAL);
		assert_memory_equal(err.msg, wrong[i][2], strlen(wrong[i][2]));
	}
}

/* ---- boot ---- */

static sqlite3 *history(void **state, const char *rows)
{
	struct tempdb *t = *state;
	sqlite3 *db = NULL;
	struct err err = {0};

	assert_int_equal(db_open_writer(t->path, false, &db, &err), 0);
	tempdb_run(db, rows);
	return db;
}

#define RUN(id, boot)                                                                              \
	"INSERT INTO run VALUES (" #id ", '" boot "', '1', 1, 1, NULL, 1, 0, 0, 0, 0, 0);"

static int settle(const char *const words[], sqlite3 *db, struct report_args *args, struct err *err)
{
	struct report report;
	int ret = read_at(words, NOW, &report, args, err);

	assert_int_equal(ret, 0);
	return span_settle(&report, args, db, err);
}

static void boot_is_the_last_boot_by_what_is_known_of_its_clock(void **state)
{
	/* The clock of the second boot was set twice, the second time back. */
	AUTO_DB *db = history(
		state,
		RUN(1, "a") RUN(2, "b")
			RUN(3,
			    "b") "INSERT INTO clock VALUES (1769000000000000, 1, 1768000000000000),"
				 " (1769500000000000, 2, 1769400000000000),"
				 " (1769700000000000, 2, 1769500000000000),"
				 " (1769600000000000, 3, 1769300000000000)");
	const int64_t boot_us = INT64_C(1769300000000000);
	struct report_args args;
	struct err err = {0};

	assert_int_equal(settle(WORDS("since", "boot"), db, &args, &err), 0);
	assert_int_equal(args.since_us, boot_us);
	assert_int_equal(args.until_us, NOW);
	assert_int_equal(settle(WORDS("at", "boot", "around", "1h"), db, &args, &err), 0);
	assert_int_equal(args.since_us, boot_us - HOUR);
	assert_int_equal(args.until_us, boot_us + HOUR);
	assert_int_equal(settle(WORDS("until", "boot"), db, &args, &err), 0);
	assert_int_equal(args.since_us, boot_us - DAY);
	assert_int_equal(args.until_us, boot_us);
	assert_int_equal(settle(WORDS("since", "today", "until", "boot"), db, &args, &err),
			 REPORT_USAGE);
}

static void a_history_of_no_boot_says_so(void **state)
{
	AUTO_DB *db = history(state, RUN(1, "a"));
	struct report_args args;
	struct err err = {0};

	assert_int_equal(settle(WORDS("since", "boot"), db, &args, &err), -ENODATA);
	assert_int_equal(settle(WORDS("since", "1h"), db, &args, &err), 0);
	assert_int_equal(args.since_us, NOW - HOUR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_is_from_so_long_ago_until_now),
		cmocka_unit_test(at_is_around_a_moment),
		cmocka_unit_test(a_time_of_day_that_is_still_to_come_is_yesterdays),
		cmocka_unit_test(a_day_that_is_still_to_come_stays_it),
		cmocka_unit_test(yesterday_is_by_the_clock_on_the_wall),
		cmocka_unit_test(what_excludes_each_other_is_refused),
		cmocka_unit_test(a_value_that_is_none_is_refused_by_the_options_name),
		cmocka_unit_test_setup_teardown(boot_is_the_last_boot_by_what_is_known_of_its_clock,
						setup, tempdb_teardown),
		cmocka_unit_test_setup_teardown(a_history_of_no_boot_says_so, setup,
						tempdb_teardown),
	};

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
