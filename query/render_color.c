#include "render_color.h"

#include <stddef.h>
#include <string.h>

/* A column by the last words of its name; of texts only @value, NULL for any; of numbers what
 * is more than nothing. */
static const struct {
	const char *column, *value;
	enum tone tone;
} meanings[] = {
	{"outcome", "refused", TONE_BAD},
	{"outcome", "timeout", TONE_BAD},
	{"outcome", "unreachable", TONE_BAD},
	{"outcome", "cancelled", TONE_BAD},
	{"outcome", "no_port", TONE_BAD},
	{"outcome", "denied", TONE_BAD},
	{"outcome", "error", TONE_BAD},
	{"outcome", "reset_by_peer", TONE_WARN},
	{"outcome", "reset_by_us", TONE_WARN},
	{"outcome", "timed_out", TONE_WARN},
	{"outcome", "never_accepted", TONE_WARN},
	{"outcome", "killed", TONE_WARN},
	{"outcome", "lost", TONE_WARN},
	{"outcome", "open", TONE_GOOD},
	{"outcome", "connecting", TONE_GOOD},
	{"error", NULL, TONE_BAD},
	{"state", "fail", TONE_BAD},
	{"state", "warn", TONE_WARN},
	{"state", "ok", TONE_GOOD},
	{"failed", NULL, TONE_BAD},
	{"failures", NULL, TONE_BAD},
	{"failed_pct", NULL, TONE_BAD},
	{"resets", NULL, TONE_WARN},
	{"retransmits", NULL, TONE_WARN},
};

static bool is_column(const char *name, const char *ending)
{
	size_t len = strlen(name), n = strlen(ending);

	return len >= n && !strcmp(name + len - n, ending) &&
	       (len == n || name[len - n - 1] == '_');
}

static bool holds(const struct cell *cell, const char *value)
{
	switch (cell->type) {
	case SQLITE_INTEGER:
		return !value && cell->number > 0;
	case SQLITE_FLOAT:
		return !value && cell->real > 0;
	case SQLITE_TEXT:
		return !value || (cell->len == strlen(value) && !strcmp(cell->text, value));
	default:
		return false;
	}
}

enum tone tone_of(const char *name, const struct cell *cell)
{
	if (cell->type == SQLITE_NULL)
		return TONE_FAINT;
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (is_column(name, meanings[i].column) && holds(cell, meanings[i].value))
			return meanings[i].tone;
	return TONE_USUAL;
}

const char *color_of(const char *name, const struct cell *cell)
{
	static const char *const colors[] = {
		[TONE_USUAL] = NULL,	  [TONE_BAD] = "\x1b[31m",  [TONE_WARN] = "\x1b[33m",
		[TONE_GOOD] = "\x1b[32m", [TONE_FAINT] = "\x1b[2m",
	};

	return colors[tone_of(name, cell)];
}
