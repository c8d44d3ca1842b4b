/* render_table.h - the parts of the renderer of tables: measuring and writing. */
#ifndef CONNMON_RENDER_TABLE_H
#define CONNMON_RENDER_TABLE_H

#include "render.h"
#include "render_fit.h"

/* Of a moment: "2026-01-31 ". */
#define DAY_PLACES  11
#define YEAR_PLACES 5

struct table {
	struct render *r;
	struct fit fit;
	const char *shortened; /* what stands for what has no room */
	int first;	       /* the first column that is shown */
	struct table_column {
		char *name;
		char *rest;   /* of the name, while the header is written */
		char *first;  /* cell; NULL before it is known */
		char *moment; /* the first; likewise */
		bool done;    /* all of the cell is written */
		size_t at;    /* what is written of the cell, which may take several lines */
		bool only_moments, only_addresses, some_prose;
	} * columns;
};

/* Reads all rows once and decides how wide each column is. */
int table_measure(struct table *t, struct err *err);

/* Decides it by what is measured, in t->fit.columns. */
void table_fit(struct table *t);

/* The widest part of a name between its underscores. */
int table_widest_part(const char *name);

#endif
