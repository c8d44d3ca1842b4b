/*
 * chart.h - charts as SVG within a page (page.h). All is laid out here: a chart needs no script,
 * prints, and is as large as what is in it. What the scripts add: story.js shows the <title> of
 * what is pointed at, and dims what is not of the party that was clicked on.
 *
 * Numbers may be anything that fits in 64 bits, moments anything that timespec.h calls one: no
 * chart draws outside its box. Texts are any bytes, and are escaped here.
 *
 * None of the functions fails: stdio remembers a write error.
 */
#ifndef CONNMON_CHART_H
#define CONNMON_CHART_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "render.h"

/* ---- axes ---- */

/* Where the data is drawn, in units of the SVG. */
struct chart_box {
	double left, top, width, height;
};

/* From 0 at the bottom to @top, which is a multiple of @step. */
struct chart_axis {
	double top, step;
	enum render_unit unit;
};

/* Round steps, three to six of them, up to at least @greatest; of nothing, one up to 1. */
struct chart_axis chart_axis_of(double greatest, enum render_unit unit);

/* Where @value is; what is beyond the axis, at its end. */
double chart_y(const struct chart_axis *axis, const struct chart_box *box, double value);

/* A window where nothing may be known of. */
struct chart_band {
	int64_t from_us, to_us;
	char text[160]; /* why */
};

/* A window of time from left to right. */
struct chart_span {
	int64_t since_us, until_us;
	bool utc; /* round times are those of UTC, not of the local clock */
	const struct chart_band *bands;
	int n_bands;
};

double chart_x(const struct chart_span *span, const struct chart_box *box, int64_t us);

#define CHART_MOMENTS_MAX 12

/* Round moments in @span, in order: how many. They are those of the clock that it goes by, the
 * same time of day also when that clock is changed meanwhile. */
int chart_moments(const struct chart_span *span, int64_t out[CHART_MOMENTS_MAX]);

#define CHART_LABEL_SIZE 40

/* A number as an axis has it, short: 20k, 1.5M; of bytes 64K; of time 10ms. */
void chart_label(double value, enum render_unit unit, char out[CHART_LABEL_SIZE]);

/* A number as a reader wants it: 1,234 connections, 1.5M. */
void chart_quantity(int64_t value, enum render_unit unit, char out[CHART_LABEL_SIZE]);

/* Lines and labels of both kinds of axes; the bands, behind the data or over it. */
void chart_put_axis(FILE *out, const struct chart_axis *axis, const struct chart_box *box);
void chart_put_moments(FILE *out, const struct chart_span *span, const struct chart_box *box);
void chart_put_bands(FILE *out, const struct chart_span *span, const struct chart_box *box);

/* ---- text ---- */

/* At most @places wide, the rest an ellipsis; isolated, so that what reads from right to left
 * does not turn what stands beside it. */
void chart_put_text(FILE *out, const char *text, int places);

/* ---- charts ---- */

struct chart_series {
	const char *name;
	const char *kind; /* a class of story.css, which colours it */
	const int64_t *values;
};

#define CHART_SERIES_MAX 8

/* Columns over time, the series upon each other. */
struct chart_columns {
	struct chart_span span;
	enum render_unit unit;
	const char *summary; /* for who does not see it */
	const char *noun;    /* what all series together are: "connections"; NULL: nothing */
	bool has_rest;	     /* the first series is what is none of the others */
	int64_t every_us;    /* how long a column is */
	const int64_t *begins_us;
	int n_columns;
	struct chart_series series[CHART_SERIES_MAX];
	int n_series;
};

void chart_columns(FILE *out, const struct chart_columns *chart);

/* What the colours of @chart mean; and its bands, if there are some. */
void chart_columns_legend(FILE *out, const struct chart_columns *chart);

/* How many took how long, on a logarithmic scale: number i from bounds_us[i] until less than
 * bounds_us[i + 1]. */
struct chart_histogram {
	const char *summary;
	const int64_t *bounds_us; /* n + 1; rising; the first may be 0 */
	const int64_t *counts;
	int n;
	struct {
		const char *name;
		int64_t us;
	} marks[4];
	int n_marks;
};

void chart_histogram(FILE *out, const struct chart_histogram *chart);

/* Connections as lines from their begin to their end. */
struct chart_life {
	const char *name, *said; /* beside it; of it */
	char lasted[CHART_LABEL_SIZE];
	int64_t from_us, to_us;
	bool is_open;
};

struct chart_lives {
	struct chart_span span;
	const char *summary;
	const struct chart_life *lives;
	int n;
};

void chart_lives(FILE *out, const struct chart_lives *chart);

/* Bars, one beneath the other: no SVG but for the bar, as a name may be any length. */
struct chart_bar {
	const char *name, *said;
	const char *attributes; /* for scripts, ready to print; "": it is no button */
	const char *kind;	/* NULL: that of the chart */
	int64_t value;
	int64_t bad; /* of it */
};

struct chart_bars {
	const char *summary;
	const char *kind; /* a class of story.css */
	enum render_unit unit;
	const struct chart_bar *bars;
	int n;
};

void chart_bars(FILE *out, const struct chart_bars *chart);

/* A map of up to three ranks of nodes, and links from left to right between neighbours. */
struct chart_node {
	const char *name, *said;
	const char *attributes; /* for scripts, ready to print */
	bool is_button;
	int rank;	    /* 0 to 2 */
	int64_t in, out;    /* sums of the links */
	double top, height; /* chart_map_layout() finds them */
};

struct chart_link {
	int from, to; /* nodes */
	int64_t n;
	bool is_bad, is_rest; /* of no party in particular */
	const char *said, *attributes;
	double from_top, from_height, to_top, to_height; /* likewise */
};

struct chart_map {
	const char *summary;
	const char *ranks[3]; /* what they are called; NULL: there is none */
	struct chart_node *nodes;
	int n_nodes;
	struct chart_link *links; /* in the order of their ends is best */
	int n_links;
	double height; /* likewise */
};

#define CHART_MAP_WIDTH 1000

void chart_map_layout(struct chart_map *map);
void chart_map(FILE *out, struct chart_map *map);

#endif
