#include "render_color.h"

#include <stddef.h>
#include <string.h>

#define RED    "\x1b[31m"
#define YELLOW "\x1b[33m"
#define GREEN  "\x1b[32m"
#define DIM    "\x1b[2m"

/* A column by the last words of its name; of texts only @value, NULL for any; of numbers what
 * is more than nothing. */
static const struct {
	const char *column, *value, *color;
} meanings[] = {
	{"outcome", "refused", RED},
	{"outcome", "timeout", RED},
	{"outcome", "unreachable", RED},
	{"outcome", "cancelled", RED},
	{"outcome", "no_port", RED},
	{"outcome", "denied", RED},
	{"outcome", "error", RED},
	{"outcome", "reset_by_peer", YELLOW},
	{"outcome", "reset_by_us", YELLOW},
	{"outcome", "timed_out", YELLOW},
	{"outcome", "never_accepted", YELLOW},
	{"outcome", "killed", YELLOW},
	{"outcome", "lost", YELLOW},
	{"outcome", "open", GREEN},
	{"outcome", "connecting", GREEN},
	{"error", NULL, RED},
	{"state", "fail", RED},
	{"state", "warn", YELLOW},
	{"state", "ok", GREEN},
	{"failed", NULL, RED},
	{"failures", NULL, RED},
	{"failed_pct", NULL, RED},
	{"resets", NULL, YELLOW},
	{"retransmits", NULL, YELLOW},
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

const char *color_of(const char *name, const struct cell *cell)
{
	if (cell->type == SQLITE_NULL)
		return DIM;
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (is_column(name, meanings[i].column) && holds(cell, meanings[i].value))
			return meanings[i].color;
	return NULL;
}
