/* render_table_measure.c - how wide the columns of a table are, and what they hold. */
#include "render_table.h"

#include <errno.h>
#include <string.h>

#include "width.h"

static bool is_address(const char *text)
{
	return text[strspn(text, "0123456789abcdefABCDEF.:/[]%")] == '\0' &&
	       strpbrk(text, ".:") != NULL;
}

/* Five words and more, and no list of names. */
static bool is_prose(const char *text)
{
	int gaps = 0;

	for (const char *p = text; *p; p++)
		gaps += *p == ' ' && p > text && p[-1] != ',';
	return gaps >= 4;
}

/* How much of the begin all moments so far have in common. */
static int common_of(const char *a, const char *b)
{
	return !strncmp(a, b, DAY_PLACES)    ? DAY_PLACES
	       : !strncmp(a, b, YEAR_PLACES) ? YEAR_PLACES
					     : 0;
}

static int measure_moment(struct table *t, int i, const char *text, struct err *err)
{
	struct table_column *c = &t->columns[i];
	struct fit_column *f = &t->fit.columns[i];
	int64_t us;
	int common;

	c->only_moments &= render_moment(&t->r->cursor.cells[i], &us);
	if (!c->only_moments)
		return 0;
	if (!c->moment) {
		f->common = DAY_PLACES;
		c->moment = strdup(text);
		return c->moment ? 0 : err_set(err, -ENOMEM, "no memory for the output");
	}
	common = common_of(c->moment, text);
	if (common < f->common)
		f->common = common;
	return 0;
}

static int measure_cell(struct table *t, int i, struct err *err)
{
	struct render *r = t->r;
	struct table_column *c = &t->columns[i];
	struct fit_column *f = &t->fit.columns[i];
	const char *text = render_human(r, i);
	int width = width_of(text);

	if (!c->first && !(c->first = strdup(text)))
		return err_set(err, -ENOMEM, "no memory for the output");
	if (width > f->cells)
		f->cells = width;
	f->same &= !strcmp(c->first, text);
	if (r->cursor.cells[i].type == SQLITE_NULL)
		return 0;
	c->only_addresses &= is_address(text);
	c->some_prose |= is_prose(text);
	return measure_moment(t, i, text, err);
}

int table_widest_part(const char *name)
{
	int widest = 0;

	for (const char *p = name; *p;) {
		size_t len = strcspn(p, "_");
		int width = width_of_bytes(p, len);

		if (width > widest)
			widest = width;
		p += len + strspn(p + len, "_");
	}
	return widest ? widest : width_of(name);
}

static int measure_rows(struct table *t, struct err *err)
{
	struct render *r = t->r;
	int ret;

	for (int i = 0; i < t->fit.n; i++) {
		struct table_column *c = &t->columns[i];

		c->name = strdup(render_human_name(r, i));
		if (!c->name)
			return err_set(err, -ENOMEM, "no memory for the output");
		t->fit.columns[i].header = width_of(c->name);
		t->fit.columns[i].part = table_widest_part(c->name);
		c->only_addresses = true;
		t->fit.columns[i].same = true;
		c->only_moments = r->columns[i].unit == RENDER_MOMENT;
	}
	while ((ret = render_next(r, err)) > 0) {
		for (int i = 0; i < t->fit.n && ret > 0; i++)
			if (measure_cell(t, i, err))
				return err->code;
	}
	render_rewind(r);
	return ret;
}

static void find_kinds(struct table *t)
{
	struct render *r = t->r;

	for (int i = 0; i < t->fit.n; i++) {
		struct table_column *c = &t->columns[i];
		struct fit_column *f = &t->fit.columns[i];

		if (!c->only_moments)
			f->common = 0;
		if (f->common && f->part < f->common - 1)
			f->part = f->common - 1;
		f->kind = r->columns[i].unit == RENDER_BAR	       ? FIT_BAR
			  : r->columns[i].is_number || c->only_moments ? FIT_NUMBER
			  : c->only_addresses			       ? FIT_ADDRESS
			  : c->some_prose			       ? FIT_PROSE
								       : FIT_TEXT;
	}
}

void table_fit(struct table *t)
{
	struct render *r = t->r;

	t->fit.limit = r->style->width;
	t->fit.gap_wide = r->style->lines ? 3 : 2;
	t->fit.gap_close = 1;
	fit_columns(&t->fit);
	while (t->fit.columns[t->first].hidden)
		t->first++;
	for (int i = 0; i <= t->fit.last; i++)
		if (r->columns[i].unit == RENDER_BAR && t->fit.columns[i].width < 20)
			r->columns[i].bar_width = t->fit.columns[i].width;
}

int table_measure(struct table *t, struct err *err)
{
	int ret = measure_rows(t, err);

	if (ret)
		return ret;
	find_kinds(t);
	table_fit(t);
	return 0;
}
