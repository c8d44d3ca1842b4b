#include "guess.h"

#include <ctype.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "functions.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Up to four numbers between dots, "*" for whatever follows; what comes after them is left
 * in *@rest. Returns how many, -1 when it is something else. */
static int take_octets(const char *text, unsigned octets[4], const char **rest)
{
	int n = 0, used;

	while (n < 4 && sscanf(text, "%3u%n", &octets[n], &used) == 1 && isdigit(text[0])) {
		if (octets[n++] > 255)
			return -1;
		text += used;
		if (*text != '.')
			break;
		text++;
	}
	while (*text == '*' || (*text == '.' && n < 4))
		text++;
	*rest = text;
	return n ? n : -1;
}

bool guess_network(const char *text, char out[GUESS_SIZE])
{
	unsigned octets[4] = {0}, bits, port;
	const char *rest;
	struct network net;
	char end;
	int n = take_octets(text, octets, &rest);

	if (n < 0 && (*text == '[' || strchr(text, '%'))) {
		text += *text == '[';
		snprintf(out, GUESS_SIZE, "%.*s", (int)strcspn(text, "]%/"), text);
		return network_parse(out, &net);
	}
	if (n < 0)
		return false;
	if (sscanf(rest, "/%3u%c", &bits, &end) == 1)
		bits = bits < 32 ? bits : 32;
	else if (*rest == '\0' || (n == 4 && sscanf(rest, ":%5u%c", &port, &end) == 1))
		bits = 8 * (unsigned)n;
	else
		return false;
	n = snprintf(out, GUESS_SIZE, "%u.%u.%u.%u", octets[0], octets[1], octets[2], octets[3]);
	if (bits < 32 || *rest == '/')
		snprintf(out + n, GUESS_SIZE - (size_t)n, "/%u", bits);
	return network_parse(out, &net);
}

static const struct unit {
	char letter;
	int64_t s;
	const char *names[5];
} units[] = {
	{'w', 604800, {"w", "week", "weeks"}},
	{'d', 86400, {"d", "day", "days"}},
	{'h', 3600, {"h", "hr", "hrs", "hour", "hours"}},
	{'m', 60, {"m", "min", "mins", "minute", "minutes"}},
	{'s', 1, {"s", "sec", "secs", "second", "seconds"}},
};

static const struct unit *find_unit(const char *word, size_t len)
{
	for (size_t u = 0; u < COUNT(units); u++)
		for (size_t i = 0; i < COUNT(units[u].names) && units[u].names[i]; i++)
			if (strlen(units[u].names[i]) == len &&
			    !strncasecmp(units[u].names[i], word, len))
				return &units[u];
	return NULL;
}

static const char *skip_blanks(const char *text)
{
	return text + strspn(text, " ");
}

/* NUMBER UNIT, once or more, and perhaps "ago". */
bool guess_duration(const char *text, char out[GUESS_SIZE])
{
	int64_t sum_s = 0;
	unsigned n;
	int used;

	text = skip_blanks(text);
	while (isdigit(*text) && sscanf(text, "%5u%n", &n, &used) == 1) {
		const char *word = skip_blanks(text + used);
		size_t len = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
		const struct unit *unit = find_unit(word, len);

		if (!unit)
			return false;
		sum_s += n * unit->s;
		text = skip_blanks(word + len);
	}
	if (sum_s == 0 || (*text && strcasecmp(text, "ago") != 0))
		return false;
	for (size_t u = 0; u < COUNT(units); u++) {
		if (sum_s % units[u].s != 0)
			continue;
		snprintf(out, GUESS_SIZE, "%" PRId64 "%c", sum_s / units[u].s, units[u].letter);
		return true;
	}
	return false;
}

bool guess_port(const char *text, char out[GUESS_SIZE])
{
	char name[32];
	const struct servent *service;
	size_t len = strlen(text);

	if (len == 0 || len >= sizeof(name))
		return false;
	for (size_t i = 0; i <= len; i++)
		name[i] = (char)tolower((unsigned char)text[i]);
	service = getservbyname(name, "tcp");
	if (service)
		snprintf(out, GUESS_SIZE, "%u", ntohs((uint16_t)service->s_port));
	return service;
}
