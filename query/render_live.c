/* render_live.c - a table whose rows are not known when its first line is written: columns are
 * as wide as what they mostly hold. What is wider than that is shortened on a terminal, but never
 * a number; elsewhere it is written whole and moves the rest of its line. */
#include "render_live.h"

#include <errno.h>
#include <string.h>

#include "column.h"
#include "width.h"

/* Of IPv4 and of IPv6, and from which width on a terminal has room for that. */
#define ADDRESS_CELLS  15
#define ADDRESS6_CELLS 39
#define ADDRESS6_WIDTH 160

static const struct usual {
	const char *name;
	int cells;
	bool is_number, gives_way;
} usual[] = {
	{"outcome", 14, false, false},	  {"direction", 3, false, false},
	{"comm", 15, false, true},	  {"pid", 7, true, false},
	{"service_port", 5, true, false}, {"error", 12, false, false},
	{"id", 16, true, false},
};

static const struct usual *find(const char *name)
{
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (!strcmp(usual[i].name, name))
			return &usual[i];
	return NULL;
}

bool live_is_number(const char *name, enum render_unit unit)
{
	const struct usual *u = find(name);

	return u ? u->is_number : unit != RENDER_PLAIN && unit != RENDER_MOMENT;
}

static int cells_of(const struct render *r, int i)
{
	const struct usual *u = find(r->rows->names[i]);

	if (u)
		return u->cells;
	if (r->columns[i].unit == RENDER_MOMENT)
		return r->style->utc ? 24 : 23;
	if (column_ends_with(r->rows->names[i], "_addr"))
		return r->style->width >= ADDRESS6_WIDTH ? ADDRESS6_CELLS : ADDRESS_CELLS;
	return r->columns[i].is_number ? 7 : 20;
}

static int name_column(struct table *t, int i, struct err *err)
{
	struct render *r = t->r;
	struct fit_column *f = &t->fit.columns[i];
	const char *name = r->rows->names[i];
	const struct usual *u = find(name);

	t->columns[i].name = strdup(render_human_name(r, i));
	if (!t->columns[i].name)
		return err_set(err, -ENOMEM, "no memory for the output");
	f->header = width_of(t->columns[i].name);
	f->part = table_widest_part(t->columns[i].name);
	f->cells = cells_of(r, i);
	if (u && f->part > u->cells) /* there are short forms */
		f->part = u->cells;
	f->kind = column_ends_with(name, "_addr") ? FIT_ADDRESS
		  : u				  ? (u->gives_way ? FIT_TEXT : FIT_NUMBER)
		  : r->columns[i].is_number	  ? FIT_NUMBER
						  : FIT_TEXT;
	if (r->columns[i].unit != RENDER_MOMENT)
		return 0;
	f->kind = FIT_NUMBER;
	f->common = DAY_PLACES;
	if (f->part < DAY_PLACES - 1)
		f->part = DAY_PLACES - 1;
	return 0;
}

int live_measure(struct table *t, struct err *err)
{
	for (int i = 0; i < t->fit.n; i++)
		if (name_column(t, i, err))
			return err->code;
	table_fit(t);
	return 0;
}

const char *live_new_day(struct table *t)
{
	struct render *r = t->r;
	struct render_live *live = r->style->live;
	int64_t us;

	for (int i = 0; t->fit.common_in_header && i < t->fit.n; i++) {
		const char *text;

		if (!t->fit.columns[i].common || !render_moment(&r->cursor.cells[i], &us))
			continue;
		text = render_human(r, i);
		if (!strncmp(text, live->day, DAY_PLACES - 1))
			return NULL;
		snprintf(live->day, sizeof(live->day), "%.*s", DAY_PLACES - 1, text);
		return live->day;
	}
	return NULL;
}
