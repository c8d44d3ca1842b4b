#include "quantity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "column.h"

struct unit {
	const char *name;
	double factor;
};

static const struct unit durations[] = {{"us", 1},     {"ms", 1e3},    {"s", 1e6},	{"m", 60e6},
					{"h", 3600e6}, {"d", 86400e6}, {"w", 604800e6}, {0}};
static const struct unit sizes[] = {
	{"B", 1},	   {"K", 1024},		 {"k", 1024}, {"M", 1048576},
	{"G", 1073741824}, {"T", 1099511627776}, {0}};
static const struct unit shares[] = {{"%", 1}, {0}};
static const struct unit counts[] = {{"k", 1e3}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}, {0}};

static const struct {
	const char *ending;
	const struct unit *units;
	bool bytes; /* B or iB may follow */
} kinds[] = {
	{"_us", durations, false},
	{"_bytes", sizes, true},
	{"_pct", shares, false},
	{"", counts, false},
};

static bool find_unit(const char *text, const struct unit *units, bool bytes, double *factor)
{
	*factor = 1;
	if (*text == '\0')
		return true;
	for (const struct unit *u = units; u->name; u++) {
		size_t len = strlen(u->name);
		const char *rest = text + len;

		*factor = u->factor;
		if (strncmp(text, u->name, len) != 0)
			continue;
		if (*rest == '\0' ||
		    (bytes && u->factor > 1 && (!strcmp(rest, "B") || !strcmp(rest, "iB"))))
			return true;
	}
	return false;
}

bool quantity_parse(const char *text, const char *name, double *out)
{
	size_t sign = *text == '-', digits = strspn(text + sign, "0123456789.");
	char *end;
	double factor;
	int kind = 0;

	while (!column_ends_with(name, kinds[kind].ending))
		kind++;
	/* Digits first: strtod() would take blanks, 0x, nan and inf. */
	if (digits == 0 || digits > 18)
		return false;
	*out = strtod(text, &end);
	if (end != text + sign + digits ||
	    !find_unit(end, kinds[kind].units, kinds[kind].bytes, &factor))
		return false;
	*out *= factor;
	return true;
}
