/*
 * render.h - rows as text. A renderer knows no column and no report: what there is
 * to know stands in the column's name, whose ending tells the unit:
 *
 *	_us       a duration in microseconds
 *	_bytes    a number of bytes
 *	_at       a moment: microseconds since the epoch, or RFC 3339 text in UTC
 *	_pct      per cent, 0 to 100
 *	_per_s    a rate; _bytes_per_s one of bytes
 *	_bar      a number to be seen as a bar, the column's greatest being the longest
 *	a plural  a count, as connections; also failed, in, out, count and the like, see
 *	          render_units.c
 *
 * table and markdown are for people: durations and bytes readable, moments in local
 * time; so is html, where each cell has its exact value, too. The others are for programs:
 * numbers as they are, moments in RFC 3339, UTC. No control byte and no invalid UTF-8 of a cell
 * gets through any of them.
 */
#ifndef CONNMON_RENDER_H
#define CONNMON_RENDER_H

#include <stdbool.h>
#include <stdio.h>

#include "err.h"
#include "rows.h"

struct page;

/* What the reader wants and what the output can show. All zero is a file of plain text. */
struct render_style {
	bool utc;    /* moments for people in UTC */
	bool exact;  /* numbers for people with all their digits */
	bool lines;  /* tables have lines of Unicode */
	bool blocks; /* bars are of Unicode's blocks, not of # */
	bool color;
	bool ascii; /* what is not ASCII must not get out: a terminal that knows nothing else */
	int width;  /* of a terminal, for tables; 0: as wide as it gets */
	const struct page *page;       /* around the rows, where a format has room; NULL: nothing */
	size_t max_rows;	       /* the first ones; 0: all */
	const struct changes *changes; /* since they were asked before; NULL: not told */
	struct render_live *live;      /* NULL: these are all rows there are */
};

/* Rows that come in parts, each a render_rows(): the header is written once, and tables have
 * widths that no row changes. All zero before the first; one for all parts. */
struct render_live {
	bool begun;
	int width;    /* for which the header is written */
	char day[16]; /* that stands in it */
};

enum render_unit {
	RENDER_PLAIN,
	RENDER_DURATION,
	RENDER_BYTES,
	RENDER_MOMENT,
	RENDER_PERCENT,
	RENDER_RATE,
	RENDER_BYTE_RATE,
	RENDER_COUNT,
	RENDER_BAR,
};

/* What a renderer works with. */
struct render {
	const struct rows *rows;
	const struct render_style *style;
	FILE *out;
	struct rows_cursor cursor; /* its cells are the row that is being written, */
	size_t row;		   /* this one, from 1 on */
	char *text;		   /* room for any cell's escaped text */
	size_t text_size;
	struct render_column {
		enum render_unit unit;
		bool is_number;	 /* nothing but numbers and NULL */
		double greatest; /* of a bar */
		int bar_width;
	} * columns;
};

struct renderer {
	const char *name; /* the word after --format */
	const char *help;
	bool for_people; /* it calls render_human() */
	/* Writes all rows. stdio remembers a write error, render_rows() asks at the end;
	 * what it returns is about the rows. */
	int (*write)(struct render *r, struct err *err);
};

/* The table of renderers, ending with a NULL name. */
extern const struct renderer renderers[];

/* -EINVAL, with the nearest name, when there is none called @name. */
int render_find(const char *name, const struct renderer **out, struct err *err);

/* Writes all rows to @out and flushes it. -EIO, -ENOSPC ... when that fails; -EPIPE when
 * nobody reads it any more. */
int render_rows(const struct renderer *renderer, const struct rows *rows,
		const struct render_style *style, FILE *out, struct err *err);

/* ---- for the renderers ---- */

/* The next row into r->cursor.cells: 1; 0 behind the last one, or when the output takes no
 * more. And before the first one again. */
int render_next(struct render *r, struct err *err);
void render_rewind(struct render *r);

/* A cell of the row as text in r->text, valid until the next call: for programs, for people. */
const char *render_plain(struct render *r, int column);
const char *render_human(struct render *r, int column);

/* A column's name, escaped, in r->text; for people without what their cells show anyway. */
const char *render_name(struct render *r, int column);
const char *render_human_name(struct render *r, int column);

/* Any text escaped into r->text; it is as long as some cell at most. */
const char *render_escaped(struct render *r, const char *text, size_t len);

/* The moment in a cell of a column of moments. False when it holds something else. */
bool render_moment(const struct cell *cell, int64_t *out_us);

enum render_unit render_unit_of(const char *name);

int render_table(struct render *r, struct err *err);
int render_markdown(struct render *r, struct err *err);
int render_html(struct render *r, struct err *err);
int render_csv(struct render *r, struct err *err);
int render_tsv(struct render *r, struct err *err);
int render_json(struct render *r, struct err *err);
int render_jsonl(struct render *r, struct err *err);
int render_dot(struct render *r, struct err *err);
int render_mermaid(struct render *r, struct err *err);

#endif
