#include "render_fit.h"

#include <stddef.h>

/* What a column is at least, step by step. */
static const struct step {
	bool names_break, common_leaves, close;
	int prose, text, bar, name, address; /* the least width; 0: no less than it has */
} steps[] = {
	{0},
	{.names_break = true},
	{.names_break = true, .common_leaves = true},
	{true, true, false, 40, 0, 0, 0, 0},
	{true, true, false, 24, 0, 5, 7, 0},
	{true, true, false, 24, 14, 5, 7, 0},
	{true, true, true, 24, 14, 5, 7, 0},
	{true, true, true, 20, 8, 5, 4, 0},
	{true, true, true, 16, 6, 5, 4, 0},
	{true, true, true, 16, 6, 5, 4, 15},
};

#define N_STEPS (int)(sizeof(steps) / sizeof(steps[0]))

static int larger(int a, int b)
{
	return a > b ? a : b;
}

static int smaller(int a, int b)
{
	return a < b ? a : b;
}

static int cells(const struct fit_column *c, const struct step *s)
{
	return c->cells - (s->common_leaves ? c->common : 0);
}

static int wanted(const struct fit_column *c, const struct step *s)
{
	return larger(cells(c, s), s->names_break ? c->part : c->header);
}

static int least_of(int width, int least)
{
	return least ? smaller(width, least) : width;
}

static int least(const struct fit_column *c, const struct step *s)
{
	int header = least_of(s->names_break ? c->part : c->header, s->name);
	int body = cells(c, s);

	if (c->kind == FIT_TEXT)
		body = least_of(body, s->text);
	else if (c->kind == FIT_PROSE)
		body = least_of(body, s->prose);
	else if (c->kind == FIT_BAR)
		body = least_of(body, s->bar);
	else if (c->kind == FIT_ADDRESS)
		body = least_of(body, s->address);
	return larger(body, header);
}

/* Addresses and numbers keep their width as long as something else can give. */
static struct fit_column *widest(struct fit *f, const struct step *s)
{
	struct fit_column *out = NULL;

	for (int address = 0; address < 2 && !out; address++)
		for (int i = 0; i <= f->last; i++) {
			struct fit_column *c = &f->columns[i];

			if (!c->hidden && (c->kind == FIT_ADDRESS) == (address == 1) &&
			    c->width > least(c, s) && (!out || c->width > out->width))
				out = c;
		}
	return out;
}

/* What is left over lets names stand on one line. */
static void give(struct fit *f, int left)
{
	for (int i = 0; i <= f->last; i++) {
		int more = f->columns[i].header - f->columns[i].width;

		if (!f->columns[i].hidden && more > 0 && more <= left) {
			f->columns[i].width += more;
			left -= more;
		}
	}
}

/* Whether the columns that are shown fit with all that this step allows. */
static bool fits(struct fit *f, const struct step *s)
{
	struct fit_column *c;
	int sum;

	f->gap = s->close ? f->gap_close : f->gap_wide;
	f->common_in_header = s->common_leaves;
	sum = -f->gap;
	for (int i = 0; i <= f->last; i++) {
		c = &f->columns[i];
		c->width = wanted(c, s);
		if (!c->hidden)
			sum += c->width + f->gap;
	}
	if (!f->limit)
		return true;
	for (; sum > f->limit && (c = widest(f, s)); sum--)
		c->width--;
	give(f, f->limit - sum);
	return sum <= f->limit;
}

/* False: one column is left. */
static bool hide_one(struct fit *f)
{
	int shown = 0, hide = f->last;

	for (int i = 0; i <= f->last; i++)
		shown += !f->columns[i].hidden;
	if (shown == 1)
		return false;
	for (int i = f->last; i >= 0; i--)
		if (!f->columns[i].hidden && f->columns[i].same) {
			hide = i;
			break;
		}
	f->columns[hide].hidden = true;
	while (f->columns[f->last].hidden)
		f->last--;
	return true;
}

void fit_columns(struct fit *f)
{
	f->last = f->n - 1;
	do {
		for (int i = 0; i < N_STEPS; i++)
			if (fits(f, &steps[i]))
				return;
	} while (hide_one(f));
	f->columns[f->last].width = f->limit;
}
