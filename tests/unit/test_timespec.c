/* Moments as people write them. The clock is 2026-01-31T12:34:56.789012Z unless said
 * otherwise; the time zone is Central Europe's, whose clocks change on the last
 * Sundays of March and October, written so that no zone database is needed. */
#include "unit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "timespec.h"

#define NOW	 INT64_C(1769862896789012)
#define MIDNIGHT INT64_C(1769814000) /* 2026-01-31 00:00 in UTC+1 */

static int in_central_europe(void **state)
{
	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return 0;
}

static int64_t parse_at(const char *text, int64_t now_us)
{
	struct err err = {0};
	int64_t us;

	if (timespec_parse(text, now_us, &us, &err))
		fail_msg("%s: %s", text, err.msg);
	return us;
}

static int64_t parse_s(const char *text)
{
	return parse_at(text, NOW) / US_PER_S;
}

static void a_duration_is_that_long_ago(void **state)
{
	(void)state;
	assert_int_equal(parse_at("90s", NOW), NOW - 90 * US_PER_S);
	assert_int_equal(parse_at("15m", NOW), NOW - 900 * US_PER_S);
	assert_int_equal(parse_at("1h", NOW), NOW - 3600 * US_PER_S);
	assert_int_equal(parse_at("7d", NOW), NOW - 7 * 86400 * US_PER_S);
	assert_int_equal(parse_at("2w", NOW), NOW - 14 * 86400 * US_PER_S);
	assert_int_equal(parse_at("0s", NOW), NOW);
}

static void words_name_moments(void **state)
{
	(void)state;
	assert_int_equal(parse_at("now", NOW), NOW);
	assert_int_equal(parse_at("today", NOW), MIDNIGHT * US_PER_S);
	assert_int_equal(parse_at("yesterday", NOW), (MIDNIGHT - 86400) * US_PER_S);
}

static void dates_and_clock_times_are_local(void **state)
{
	(void)state;
	assert_int_equal(parse_s("10:30"), MIDNIGHT + 37800);
	assert_int_equal(parse_s("10:30:15"), MIDNIGHT + 37815);
	assert_int_equal(parse_s("23:59"), MIDNIGHT + 86340);
	assert_int_equal(parse_s("2026-01-31"), MIDNIGHT);
	assert_int_equal(parse_s("2026-01-31 10:00"), MIDNIGHT + 36000);
	assert_int_equal(parse_s("2026-01-31T10:00:05"), MIDNIGHT + 36005);
	assert_int_equal(parse_s("2024-02-29"), 1709161200);
	assert_int_equal(parse_s("2000-02-29"), 951778800);
	assert_int_equal(parse_at("10:30:15.25", NOW), (MIDNIGHT + 37815) * US_PER_S + 250000);
}

static void rfc_3339_and_epoch_need_no_zone(void **state)
{
	(void)state;
	assert_int_equal(parse_s("2026-01-31T10:00:00Z"), 1769853600);
	assert_int_equal(parse_s("2026-01-31t10:00:00z"), 1769853600);
	assert_int_equal(parse_s("2026-01-31 10:00Z"), 1769853600);
	assert_int_equal(parse_s("2026-01-31T12:00:00+02:00"), 1769853600);
	assert_int_equal(parse_s("2026-01-31T04:30:00-05:30"), 1769853600);
	assert_int_equal(parse_at("2026-01-31T10:00:00.123456789Z", NOW), 1769853600123456);
	assert_int_equal(parse_s("@1769853600"), 1769853600);
	assert_int_equal(parse_at("@1769853600.5", NOW), 1769853600500000);
	assert_int_equal(parse_s("@0"), 0);
	assert_int_equal(parse_s("9999-12-31T23:59:59Z"), 253402300799);
}

/* 2026-03-29: at 02:00 it becomes 03:00, so the day has 23 hours. */
static void the_day_the_clock_goes_forward_has_23_hours(void **state)
{
	int64_t noon_after = parse_at("2026-03-30 12:00", NOW);

	(void)state;
	assert_int_equal(parse_at("2026-03-30", NOW) - parse_at("2026-03-29", NOW),
			 23 * 3600 * US_PER_S);
	assert_int_equal(parse_at("today", noon_after) - parse_at("yesterday", noon_after),
			 23 * 3600 * US_PER_S);
	assert_int_equal(parse_at("03:30", parse_at("2026-03-29 12:00", NOW)),
			 parse_at("2026-03-29T01:30:00Z", NOW));
	/* A duration is time that passed, not a place on the dial. */
	assert_int_equal(parse_at("1d", noon_after), parse_at("2026-03-29 12:00", NOW));
}

/* 2026-10-25: at 03:00 it becomes 02:00, so the day has 25 hours. */
static void the_day_the_clock_goes_back_has_25_hours(void **state)
{
	int64_t noon_after = parse_at("2026-10-26 12:00", NOW);

	(void)state;
	assert_int_equal(parse_at("2026-10-26", NOW) - parse_at("2026-10-25", NOW),
			 25 * 3600 * US_PER_S);
	assert_int_equal(parse_at("today", noon_after) - parse_at("yesterday", noon_after),
			 25 * 3600 * US_PER_S);
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"5",
		"-1h",
		"1.5h",
		"1 h",
		"1y",
		"h",
		"1h30",
		"24:00",
		"10:60",
		"10:5",
		"1:00",
		"10:30:60",
		"10:30:",
		"10:30:15.",
		"2026-02-29",
		"2026-04-31",
		"2026-13-01",
		"2026-00-10",
		"2026-01-00",
		"2026-1-1",
		"26-01-31",
		"2026-01-31T",
		"2026-01-31 ",
		"2026-01-31 10",
		"2026-01-31Z",
		"2026-01-31T10:00:00+2",
		"2026-01-31T10:00:00+25:00",
		"2026-01-31T10:00:00Zx",
		"@",
		"@-1",
		"@x",
		"@1.",
		"@9999999999999",
		"NOW",
		"now ",
		" now",
		"1h;",
		"0x10s",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct err err = {0};
		int64_t us = 4711;

		if (timespec_parse(texts[i], NOW, &us, &err) == 0)
			fail_msg("\"%s\" was read as %" PRId64, texts[i], us);
		assert_int_equal(us, 4711);
		assert_true(err.code < 0 && err.msg[0]);
	}
}

static void what_is_too_long_or_before_1970_is_refused(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"999999999999999999s", "\"999999999999999999s\" is too long"},
		{"99999999999999999999999w", "\"99999999999999999999999w\" is too long"},
		{"3000w", "\"3000w\" is before 1970"},
		{"1969-12-31", "\"1969-12-31\" is before 1970"},
		{"1970-01-01T00:00:00+01:00", "\"1970-01-01T00:00:00+01:00\" is before 1970"},
		{"9999-12-31T23:59:59-00:01",
		 "\"9999-12-31T23:59:59-00:01\" is after the year 9999"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {0};
		int64_t us;

		assert_true(timespec_parse(cases[i].text, NOW, &us, &err) < 0);
		assert_string_equal(err.msg, cases[i].message);
	}
}

static void a_slip_in_a_word_is_told(void **state)
{
	struct err err = {0};
	int64_t us;

	(void)state;
	assert_true(timespec_parse("yesterdya", NOW, &us, &err) < 0);
	assert_string_equal(err.msg, "unknown time \"yesterdya\"; did you mean \"yesterday\"?");
}

static void a_duration_alone_needs_its_unit(void **state)
{
	struct err err = {0};
	int64_t us;

	(void)state;
	assert_int_equal(timespec_parse_duration("15m", &us, &err), 0);
	assert_int_equal(us, 900 * US_PER_S);
	assert_true(timespec_parse_duration("15", &us, &err) < 0);
	assert_true(timespec_parse_duration("yesterday", &us, &err) < 0);
}

static void a_moment_is_written_to_the_millisecond(void **state)
{
	char out[TIMESPEC_SIZE];

	(void)state;
	assert_string_equal(timespec_format(NOW, TIMESPEC_LOCAL, out), "2026-01-31 13:34:56.789");
	assert_string_equal(timespec_format(NOW, TIMESPEC_UTC, out), "2026-01-31 12:34:56.789Z");
	assert_string_equal(timespec_format(NOW, TIMESPEC_RFC3339, out),
			    "2026-01-31T12:34:56.789Z");
	assert_string_equal(timespec_format(0, TIMESPEC_RFC3339, out), "1970-01-01T00:00:00.000Z");
	assert_string_equal(timespec_format(1500, TIMESPEC_RFC3339, out),
			    "1970-01-01T00:00:00.002Z");
	assert_string_equal(timespec_format(1499, TIMESPEC_RFC3339, out),
			    "1970-01-01T00:00:00.001Z");
	assert_string_equal(timespec_format(999999, TIMESPEC_RFC3339, out),
			    "1970-01-01T00:00:01.000Z");
	assert_string_equal(timespec_format(INT64_C(1782000000000000), TIMESPEC_LOCAL, out),
			    "2026-06-21 02:00:00.000"); /* summer time */
	assert_string_equal(timespec_format(-1, TIMESPEC_LOCAL, out), "-1");
	assert_string_equal(timespec_format(INT64_MAX, TIMESPEC_UTC, out), "9223372036854775807");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_duration_is_that_long_ago),
		cmocka_unit_test(words_name_moments),
		cmocka_unit_test(dates_and_clock_times_are_local),
		cmocka_unit_test(rfc_3339_and_epoch_need_no_zone),
		cmocka_unit_test(the_day_the_clock_goes_forward_has_23_hours),
		cmocka_unit_test(the_day_the_clock_goes_back_has_25_hours),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(what_is_too_long_or_before_1970_is_refused),
		cmocka_unit_test(a_slip_in_a_word_is_told),
		cmocka_unit_test(a_duration_alone_needs_its_unit),
		cmocka_unit_test(a_moment_is_written_to_the_millisecond),
	};

	return cmocka_run_group_tests(tests, in_central_europe, NULL);
}
