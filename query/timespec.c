#include "timespec.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "guess.h"
#include "suggest.h"

#define MAX_S INT64_C(253402300799) /* the end of the year 9999 */

/* Takes up to @max_digits digits at *@p. */
static bool take_number(const char **p, int min_digits, int max_digits, int64_t *out)
{
	int64_t n = 0;
	int digits = 0;

	for (; digits < max_digits && **p >= '0' && **p <= '9'; digits++)
		n = n * 10 + (*(*p)++ - '0');
	*out = n;
	return digits >= min_digits;
}

static bool take_char(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

static bool take_two(const char **p, int max, int *out)
{
	int64_t n;

	if (!take_number(p, 2, 2, &n) || n > max)
		return false;
	*out = (int)n;
	return true;
}

/* .5 or .123456; digits behind the sixth do not count. */
static bool take_fraction(const char **p, int64_t *us)
{
	int64_t n;
	int digits = 0;

	*us = 0;
	if (!take_char(p, '.'))
		return true;
	for (; take_number(p, 1, 1, &n); digits++)
		if (digits < 6)
			*us = *us * 10 + n;
	for (int i = digits; i < 6; i++)
		*us *= 10;
	return digits > 0;
}

/* HH:MM[:SS[.fff]] */
static bool take_clock(const char **p, struct tm *tm, int64_t *us)
{
	*us = 0;
	if (!take_two(p, 23, &tm->tm_hour) || !take_char(p, ':') || !take_two(p, 59, &tm->tm_min))
		return false;
	if (!take_char(p, ':'))
		return true;
	return take_two(p, 59, &tm->tm_sec) && take_fraction(p, us);
}

/* YYYY-MM-DD, a day that exists */
static bool take_date(const char **p, struct tm *tm)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t year;
	int month, day;
	bool leap;

	if (!take_number(p, 4, 4, &year) || !take_char(p, '-') || !take_two(p, 12, &month) ||
	    !take_char(p, '-') || !take_two(p, 31, &day) || month < 1 || day < 1)
		return false;
	leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	if (day > days[month - 1] + (month == 2 && leap))
		return false;
	tm->tm_year = (int)year - 1900;
	tm->tm_mon = month - 1;
	tm->tm_mday = day;
	return true;
}

/* Z or +HH:MM; without either the time is local and *@zoned stays false. */
static bool take_zone(const char **p, bool *zoned, int *east_s)
{
	int hours, minutes, sign;

	*east_s = 0;
	*zoned = true;
	if (take_char(p, 'Z') || take_char(p, 'z'))
		return true;
	sign = **p == '-' ? -1 : 1;
	if (!take_char(p, '+') && !take_char(p, '-')) {
		*zoned = false;
		return true;
	}
	if (!take_two(p, 23, &hours) || !take_char(p, ':') || !take_two(p, 59, &minutes))
		return false;
	*east_s = sign * (hours * 3600 + minutes * 60);
	return true;
}

static struct tm local_midnight(int64_t now_us)
{
	time_t now_s = now_us / US_PER_S;
	struct tm tm;

	localtime_r(&now_s, &tm);
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1;
	return tm;
}

static bool parse_word(const char *text, int64_t now_us, int64_t *out_us)
{
	struct tm tm = local_midnight(now_us);

	if (!strcmp(text, "now")) {
		*out_us = now_us;
		return true;
	}
	if (!strcmp(text, "yesterday"))
		tm.tm_mday--; /* mktime() carries over, and knows days of 23 and 25 hours */
	else if (strcmp(text, "today") != 0)
		return false;
	*out_us = mktime(&tm) * US_PER_S;
	return true;
}

static bool parse_epoch(const char *text, int64_t *out_us)
{
	int64_t s, us;

	if (!take_char(&text, '@') || !take_number(&text, 1, 12, &s) || !take_fraction(&text, &us))
		return false;
	*out_us = s * US_PER_S + us;
	return *text == '\0' && s <= MAX_S;
}

/* A time of day, @days_before today. */
static bool parse_clock(const char *text, int64_t now_us, int days_before, int64_t *out_us)
{
	struct tm tm = local_midnight(now_us);
	int64_t us;

	if (!take_clock(&text, &tm, &us) || *text)
		return false;
	tm.tm_mday -= days_before;
	*out_us = mktime(&tm) * US_PER_S + us;
	return true;
}

static bool parse_date(const char *text, int64_t *out_us)
{
	struct tm tm = {.tm_isdst = -1};
	bool zoned = false;
	int east_s = 0;
	int64_t us = 0;

	if (!take_date(&text, &tm))
		return false;
	if (take_char(&text, 'T') || take_char(&text, 't') || take_char(&text, ' '))
		if (!take_clock(&text, &tm, &us) || !take_zone(&text, &zoned, &east_s))
			return false;
	if (*text)
		return false;
	*out_us = ((zoned ? timegm(&tm) : mktime(&tm)) - east_s) * US_PER_S + us;
	return true;
}

/* Returns 1 for a duration, 0 when the text is something else. */
static int parse_duration(const char *text, int64_t *out_us, struct err *err)
{
	static const struct {
		char unit;
		int64_t s;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
	const char *p = text;
	int64_t n;

	if (!take_number(&p, 1, 18, &n))
		return 0;
	for (; *p >= '0' && *p <= '9'; p++)
		n = INT64_MAX;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (p[0] != units[i].unit || p[1])
			continue;
		if (n > MAX_S / units[i].s)
			return err_set(err, -ERANGE, "\"%s\" is too long", text);
		*out_us = n * units[i].s * US_PER_S;
		return 1;
	}
	return 0;
}

int timespec_parse_duration(const char *text, int64_t *out_us, struct err *err)
{
	char guess[GUESS_SIZE];
	int64_t us;
	int ret = parse_duration(text, &us, err);

	if (ret == 0 && guess_duration(text, guess))
		return err_set(err, -EINVAL, "\"%s\" is no duration; did you mean %s?", text,
			       guess);
	if (ret == 0)
		return err_set(err, -EINVAL, "\"%s\" is no duration; write 90s, 15m, 1h, 7d or 2w",
			       text);
	if (ret < 0)
		return ret;
	*out_us = us;
	return 0;
}

static int not_a_time(const char *text, struct err *err)
{
	struct suggestion s = {.word = text};
	char guess[GUESS_SIZE];

	suggest_try(&s, "now");
	suggest_try(&s, "today");
	suggest_try(&s, "yesterday");
	if (guess_duration(text, guess))
		return err_set(err, -EINVAL, "\"%s\" is no time; did you mean %s?", text, guess);
	if (s.best)
		return err_set(err, -EINVAL, "unknown time \"%s\"; did you mean \"%s\"?", text,
			       s.best);
	if (text[0] == '-')
		return err_set(err, -EINVAL, "\"%s\" is negative; 1h alone means an hour ago",
			       text);
	return err_set(err, -EINVAL,
		       "\"%s\" is no time; write 15m, 1h, 7d, today, boot, 10:30, 2026-01-31, "
		       "'2026-01-31 10:30', 2026-01-31T10:30:00Z or @1769853600",
		       text);
}

static int check_range(const char *text, int64_t us, struct err *err)
{
	if (us < 0)
		return err_set(err, -ERANGE, "\"%s\" is before 1970", text);
	if (!timespec_is_moment(us)) /* one of a zone in the west */
		return err_set(err, -ERANGE, "\"%s\" is after the year 9999", text);
	return 0;
}

int timespec_parse(const char *text, int64_t now_us, int64_t *out_us, struct err *err)
{
	int64_t us;
	int ret = parse_duration(text, &us, err);

	if (ret < 0)
		return ret;
	if (ret > 0)
		us = now_us - us;
	else if (!parse_word(text, now_us, &us) && !parse_epoch(text, &us) &&
		 !parse_clock(text, now_us, 0, &us) && !parse_date(text, &us))
		return not_a_time(text, err);
	if (check_range(text, us, err))
		return err->code;
	*out_us = us;
	return 0;
}

int timespec_parse_past(const char *text, int64_t now_us, int64_t *out_us, bool *shifted,
			struct err *err)
{
	int64_t us;
	int ret = timespec_parse(text, now_us, &us, err);

	if (ret)
		return ret;
	if (us <= now_us || !parse_clock(text, now_us, 1, &us)) {
		*shifted = false;
	} else if (check_range(text, us, err)) {
		return err->code;
	} else {
		*shifted = true;
	}
	*out_us = us;
	return 0;
}

bool timespec_is_moment(int64_t us)
{
	return us >= 0 && us / US_PER_S <= MAX_S;
}

const char *timespec_format(int64_t us, enum timespec_style style, char out[TIMESPEC_SIZE])
{
	const bool is_last = us / 1000 == MAX_S * 1000 + 999; /* what follows has five digits */
	int64_t ms = us / 1000 + (us % 1000 >= 500 && !is_last);
	time_t s = ms / 1000;
	struct tm tm;
	size_t used;

	if (!timespec_is_moment(us)) {
		snprintf(out, TIMESPEC_SIZE, "%" PRId64, us);
		return out;
	}
	if (style == TIMESPEC_LOCAL)
		localtime_r(&s, &tm);
	else
		gmtime_r(&s, &tm);
	used = strftime(out, TIMESPEC_SIZE,
			style == TIMESPEC_RFC3339 ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(out + used, TIMESPEC_SIZE - used, ".%03d%s", (int)(ms % 1000),
		 style == TIMESPEC_LOCAL ? "" : "Z");
	return out;
}

const char *timespec_format_s(int64_t us, enum timespec_style style, char out[TIMESPEC_SIZE])
{
	char *point;

	timespec_format(us, style, out);
	point = strchr(out, '.');
	if (point)
		memmove(point, point + 4, strlen(point + 4) + 1);
	return out;
}

int64_t timespec_interval(int64_t width_us)
{
	static const int64_t lengths_s[] = {1,	 5,    10,    30,    60,    300,
					    900, 3600, 10800, 21600, 86400, 604800};
	const int n = sizeof(lengths_s) / sizeof(lengths_s[0]);
	int i = 0;

	while (i < n - 1 && width_us > 30 * lengths_s[i] * US_PER_S)
		i++;
	return lengths_s[i] * US_PER_S;
}
