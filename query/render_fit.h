/*
 * render_fit.h - how wide the columns of a table are on a terminal of some width.
 *
 * What is too wide gives way in this order, each step only if it is needed:
 *  1. names stand on several lines, broken at their underscores
 *  2. moments of one day, or of one year, leave that to the column's head
 *  3. prose takes several lines; texts and bars are shortened, the widest first, and names
 *     (to a form that everybody knows, if there is one)
 *  4. columns stand closer
 *  5. texts are shortened more, and then more
 *  6. addresses are shortened, down to the width of one of IPv4
 *  7. columns that hold the same in every row are not shown, and then the last ones
 * Numbers and moments are never shortened.
 */
#ifndef CONNMON_RENDER_FIT_H
#define CONNMON_RENDER_FIT_H

#include <stdbool.h>

/* Prose may take several lines. */
enum fit_kind { FIT_TEXT, FIT_NUMBER, FIT_ADDRESS, FIT_BAR, FIT_PROSE };

struct fit_column {
	enum fit_kind kind;
	int cells;  /* the widest */
	int header; /* its name on one line */
	int part;   /* the widest part of its name */
	int common; /* places that day or year take in each cell, if they can leave it; else 0 */
	bool same;  /* in all rows */

	/* the answer */
	bool hidden;
	int width;
};

struct fit {
	struct fit_column *columns;
	int n;
	int limit;		 /* places there are; 0: no limit */
	int gap_wide, gap_close; /* between columns */

	/* the answer */
	int gap, last; /* the last column that is shown */
	bool common_in_header;
};

void fit_columns(struct fit *fit);

#endif
