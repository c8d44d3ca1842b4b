#include "fleet_sql.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fleet_columns.h"
#include "functions.h"
#include "text.h"

void fleet_write_text(FILE *f, const char *text, size_t len)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    " _-./:,*";

	fputc('\'', f);
	for (size_t i = 0; i < len; i++) {
		if (text[i] && strchr(plain, text[i]))
			fputc(text[i], f);
		else
			fprintf(f, "\\x%02X", (unsigned char)text[i]);
	}
	fputc('\'', f);
}

void fleet_write_hex(FILE *f, const char *hex, size_t len)
{
	char text[512];
	size_t n = 0;
	unsigned byte;

	for (; 2 * n + 1 < len && n < sizeof(text) && sscanf(hex + 2 * n, "%2x", &byte) == 1; n++)
		text[n] = (char)byte;
	fleet_write_text(f, text, n);
}

static void write_text(FILE *f, const char *text)
{
	fleet_write_text(f, text, strlen(text));
}

void fleet_write_value(FILE *f, sqlite3_value *value)
{
	switch (sqlite3_value_type(value)) {
	case SQLITE_INTEGER:
		/* The least one is read as a number below 0 of one that does not fit. */
		if (sqlite3_value_int64(value) == INT64_MIN)
			fputs("(-9223372036854775807 - 1)", f);
		else
			fprintf(f, "%lld", (long long)sqlite3_value_int64(value));
		break;
	case SQLITE_FLOAT:
		if (isfinite(sqlite3_value_double(value)))
			fprintf(f, "%.17e", sqlite3_value_double(value));
		else
			fputs("NULL", f);
		break;
	case SQLITE_TEXT:
		fleet_write_text(f, (const char *)sqlite3_value_text(value),
				 (size_t)sqlite3_value_bytes(value));
		break;
	default:
		fputs("NULL", f);
		break;
	}
}

/* ---- patterns ---- */

/* The next character of @text, from @at on, or 0 when it is no UTF-8 or the end. */
static uint32_t take_character(const char *text, size_t *at)
{
	const unsigned char *p = (const unsigned char *)text + *at;
	uint32_t c = p[0], least = 0;
	int more = c < 0x80 ? 0 : (c & 0xe0) == 0xc0 ? 1 : (c & 0xf0) == 0xe0 ? 2 : 3;

	if (c == 0 || (c >= 0x80 && c < 0xc0) || c >= 0xf8)
		return 0;
	if (more) {
		static const uint32_t leasts[] = {0, 0x80, 0x800, 0x10000};

		c &= 0x3fu >> more;
		least = leasts[more];
	}
	for (int i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*at += (size_t)more + 1;
	return c;
}

static bool is_utf8(const char *text)
{
	size_t at = 0;

	while (text[at])
		if (!take_character(text, &at))
			return false;
	return true;
}

static void write_character(FILE *f, uint32_t c)
{
	if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z'))
		fputc((int)c, f);
	else
		fprintf(f, "\\x{%X}", c);
}

/*
 * A class, from behind its [ on, as patternCompare() of SQLite's func.c reads it: a ] that comes
 * first is one of it; a - stands for itself first, last, and behind a range. False when it does
 * not end: then nothing is like it.
 */
static bool write_class(FILE *f, const char *pattern, size_t *at)
{
	uint32_t c = take_character(pattern, at), before = 0;
	bool inverted = c == '^', empty = true;
	char *set = NULL;
	size_t size = 0;
	FILE *s = text_open(&set, &size);

	if (!s)
		return false;
	if (inverted)
		c = take_character(pattern, at);
	if (c == ']') {
		write_character(s, c);
		empty = false;
		c = take_character(pattern, at);
	}
	for (; c && c != ']'; c = take_character(pattern, at)) {
		bool range = c == '-' && before && pattern[*at] && pattern[*at] != ']';

		if (range)
			c = take_character(pattern, at);
		if (range && before < c) { /* its begin stands there already */
			fputc('-', s);
			write_character(s, c);
		} else if (!range) {
			write_character(s, c);
			empty = false;
		}
		before = range ? 0 : c;
	}
	fclose(s);
	/* RE2 knows no empty class. */
	if (!empty)
		fprintf(f, "[%s%s]", inverted ? "^" : "", set);
	else
		fputs(inverted ? "." : "[^\\x{0}-\\x{10FFFF}]", f);
	free(set);
	return c == ']';
}

/* A shell pattern as a regular expression of RE2; false when nothing can be like it. */
static bool write_expression(FILE *f, const char *pattern)
{
	size_t at = 0;

	if (!is_utf8(pattern))
		return false;
	fputs("^(?s:", f);
	while (pattern[at]) {
		uint32_t c = take_character(pattern, &at);

		if (c == '*')
			fputs("\\C*", f); /* bytes, as what is stored may be no UTF-8 */
		else if (c == '?')
			fputc('.', f);
		else if (c != '[')
			write_character(f, c);
		else if (!write_class(f, pattern, &at))
			return false;
	}
	fputs(")$", f);
	return true;
}

void fleet_write_pattern(FILE *f, const char *column, const char *pattern)
{
	char *expression = NULL;
	size_t size = 0;
	FILE *e;
	bool ok;

	/* Not always a pattern: [kworker] is a name. */
	if (!strpbrk(pattern, "*?")) {
		fprintf(f, "%s = ", column);
		write_text(f, pattern);
		return;
	}
	e = text_open(&expression, &size);
	ok = e && write_expression(e, pattern);
	if (e)
		fclose(e);
	if (ok) {
		fprintf(f, "%s IS NOT NULL AND match(ifNull(%s, ''), ", column, column);
		fleet_write_text(f, expression, size);
		fputc(')', f);
	} else {
		fputc('0', f);
	}
	free(expression);
}

/* ---- addresses ---- */

/* The first and the last address of a network. */
static void bounds(const struct network *net, unsigned char from[16], unsigned char to[16])
{
	for (int i = 0; i < 16; i++) {
		int bits = net->prefix - 8 * i;
		unsigned char host = bits <= 0	 ? 0xff
				     : bits >= 8 ? 0
						 : (unsigned char)(0xff >> bits);

		from[i] = (unsigned char)(net->addr[i] & ~host);
		to[i] = from[i] | host;
	}
}

static void write_bytes(FILE *f, const unsigned char bytes[16])
{
	fputs("unhex('", f);
	for (int i = 0; i < 16; i++)
		fprintf(f, "%02X", bytes[i]);
	fputs("')", f);
}

static uint32_t v4_of(const unsigned char bytes[16])
{
	return (uint32_t)bytes[12] << 24 | (uint32_t)bytes[13] << 16 | (uint32_t)bytes[14] << 8 |
	       bytes[15];
}

/* Of IPv6 text newer servers fail, and they may look at both branches of all rows. */
#define V4_NUMBER "IPv4StringToNum(if(position(%s, ':') = 0, %s, '0.0.0.0'))"

/* IPv4 stands as IPv4, so those that lie among the v4-mapped ones are compared as such. */
void fleet_write_network(FILE *f, const char *column, const char *text)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	unsigned char from[16], to[16];
	struct network net;

	if (!network_parse(text, &net)) {
		fputc('0', f);
		return;
	}
	bounds(&net, from, to);
	fputs("multiIf(", f);
	fprintf(f, "position(%s, ':') = 0, ", column);
	if (net.prefix >= 96 && !memcmp(from, mapped, sizeof(mapped)))
		fprintf(f, V4_NUMBER " >= %lu AND " V4_NUMBER " <= %lu AND position(%s, '.') > 0, ",
			column, column, (unsigned long)v4_of(from), column, column,
			(unsigned long)v4_of(to), column);
	else
		fputs("0, ", f); /* ::/0 is asked for to see IPv6 */
	fprintf(f, "IPv6StringToNum(%s) >= ", column);
	write_bytes(f, from);
	fprintf(f, " AND IPv6StringToNum(%s) <= ", column);
	write_bytes(f, to);
	fputc(')', f);
}

/* ---- filters ---- */

static void write_list(FILE *f, const char *column, const char *list, bool numbers)
{
	fprintf(f, "%s IN (", column);
	for (const char *p = list;; p++) {
		size_t len = strcspn(p, ",");

		if (numbers)
			fprintf(f, "%lu", strtoul(p, NULL, 10));
		else
			fleet_write_text(f, p, len);
		p += len;
		if (!*p)
			break;
		fputs(", ", f);
	}
	fputc(')', f);
}

static void write_container(FILE *f, const char *pattern)
{
	char *longer;

	fputc('(', f);
	fleet_write_pattern(f, "container", pattern);
	fputc(')', f);
	if (strlen(pattern) < 12 || asprintf(&longer, "%s*", pattern) < 0)
		return;
	fputs(" OR (", f);
	fleet_write_pattern(f, "container_id", longer);
	fputc(')', f);
	free(longer);
}

static void write_node(FILE *f, const struct scope *scope, const char *pattern)
{
	if (scope->fleet_nodes) {
		fputs(scope->fleet_nodes, f);
		return;
	}
	fputs("node_id = ", f);
	write_text(f, pattern);
	fputs(" OR (", f);
	fleet_write_pattern(f, "node", pattern);
	fputc(')', f);
}

enum how { PATTERN, NUMBER, TEXT, PORTS, WORDS, NETWORK, CONTAINER, NODE, FLAG, FLAG_NOT };

static const struct {
	const char *name, *column;
	enum how how;
	bool of_hours; /* the table hourly has it, too */
} conditions[] = {
	{"comm", "comm", PATTERN, true},
	{"exe", "exe", PATTERN, true},
	{"pid", "pid", NUMBER, false},
	{"uid", "uid", NUMBER, true},
	{"container", NULL, CONTAINER, true},
	{"pod", "pod", PATTERN, true},
	{"netns", "netns", NUMBER, false},
	{"direction", "direction", TEXT, true},
	{"peer", "peer_addr", NETWORK, true},
	{"port", "service_port", PORTS, true},
	{"outcome", "outcome", WORDS, false},
	{"failed", "failed", FLAG, false}, /* there it is how many */
	{"no-loopback", "loopback", FLAG_NOT, true},
	{"node", NULL, NODE, true},
};

#define N_CONDITIONS (sizeof(conditions) / sizeof(conditions[0]))

/* N_CONDITIONS when there is none: a new filter needs a row above, a test tells. */
static size_t find_condition(const char *name)
{
	size_t i = 0;

	while (i < N_CONDITIONS && strcmp(conditions[i].name, name) != 0)
		i++;
	return i;
}

static void write_condition(FILE *f, const struct scope *scope, const char *name,
			    const struct param_value *value)
{
	size_t i = find_condition(name);

	if (i == N_CONDITIONS) {
		fputc('0', f);
		return;
	}
	switch (conditions[i].how) {
	case PATTERN:
		fleet_write_pattern(f, conditions[i].column, value->text);
		break;
	case NUMBER:
		fprintf(f, "%s = %lld", conditions[i].column, (long long)value->number);
		break;
	case TEXT:
		fprintf(f, "%s = ", conditions[i].column);
		write_text(f, value->text);
		break;
	case PORTS:
	case WORDS:
		write_list(f, conditions[i].column, value->text, conditions[i].how == PORTS);
		break;
	case NETWORK:
		fleet_write_network(f, conditions[i].column, value->text);
		break;
	case CONTAINER:
		write_container(f, value->text);
		break;
	case NODE:
		write_node(f, scope, value->text);
		break;
	case FLAG:
	case FLAG_NOT:
		fprintf(f, "%s %s 0", conditions[i].column, conditions[i].how == FLAG ? "!=" : "=");
		break;
	}
}

static bool is_left_out(const struct scope *scope, const struct scope_filter *filter, bool but_fate)
{
	return (but_fate && filter->of_fate) ||
	       (!strcmp(filter->name, "peer") && scope->peer.kind == PEER_NAMED);
}

bool fleet_filters_know_hours(const struct scope *scope, bool but_fate)
{
	for (int i = 0; i < scope->n_filters; i++) {
		struct scope_filter filter = scope_filter(scope, i);
		size_t c = find_condition(filter.name);

		if (!is_left_out(scope, &filter, but_fate) &&
		    (c == N_CONDITIONS || !conditions[c].of_hours))
			return false;
	}
	return true;
}

bool fleet_is_fixed(const char *column)
{
	static const char *const changing[] = {"container", "container_id", "pod", "node", "id"};

	for (size_t i = 0; i < sizeof(changing) / sizeof(changing[0]); i++)
		if (!strcmp(column, changing[i]))
			return false;
	return true;
}

void fleet_write_filters(FILE *f, const struct scope *scope, unsigned parts, bool but_fate)
{
	for (int i = 0; i < scope->n_filters; i++) {
		struct scope_filter filter = scope_filter(scope, i);
		unsigned part = fleet_is_fixed(filter.name) ? FLEET_FIXED : FLEET_CHANGING;

		if (is_left_out(scope, &filter, but_fate) || !(part & parts))
			continue;
		fputs(" AND (", f);
		write_condition(f, scope, filter.name, filter.value);
		fputc(')', f);
	}
}

void fleet_write_node(FILE *f, const struct scope *scope)
{
	for (int i = 0; i < scope->n_filters; i++) {
		struct scope_filter filter = scope_filter(scope, i);

		if (strcmp(filter.name, "node") != 0)
			continue;
		fputs(" AND (", f);
		write_condition(f, scope, filter.name, filter.value);
		fputc(')', f);
	}
}

void fleet_write_sums(FILE *f, const char *select)
{
	fputs("connections", f);
	for (int i = 0; i < fleet_n_sums; i++)
		if (strcmp(fleet_sums[i].name, "connections") != 0 &&
		    scope_has_word(select, fleet_sums[i].name))
			fprintf(f, ", %s", fleet_sums[i].name);
}
