#include "option_values.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "metrics.h"

#define MIN_RING_BYTES (64u << 10)
#define MAX_RING_BYTES (1u << 30)
#define MIN_FLUSH_NS   (100 * NS_PER_MS)
#define MAX_FLUSH_NS   (60 * NS_PER_S)
#define MIN_MAX_OPEN   100u
#define MAX_MAX_OPEN   (16u << 20)
#define MIN_MAX_BYTES  (64u << 20)

/* A number, then a unit out of @units; the number without a unit counts for 1 if
 * @bare. */
struct unit {
	const char *name;
	double factor;
};

static bool parse_number(const char *text, const struct unit *units, double *out)
{
	char *end;
	double n;

	n = strtod(text, &end);
	/* strtod() would also take "inf", "nan", hex, exponents and leading spaces. */
	if (end == text || end != text + strspn(text, "0123456789."))
		return false;
	for (; units->name; units++)
		if (strcmp(end, units->name) == 0) {
			*out = n * units->factor;
			return isfinite(*out);
		}
	return false;
}

int parse_duration(const char *text, int64_t *ns, struct err *err)
{
	static const struct unit units[] = {
		{"ms", 1e6},	{"s", 1e9},	    {"m", 60e9}, {"h", 3600e9},
		{"d", 86400e9}, {"w", 7 * 86400e9}, {NULL, 0},
	};
	double n;

	if (!parse_number(text, units, &n) || n < 1e6 || n > 100 * 366 * 86400e9)
		return err_set(err, -EINVAL,
			       "'%s' is no length of time; write for example 500ms, 90s, 15m or 1h",
			       text);
	*ns = (int64_t)n;
	return 0;
}

int parse_size(const char *text, size_t *bytes, struct err *err)
{
	static const struct unit units[] = {
		{"", 1},	{"K", 1 << 10}, {"k", 1 << 10}, {"M", 1 << 20},
		{"m", 1 << 20}, {"G", 1 << 30}, {"g", 1 << 30}, {NULL, 0},
	};
	double n;

	if (!parse_number(text, units, &n) || n < 1 || n > 1e15 || n != floor(n))
		return err_set(err, -EINVAL, "'%s' is no size; write for example 64K, 16M or 1G",
			       text);
	*bytes = (size_t)n;
	return 0;
}

int parse_flush(const char *text, int64_t *ns, struct err *err)
{
	int ret = parse_duration(text, ns, err);

	if (!ret && (*ns < MIN_FLUSH_NS || *ns > MAX_FLUSH_NS))
		ret = err_set(err, -EINVAL, "'%s' is not within 100ms to 60s", text);
	return ret;
}

int parse_refresh(const char *text, int64_t *ns, struct err *err)
{
	int ret = parse_duration(text, ns, err);

	if (!ret && (*ns < NS_PER_S || *ns > 3600 * NS_PER_S))
		ret = err_set(err, -EINVAL, "'%s' is not within 1s to 1h", text);
	return ret;
}

int parse_ring(const char *text, size_t *bytes, struct err *err)
{
	int ret = parse_size(text, bytes, err);

	if (!ret &&
	    (*bytes < MIN_RING_BYTES || *bytes > MAX_RING_BYTES || (*bytes & (*bytes - 1)) != 0))
		ret = err_set(err, -EINVAL, "'%s' is no power of two from 64K to 1G; try 16M",
			      text);
	return ret;
}

int parse_max_open(const char *text, uint32_t *n, struct err *err)
{
	size_t size;
	int ret = parse_size(text, &size, err);

	if (!ret && (size < MIN_MAX_OPEN || size > MAX_MAX_OPEN))
		ret = err_set(err, -EINVAL, "'%s' is not within 100 to 16M", text);
	if (!ret)
		*n = (uint32_t)size;
	return ret;
}

/* A length of time; 0: without end. */
int parse_retain(const char *text, int64_t *ns, struct err *err)
{
	int ret;

	if (strcmp(text, "0") == 0) {
		*ns = 0;
		return 0;
	}
	ret = parse_duration(text, ns, err);
	if (!ret && *ns < 3600 * NS_PER_S)
		ret = err_set(err, -EINVAL, "'%s' is less than 1h", text);
	return ret;
}

int parse_max_size(const char *text, uint64_t *bytes, struct err *err)
{
	size_t size = 0;
	int ret = strcmp(text, "0") == 0 ? 0 : parse_size(text, &size, err);

	if (!ret && size != 0 && size < MIN_MAX_BYTES)
		ret = err_set(err, -EINVAL, "'%s' is less than 64M", text);
	*bytes = size;
	return ret;
}

/* "9100,22": sets their bits. */
int parse_ports(const char *text, uint8_t *ports, struct err *err)
{
	const char *at = text;

	do {
		char *end;
		unsigned long port = strtoul(at, &end, 10);

		if (!isdigit((unsigned char)*at) || port == 0 || port > UINT16_MAX ||
		    (*end != ',' && *end != '\0'))
			return err_set(err, -EINVAL,
				       "'%s' is no list of ports; write for example 9100,22", text);
		ports[port / 8] |= (uint8_t)(1u << port % 8);
		at = *end ? end + 1 : end;
	} while (at[-1] == ',');
	return 0;
}

/* Which of @words (ended by NULL) @text is. */
static int parse_word(const char *text, const char *const *words, struct err *err)
{
	int i;

	for (i = 0; words[i]; i++)
		if (strcmp(text, words[i]) == 0)
			return i;
	return err_set(err, -EINVAL, "'%s' is not one of %s, %s%s%s", text, words[0], words[1],
		       words[2] ? ", " : "", words[2] ? words[2] : "");
}

int parse_direction(const char *text, struct filter *f, struct err *err)
{
	static const char *const words[] = {"out", "in", NULL};
	int word = parse_word(text, words, err);

	if (word < 0)
		return word;
	f->only_out = word == 0;
	f->only_in = word == 1;
	return 0;
}

int parse_hook(const char *text, enum hook *hook, struct err *err)
{
	static const char *const words[] = {"auto", "tracepoint", "kprobe", NULL};
	int word = parse_word(text, words, err);

	if (word < 0)
		return word;
	*hook = word == 2 ? HOOK_KPROBE : HOOK_TRACEPOINT;
	return 0;
}

int parse_accept(const char *text, enum accept_mode *mode, struct err *err)
{
	static const char *const words[] = {
		[ACCEPT_AUTO] = "auto", [ACCEPT_LAZY] = "lazy", [ACCEPT_EXACT] = "exact", NULL};
	int word = parse_word(text, words, err);

	if (word < 0)
		return word;
	*mode = (enum accept_mode)word;
	return 0;
}

/* node_exporter passes over all other files, without a word. */
int parse_metrics(const char *text, struct err *err)
{
	size_t len = strlen(text), ending = strlen(METRICS_ENDING);

	if (len > METRICS_PATH_MAX)
		return err_set(err, -EINVAL, "'%.20s...' is too long", text);
	if (len <= ending || text[len - ending - 1] == '/' ||
	    strcmp(text + len - ending, METRICS_ENDING) != 0)
		return err_set(err, -EINVAL,
			       "'%s' does not end in " METRICS_ENDING
			       ", as node_exporter asks; write for example "
			       "/var/lib/prometheus/node-exporter/connmon.prom",
			       text);
	return 0;
}
