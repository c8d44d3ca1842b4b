/* Moments and durations as anybody may write them. The first byte says in which time zone, the
 * second what time it is. What is understood can be told, and is understood again; what is not
 * is refused with a reason, and leaves the result alone. */
#include <errno.h>
#include <sqlite3.h>
#include <time.h>

#include "feed.h"
#include "guess.h"
#include "must.h"
#include "timespec.h"

#define UNTOUCHED INT64_C(-7777)

/* Without a zone database: with summer time, half an hour off, and as far as zones go. */
static const char *const zones[] = {"UTC0",  "CET-1CEST,M3.5.0,M10.5.0/3", "IST-5:30", "LINT-14",
				    "AOE12", "NST3:30NDT,M3.2.0,M11.1.0"};

static const int64_t clocks_s[] = {
	1769862896,			 /* 2026-01-31 12:34:56 */
	1774746000,			 /* 2026-03-29 01:00, the hour that is skipped */
	1792893600,			 /* 2026-10-25 02:00, the one that comes twice */
	0,	    40000, 253402300799, /* the last second there is */
	1709161200,			 /* a leap day */
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Rounded, but not into the year 10000. */
static int64_t to_ms(int64_t us)
{
	const int64_t ms = us / 1000 + (us % 1000 >= 500);

	return timespec_is_moment(ms * 1000) ? ms : us / 1000;
}

static void must_be_told(int64_t us, int64_t now_us)
{
	static const enum timespec_style in_utc[] = {TIMESPEC_UTC, TIMESPEC_RFC3339};
	char text[TIMESPEC_SIZE], again[TIMESPEC_SIZE];
	struct err err = {0};
	int64_t read_us;

	for (size_t i = 0; i < COUNT(in_utc); i++) {
		timespec_format(us, in_utc[i], text);
		must(timespec_parse(text, now_us, &read_us, &err) == 0);
		must(read_us == to_ms(us) * 1000);
		timespec_format_s(us, in_utc[i], text);
		must(timespec_parse(text, now_us, &read_us, &err) == 0);
		must(read_us == to_ms(us) / 1000 * US_PER_S);
	}
	/* A local time may come twice a year; and where it is 1969 still, or 10000, it is none. */
	timespec_format(us, TIMESPEC_LOCAL, text);
	if (timespec_parse(text, now_us, &read_us, &err) == 0)
		must(!strcmp(timespec_format(read_us, TIMESPEC_LOCAL, again), text));
	else
		must(us < 86400 * US_PER_S || us > (253402300799 - 86400) * US_PER_S);
}

/* SQLite reads those that have a zone, too. */
static void must_be_as_in_sqlite(const char *text, int64_t us)
{
	static sqlite3_stmt *stmt;
	const size_t len = strlen(text);
	sqlite3 *db;

	if (!stmt) {
		must(sqlite3_open(":memory:", &db) == SQLITE_OK);
		must(sqlite3_prepare_v2(db, "SELECT unixepoch(?1)", -1, &stmt, NULL) == SQLITE_OK);
	}
	if (len < 17 || (!strchr("Zz", text[len - 1]) && !strchr("+-", text[len - 6])))
		return;
	sqlite3_bind_text(stmt, 1, text, -1, SQLITE_STATIC);
	must(sqlite3_step(stmt) == SQLITE_ROW);
	if (sqlite3_column_type(stmt, 0) == SQLITE_INTEGER)
		must(llabs(sqlite3_column_int64(stmt, 0) - us / US_PER_S) <= 1);
	sqlite3_reset(stmt);
}

static void check_moment(const char *text, int64_t now_us)
{
	int64_t us = UNTOUCHED, past_us = UNTOUCHED;
	struct err err = {0};
	bool shifted = false;
	const int ret = timespec_parse(text, now_us, &us, &err);

	must(err.code == ret && !ret == !err.msg[0]);
	if (timespec_parse_past(text, now_us, &past_us, &shifted, &err)) {
		/* A time of day that is to come, on the first day there is. */
		must(ret || (err.code == -ERANGE && us > now_us && now_us < 86400 * US_PER_S));
		must(past_us == UNTOUCHED && !shifted);
	} else {
		must(timespec_is_moment(past_us));
		must(shifted ? past_us < us && us > now_us : past_us == us);
	}
	if (ret) {
		must(ret < 0 && us == UNTOUCHED);
		return;
	}
	must(timespec_is_moment(us));
	must_be_as_in_sqlite(text, us);
	must_be_told(us, now_us);
}

static void check_duration(const char *text)
{
	char seconds[32], guess[GUESS_SIZE];
	int64_t us = UNTOUCHED, again_us;
	struct err err = {0};

	if (guess_duration(text, guess))
		must(timespec_parse_duration(guess, &again_us, &err) == 0);
	if (timespec_parse_duration(text, &us, &err)) {
		must(us == UNTOUCHED && err.code < 0 && err.msg[0]);
		return;
	}
	must(us >= 0 && us % US_PER_S == 0 && timespec_interval(us) > 0);
	snprintf(seconds, sizeof(seconds), "%llds", (long long)(us / US_PER_S));
	must(timespec_parse_duration(seconds, &again_us, &err) == 0 && again_us == us);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size < 2)
		return 0;
	setenv("TZ", zones[data[0] % COUNT(zones)], 1);
	tzset();
	text = must_text(data + 2, size - 2);
	check_moment(text, clocks_s[data[1] % COUNT(clocks_s)] * US_PER_S);
	check_duration(text);
	free(text);
	return 0;
}
