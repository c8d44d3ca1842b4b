/* render_units.c - cells as people read them, after the unit that the column's name tells. */
#include "render.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "changes.h"
#include "column.h"
#include "human.h"
#include "timespec.h"

/* What is counted is a plural (connections, tx_packets, peers) or one of a few words. Of
 * anything else, like pid, port or id, the digits are a name, which nobody wants to see
 * grouped; so it is when in doubt. */
static bool is_count(const char *name)
{
	static const char *const words[] = {"failed", "in",    "out",	 "count", "n",
					    "total",  "new",   "open",	 "lost",  "refused",
					    "before", "after", "change", "grown", "gone"};
	const char *word = strrchr(name, '_') ? strrchr(name, '_') + 1 : name;
	size_t len = strlen(word);

	if (!strncmp(name, "count(", 6) || !strncmp(name, "sum(", 4))
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(word, words[i]))
			return true;
	return len > 3 && word[len - 1] == 's' && word[len - 2] != 's' &&
	       strcmp(word, "netns") != 0;
}

enum render_unit render_unit_of(const char *name)
{
	static const struct {
		const char *ending;
		enum render_unit unit;
	} endings[] = {
		{"_us", RENDER_DURATION}, {"_bytes_per_s", RENDER_BYTE_RATE},
		{"_per_s", RENDER_RATE},  {"_bytes", RENDER_BYTES},
		{"_at", RENDER_MOMENT},	  {"_pct", RENDER_PERCENT},
		{"_bar", RENDER_BAR},
	};

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (column_ends_with(name, endings[i].ending))
			return endings[i].unit;
	if (!strcmp(name, "bytes_per_s"))
		return RENDER_BYTE_RATE;
	return is_count(name) ? RENDER_COUNT : RENDER_PLAIN;
}

const char *render_human_name(struct render *r, int column)
{
	const char *name = r->rows->names[column];
	size_t len = strlen(name);

	switch (r->columns[column].unit) {
	case RENDER_DURATION: /* its cells carry their unit */
		return render_escaped(r, name, len - (r->style->exact ? 0 : strlen("_us")));
	case RENDER_BAR:
		return render_escaped(r, name, len - strlen("_bar"));
	default:
		return render_escaped(r, name, len);
	}
}

/* The cell as a number that a unit can go with. */
static bool quantity(const struct cell *cell, int64_t *out)
{
	if (cell->type == SQLITE_INTEGER)
		*out = cell->number;
	else if (cell->type == SQLITE_FLOAT && fabs(cell->real) < 9e18)
		*out = (int64_t)cell->real;
	else
		return false;
	return *out >= 0;
}

bool render_moment(const struct cell *cell, int64_t *out_us)
{
	struct err ignored;

	if (cell->type == SQLITE_INTEGER) {
		*out_us = cell->number;
		return true;
	}
	/* Only what can be nothing but a moment: with T and Z. */
	return cell->type == SQLITE_TEXT && cell->len >= 20 && cell->len < TIMESPEC_SIZE &&
	       cell->text[10] == 'T' && cell->text[cell->len - 1] == 'Z' &&
	       timespec_parse(cell->text, 0, out_us, &ignored) == 0;
}

/* Three decimals at most, none for nothing; small and large ones with six digits. */
static void put_real(double x, int decimals, char *out, size_t size)
{
	char *end;

	if (x != 0 && isfinite(x) && (fabs(x) < 0.001 || fabs(x) >= 1e15)) {
		sqlite3_snprintf((int)size, out, "%.6g", x);
		return;
	}
	sqlite3_snprintf((int)size, out, "%.*f", decimals, x);
	if (!strchr(out, '.'))
		return;
	end = out + strlen(out);
	while (end[-1] == '0')
		*--end = '\0';
	if (end[-1] == '.')
		*--end = '\0';
}

static void put_rate(double x, char *out, size_t size)
{
	if (fabs(x) < 9.995)
		sqlite3_snprintf((int)size, out, "%.2f", x);
	else if (fabs(x) < 999.95)
		sqlite3_snprintf((int)size, out, "%.1f", x);
	else if (fabs(x) < 9e18)
		human_count((int64_t)llround(x), out, size);
	else
		sqlite3_snprintf((int)size, out, "%.6g", x);
}

/* In eighths of a place, or in halves: "#" and, for the half, "-". What is there is seen. */
static const char *put_bar(struct render *r, const struct render_column *c, double value)
{
	static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	bool blocks = r->style->blocks;
	int parts = blocks ? 8 : 2, filled;
	char *p = r->text;

	*p = '\0';
	if (!(value > 0) || !(c->greatest > 0))
		return r->text;
	filled = (int)lround(fmin(value / c->greatest, 1) * c->bar_width * parts);
	if (filled == 0)
		filled = 1;
	for (int i = 0; i < filled / parts; i++)
		p = stpcpy(p, blocks ? "█" : "#");
	strcpy(p, filled % parts == 0 ? "" : blocks ? eighths[filled % parts] : "-");
	return r->text;
}

static const char *human_number(struct render *r, const struct render_column *c,
				const struct cell *cell, double value)
{
	char *out = r->text;
	size_t size = 64;
	int64_t n;
	bool whole = quantity(cell, &n);

	switch (c->unit) {
	case RENDER_DURATION: /* beyond 27 years it is more likely a moment called from_us */
		if (!whole || n >= 10000 * 86400 * US_PER_S)
			break;
		human_duration(n, out, size);
		return out;
	case RENDER_BYTES:
	case RENDER_BYTE_RATE:
		if (!whole)
			break;
		human_bytes(n, out, size);
		return out;
	case RENDER_PERCENT:
		sqlite3_snprintf((int)size, out, "%.1f", value);
		return out;
	case RENDER_RATE:
		put_rate(value, out, size);
		return out;
	case RENDER_COUNT:
		if (cell->type != SQLITE_INTEGER)
			break;
		human_count(cell->number, out, size);
		return out;
	default:
		break;
	}
	if (cell->type == SQLITE_FLOAT) {
		put_real(cell->real, 3, out, size);
		return out;
	}
	return NULL;
}

static const char *human(struct render *r, int column)
{
	const struct cell *cell = &r->cursor.cells[column];
	const struct render_column *c = &r->columns[column];
	bool number = cell->type == SQLITE_INTEGER || cell->type == SQLITE_FLOAT;
	double value = cell->type == SQLITE_INTEGER ? (double)cell->number : cell->real;
	const char *text;
	int64_t us;

	if (cell->type == SQLITE_NULL)
		return "-";
	if (c->unit == RENDER_MOMENT && render_moment(cell, &us))
		return timespec_format(us, timespec_for_people(r->style->utc), r->text);
	if (c->unit == RENDER_BAR && number)
		return put_bar(r, c, value);
	text = number && !r->style->exact ? human_number(r, c, cell, value) : NULL;
	return text ? text : render_plain(r, column);
}

const char *render_human(struct render *r, int column)
{
	const char *text = human(r, column);
	const struct changes *changes = r->style->changes;

	if (!changes || !r->columns[column].is_number)
		return text;
	if (text != r->text) /* the - of NULL */
		text = strcpy(r->text, text);
	strncat(r->text, changes_text(changes, r->row - 1, column),
		r->text_size - strlen(text) - 1);
	return text;
}
