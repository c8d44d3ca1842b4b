/*
 * render.h - rows as text. A renderer knows no column and no report: what there is
 * to know stands in the column's name, whose ending tells the unit:
 *
 *	_us     a duration in microseconds
 *	_bytes  a number of bytes
 *	_at     a moment: microseconds since the epoch, or RFC 3339 text in UTC
 *
 * table and markdown are for people: durations and bytes readable, moments in local
 * time. The others are for programs: numbers as they are, moments in RFC 3339, UTC.
 * No control byte and no invalid UTF-8 of a cell gets through any of them.
 */
#ifndef CONNMON_RENDER_H
#define CONNMON_RENDER_H

#include <stdbool.h>
#include <stdio.h>

#include "err.h"
#include "rows.h"

/* What a renderer works with. */
struct render {
	const struct rows *rows;
	FILE *out;
	bool utc;   /* moments for people in UTC */
	char *text; /* room for any cell's escaped text */
	size_t text_size;
	struct render_column {
		bool is_number; /* nothing but numbers and NULL */
		int width;	/* for the renderer's own use, 0 at the start */
	} * columns;
};

struct renderer {
	const char *name; /* the word after --format */
	const char *help;
	/* Cannot fail: stdio remembers a write error, render_rows() asks at the end. */
	void (*write)(struct render *r);
};

/* The table of renderers, ending with a NULL name. */
extern const struct renderer renderers[];

/* -EINVAL, with the nearest name, when there is none called @name. */
int render_find(const char *name, const struct renderer **out, struct err *err);

/* Writes all rows to @out and flushes it. -EIO, -ENOSPC ... when that fails. */
int render_rows(const struct renderer *renderer, const struct rows *rows, bool utc, FILE *out,
		struct err *err);

/* ---- for the renderers ---- */

/* A cell as text in r->text, valid until the next call: for programs, for people. */
const char *render_plain(struct render *r, size_t row, int column);
const char *render_human(struct render *r, size_t row, int column);

/* A column's name, escaped, in r->text; for people without a _us, as their durations
 * carry their unit. */
const char *render_name(struct render *r, int column);
const char *render_human_name(struct render *r, int column);

const struct cell *render_cell(const struct render *r, size_t row, int column);

/* How many places @text, which is valid UTF-8, takes on a terminal. */
int render_width(const char *text);

void render_table(struct render *r);
void render_markdown(struct render *r);
void render_csv(struct render *r);
void render_tsv(struct render *r);
void render_json(struct render *r);
void render_jsonl(struct render *r);

#endif
