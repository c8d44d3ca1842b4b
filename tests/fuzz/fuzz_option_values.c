/* What stands behind options of connmon-collect, read here once more in another way: each digit by
 * hand, in numbers that are long enough. */
#include "option_values.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "clock.h"
#include "metrics.h"
#include "script.h"

#define A_CENTURY_S (100 * 366 * 86400.0L)

struct unit {
	const char *name;
	long double factor;
};

static const struct unit times[] = {{"ms", 1e6L},    {"s", 1e9L},      {"m", 60e9L}, {"h", 3600e9L},
				    {"d", 86400e9L}, {"w", 604800e9L}, {NULL, 0}};
static const struct unit sizes[] = {{"", 1},	       {"k", 1024},    {"K", 1024},
				    {"m", 1048576},    {"M", 1048576}, {"g", 1073741824},
				    {"G", 1073741824}, {NULL, 0}};

/* Digits, one point at most among them or at either end, and a unit. */
static bool read_number(const char *text, const struct unit *units, long double *out)
{
	long double n = 0, place = 1;
	int digits = 0, points = 0;

	for (; isdigit((unsigned char)*text) || *text == '.'; text++) {
		if (*text == '.') {
			points++;
			continue;
		}
		digits++;
		if (points)
			n += (*text - '0') * (place /= 10);
		else
			n = n * 10 + (*text - '0');
	}
	for (; units->name; units++)
		if (strcmp(text, units->name) == 0)
			break;
	*out = n * units->factor;
	return units->name && digits > 0 && points <= 1;
}

static bool is_near(long double a, long double b)
{
	const long double d = a > b ? a - b : b - a;

	return d <= 2 || d <= a * 1e-12L;
}

/* @ret is what the function under test returned: what is to be refused, it refuses in words. */
static void check_refused(int ret, const struct err *err, bool refused)
{
	must(ret == (refused ? -EINVAL : 0));
	must(ret == 0 || (err->code == ret && err->msg[0]));
}

static void check_times(const char *text)
{
	static const struct {
		int (*parse)(const char *text, int64_t *ns, struct err *err);
		long double from_s, to_s;
		bool zero;
	} rows[] = {
		{parse_duration, 0.001L, A_CENTURY_S, false},
		{parse_flush, 0.1L, 60, false},
		{parse_refresh, 1, 3600, false},
		{parse_retain, 3600, A_CENTURY_S, true},
	};
	long double want = 0;
	const bool is_number = read_number(text, times, &want);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const long double from = rows[i].from_s * NS_PER_S, to = rows[i].to_s * NS_PER_S;
		const bool zero = rows[i].zero && strcmp(text, "0") == 0;
		struct err err = {0};
		int64_t ns = -1;
		int ret = rows[i].parse(text, &ns, &err);

		if (is_number && !zero && (is_near(want, from) || is_near(want, to)))
			continue; /* a rounding to the one side or the other */
		check_refused(ret, &err, !zero && (!is_number || want < from || want > to));
		must(ret || (zero ? ns == 0 : is_near(want, (long double)ns)));
	}
}

static void check_sizes(const char *text)
{
	long double want = 0;
	const bool is_number = read_number(text, sizes, &want);
	struct err err = {0};
	size_t bytes = 0, ring = 0;
	uint64_t most = 0;
	uint32_t n = 0;
	int ret = parse_size(text, &bytes, &err);
	const bool zero = strcmp(text, "0") == 0;

	if (ret == 0)
		must(is_number && bytes >= 1 && bytes <= 1000000000000000 &&
		     is_near(want, (long double)bytes));
	else
		check_refused(ret, &err,
			      !is_number || want < 1 || want > 1e15L ||
				      (long double)(uint64_t)want != want);
	if (strchr(text, '.'))
		return;
	check_refused(parse_ring(text, &ring, &err), &err,
		      ret || bytes < 65536 || bytes > 1073741824 ||
			      __builtin_popcountl(bytes) != 1);
	check_refused(parse_max_open(text, &n, &err), &err,
		      ret || bytes < 100 || bytes > 16 * 1048576);
	must(err.code || n == bytes);
	check_refused(parse_max_size(text, &most, &err), &err,
		      !zero && (ret || bytes < 64 * 1048576));
}

/* Numbers from 1 to 65535 with commas between. */
static bool read_ports(const char *text, uint8_t *ports)
{
	for (;;) {
		const size_t digits = strspn(text, "0123456789");
		uint64_t port = 0;

		for (size_t i = 0; i < digits && port < 65536; i++)
			port = port * 10 + (uint64_t)(text[i] - '0');
		if (digits == 0 || port == 0 || port > 65535)
			return false;
		ports[port >> 3] |= (uint8_t)(1 << (port & 7));
		text += digits;
		if (*text == '\0')
			return true;
		if (*text++ != ',')
			return false;
	}
}

static void check_ports(const char *text)
{
	static uint8_t got[8192], want[8192];
	struct err err = {0};
	bool is_list;

	memset(got, 0, sizeof(got));
	memset(want, 0, sizeof(want));
	is_list = read_ports(text, want);
	check_refused(parse_ports(text, got, &err), &err, !is_list);
	must(!is_list || memcmp(got, want, sizeof(got)) == 0);
}

static void check_words(const char *text)
{
	static struct filter f;
	struct err err = {0};
	enum accept_mode mode = ACCEPT_AUTO;
	enum hook hook = HOOK_TRACEPOINT;
	const bool in = strcmp(text, "in") == 0, out = strcmp(text, "out") == 0;
	const bool is_auto = strcmp(text, "auto") == 0, kprobe = strcmp(text, "kprobe") == 0;

	f.only_in = f.only_out = false;
	check_refused(parse_direction(text, &f, &err), &err, !in && !out);
	must(f.only_in == in && f.only_out == out);
	check_refused(parse_hook(text, &hook, &err), &err,
		      !is_auto && !kprobe && strcmp(text, "tracepoint"));
	must((hook == HOOK_KPROBE) == kprobe);
	check_refused(parse_accept(text, &mode, &err), &err,
		      !is_auto && strcmp(text, "lazy") && strcmp(text, "exact"));
	must(mode == (strcmp(text, "lazy") == 0	   ? ACCEPT_LAZY
		      : strcmp(text, "exact") == 0 ? ACCEPT_EXACT
						   : ACCEPT_AUTO));
}

static void check_metrics(const char *text)
{
	struct err err = {0};
	const size_t len = strlen(text);
	const char *name = strrchr(text, '/');

	name = name ? name + 1 : text;
	check_refused(parse_metrics(text, &err), &err,
		      len > METRICS_PATH_MAX || len < 6 || strlen(name) < 6 ||
			      strcmp(text + len - 5, ".prom"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const words[] = {"ms",	  "s",		 "m",	  "h",
					    "d",	  "w",		 "K",	  "M",
					    "G",	  "0",		 "65535", "65536",
					    "4294967296", "1e9",	 "inf",	  "nan",
					    "0x",	  "99999999999", ".",	  ",",
					    "in",	  "out",	 "auto",  "kprobe",
					    "tracepoint", "lazy",	 "exact", ".prom",
					    "-",	  "+",		 " ",	  "999999999"};
	struct script s = {data, size};
	size_t len;
	char *text = script_words(&s, words, sizeof(words) / sizeof(words[0]), &len);

	check_times(text);
	check_sizes(text);
	check_ports(text);
	check_words(text);
	check_metrics(text);
	free(text);
	return 0;
}
