#include "render.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "suggest.h"
#include "timespec.h"

/* To add a format, write render_NAME.c and a row here. */
const struct renderer renderers[] = {
	{"table", "aligned columns, for people", render_table},
	{"markdown", "the same as a Markdown table", render_markdown},
	{"csv", "RFC 4180", render_csv},
	{"tsv", "the same between tabs", render_tsv},
	{"json", "one array of objects", render_json},
	{"jsonl", "one object a line", render_jsonl},
	{0},
};

#define NUMBER_SIZE 64 /* any number, moment or duration as text */

int render_find(const char *name, const struct renderer **out, struct err *err)
{
	struct suggestion s = {.word = name};

	for (const struct renderer *r = renderers; r->name; r++) {
		if (!strcmp(r->name, name)) {
			*out = r;
			return 0;
		}
		suggest_try(&s, r->name);
	}
	return suggest_error(&s, err, "format", "it is table, markdown, csv, tsv, json or jsonl");
}

const struct cell *render_cell(const struct render *r, size_t row, int column)
{
	return &r->rows->cells[row * (size_t)r->rows->n_columns + (size_t)column];
}

static bool ends_with(const char *name, const char *ending)
{
	size_t len = strlen(name), n = strlen(ending);

	return len >= n && !strcmp(name + len - n, ending);
}

static bool is_number_column(const struct render *r, int column)
{
	bool some = false;

	if (ends_with(r->rows->names[column], "_at"))
		return false;
	for (size_t row = 0; row < r->rows->n_rows; row++) {
		int type = render_cell(r, row, column)->type;

		if (type == SQLITE_TEXT || type == SQLITE_BLOB)
			return false;
		some |= type != SQLITE_NULL;
	}
	return some;
}

int render_rows(const struct renderer *renderer, const struct rows *rows, bool utc, FILE *out,
		struct err *err)
{
	struct render r = {.rows = rows, .out = out, .utc = utc};
	int ret = 0;

	r.text_size = ESCAPED_SIZE(rows->longest) + NUMBER_SIZE;
	r.text = malloc(r.text_size);
	r.columns = calloc((size_t)rows->n_columns, sizeof(*r.columns));
	if (!r.text || !r.columns) {
		ret = err_set(err, -ENOMEM, "no memory for the output");
		goto out;
	}
	for (int i = 0; i < rows->n_columns; i++)
		r.columns[i].is_number = is_number_column(&r, i);
	errno = 0;
	renderer->write(&r);
	if (fflush(out) || ferror(out))
		ret = err_set(err, errno ? -errno : -EIO, "writing the output: %s",
			      strerror(errno ? errno : EIO));
out:
	free(r.columns);
	free(r.text);
	return ret;
}

static const char *escaped(struct render *r, const char *text, size_t len)
{
	escape_stored(text, len, r->text, r->text_size);
	return r->text;
}

static const char *hex(struct render *r, const struct cell *cell)
{
	for (uint32_t i = 0; i < cell->len; i++)
		snprintf(r->text + 2 * i, 3, "%02x", (unsigned char)cell->text[i]);
	r->text[2 * cell->len] = '\0';
	return r->text;
}

static const char *stored(struct render *r, const struct cell *cell)
{
	switch (cell->type) {
	case SQLITE_INTEGER:
		snprintf(r->text, r->text_size, "%" PRId64, cell->number);
		return r->text;
	case SQLITE_FLOAT: /* 15 digits and always a point, as sqlite3 shows it */
		return sqlite3_snprintf(NUMBER_SIZE, r->text, "%!.15g", cell->real);
	case SQLITE_TEXT:
		return escaped(r, cell->text, cell->len);
	case SQLITE_BLOB:
		return hex(r, cell);
	default:
		r->text[0] = '\0';
		return r->text;
	}
}

const char *render_plain(struct render *r, size_t row, int column)
{
	const struct cell *cell = render_cell(r, row, column);

	if (cell->type == SQLITE_INTEGER && ends_with(r->rows->names[column], "_at"))
		return timespec_format(cell->number, TIMESPEC_RFC3339, r->text);
	return stored(r, cell);
}

/* Two units at most, cut, not rounded: 59.99 s are not yet 1m00s. */
static void format_duration(int64_t us, char *out, size_t size)
{
	int64_t s = us / US_PER_S;

	if (us < 1000)
		snprintf(out, size, "%" PRId64 "us", us);
	else if (us < US_PER_S)
		snprintf(out, size, "%" PRId64 ".%dms", us / 1000, (int)(us % 1000 / 100));
	else if (s < 60)
		snprintf(out, size, "%" PRId64 ".%ds", s, (int)(us % US_PER_S / 100000));
	else if (s < 3600)
		snprintf(out, size, "%" PRId64 "m%02ds", s / 60, (int)(s % 60));
	else if (s < 86400)
		snprintf(out, size, "%" PRId64 "h%02dm", s / 3600, (int)(s / 60 % 60));
	else
		snprintf(out, size, "%" PRId64 "d%02dh", s / 86400, (int)(s / 3600 % 24));
}

static void format_bytes(int64_t bytes, char *out, size_t size)
{
	const char *unit = "KMGTPE";

	if (bytes < 1024) {
		snprintf(out, size, "%" PRId64, bytes);
		return;
	}
	for (; bytes >= 1024 * 1024; unit++)
		bytes /= 1024;
	snprintf(out, size, "%" PRId64 ".%d%c", bytes / 1024, (int)(bytes % 1024 * 10 / 1024),
		 *unit);
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

static bool moment(const struct cell *cell, int64_t *out)
{
	struct err ignored;

	if (cell->type == SQLITE_INTEGER) {
		*out = cell->number;
		return true;
	}
	/* Only what can be nothing but a moment: with T and Z. */
	return cell->type == SQLITE_TEXT && cell->len >= 20 && cell->len < TIMESPEC_SIZE &&
	       cell->text[10] == 'T' && cell->text[cell->len - 1] == 'Z' &&
	       timespec_parse(cell->text, 0, out, &ignored) == 0;
}

const char *render_human(struct render *r, size_t row, int column)
{
	const struct cell *cell = render_cell(r, row, column);
	const char *name = r->rows->names[column];
	int64_t n;

	if (cell->type == SQLITE_NULL)
		return "-";
	/* Beyond 27 years it is more likely a moment that is called from_us. */
	if (ends_with(name, "_us") && quantity(cell, &n) && n < 10000 * 86400 * US_PER_S) {
		format_duration(n, r->text, r->text_size);
		return r->text;
	}
	if (ends_with(name, "_bytes") && quantity(cell, &n)) {
		format_bytes(n, r->text, r->text_size);
		return r->text;
	}
	if (ends_with(name, "_at") && moment(cell, &n))
		return timespec_format(n, r->utc ? TIMESPEC_UTC : TIMESPEC_LOCAL, r->text);
	return stored(r, cell);
}

const char *render_name(struct render *r, int column)
{
	const char *name = r->rows->names[column];

	return escaped(r, name, strlen(name));
}

const char *render_human_name(struct render *r, int column)
{
	const char *name = r->rows->names[column];

	return escaped(r, name, strlen(name) - (ends_with(name, "_us") ? 3 : 0));
}

int render_width(const char *text)
{
	int width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text >> 6) != 2; /* not a continuation byte */
	return width;
}
