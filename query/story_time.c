/* story_time.c - what is over time, and where that has holes. */
#include "story_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"
#include "timespec.h"

/* ---- holes ---- */

static const char *moment(const struct story_page *p, int64_t us, char out[TIMESPEC_SIZE])
{
	return timespec_format_s(us, timespec_for_people(p->story->q->utc), out);
}

static void add_band(struct story_page *p, int64_t from_us, int64_t to_us, const char *why)
{
	struct chart_band *band = &p->bands[p->span.n_bands];
	char from[TIMESPEC_SIZE], to[TIMESPEC_SIZE];

	if (to_us < p->span.since_us || from_us >= p->span.until_us)
		return;
	band->from_us = from_us;
	band->to_us = to_us;
	snprintf(band->text, sizeof(band->text), "%s to %s: %s", moment(p, from_us, from),
		 moment(p, to_us, to), why);
	p->span.n_bands++;
}

/* What no gap tells of: before the history begins, and after its last word. */
static void add_ends(struct story_page *p)
{
	const struct coverage *c = &p->story->coverage;
	const int64_t until_us =
		p->span.until_us < p->story->q->now_us ? p->span.until_us : p->story->q->now_us;

	if (p->span.since_us < c->begin_us)
		add_band(p, p->span.since_us, c->begin_us, "nothing was recorded yet");
	if (p->span.since_us < c->rows_from_us && c->rows_from_us >= c->begin_us)
		add_band(p, p->span.since_us, c->rows_from_us, "deleted since (--retain)");
	if (c->last_write_us && coverage_ends_before(c, until_us))
		add_band(p, c->last_write_us, until_us, "no collector is running");
}

static int add_gaps(struct story_page *p, struct rows_cursor *cursor)
{
	int ret;

	while ((ret = rows_next(cursor, p->err)) > 0) {
		const struct cell *reason = rows_cell(cursor, "reason");
		const int64_t lost = rows_number(cursor, "count");
		int64_t from_us, to_us;
		char why[100];

		if (!render_moment(rows_cell(cursor, "from_at"), &from_us) ||
		    !render_moment(rows_cell(cursor, "to_at"), &to_us))
			continue;
		snprintf(why, sizeof(why), "gap: %.40s",
			 reason->type == SQLITE_TEXT ? reason->text : "");
		if (lost)
			snprintf(why + strlen(why), sizeof(why) - strlen(why), ", %lld lost",
				 (long long)lost);
		add_band(p, from_us, to_us, why);
	}
	return ret;
}

static int by_begin(const void *a, const void *b)
{
	const int64_t x = ((const struct chart_band *)a)->from_us;
	const int64_t y = ((const struct chart_band *)b)->from_us;

	return (x > y) - (x < y);
}

int story_bands(struct story_page *p)
{
	const struct request *q = p->story->q;
	const struct rows *gaps = p->story->rows[STORY_GAPS];
	AUTO_CURSOR cursor;
	int ret = rows_begin(gaps, &cursor, p->err);

	p->span = (struct chart_span){.since_us = q->args.since_us,
				      .until_us = q->args.until_us,
				      .utc = q->utc};
	p->bands = calloc(gaps->n_rows + 3, sizeof(*p->bands));
	if (!p->bands)
		return err_set(p->err, -ENOMEM, "no memory for the gaps");
	if (!ret)
		ret = add_gaps(p, &cursor);
	add_ends(p);
	qsort(p->bands, (size_t)p->span.n_bands, sizeof(*p->bands), by_begin);
	p->span.bands = p->bands;
	return ret;
}

/* ---- connections and bytes ---- */

struct timeline {
	int n;
	int64_t *begins, *well, *reset, *failed, *tx, *rx;
};

static int read_timeline(const struct story_page *p, struct timeline *t, int64_t *room)
{
	const size_t most = p->story->rows[STORY_TIMELINE]->n_rows;
	AUTO_CURSOR cursor;
	int ret = rows_begin(p->story->rows[STORY_TIMELINE], &cursor, p->err);

	*t = (struct timeline){.begins = room,
			       .well = room + most,
			       .reset = room + 2 * most,
			       .failed = room + 3 * most,
			       .tx = room + 4 * most,
			       .rx = room + 5 * most};
	while (!ret && (ret = rows_next(&cursor, p->err)) > 0) {
		const int i = t->n++;

		ret = 0;
		render_moment(rows_cell(&cursor, "from_at"), &t->begins[i]);
		t->failed[i] = rows_number(&cursor, "failed");
		t->reset[i] = rows_number(&cursor, "resets");
		t->well[i] = rows_number(&cursor, "connections") - t->failed[i] - t->reset[i];
		t->tx[i] = rows_number(&cursor, "tx_bytes");
		t->rx[i] = rows_number(&cursor, "rx_bytes");
	}
	return ret;
}

/* "each column is 15 min" */
static void tell_every(const struct story_page *p, const char *more, char *out, size_t size)
{
	static const struct {
		int64_t s;
		const char *name;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	const int64_t every_s = p->story->every_us / US_PER_S;
	int i = 0;

	while (i < 3 && every_s % units[i].s)
		i++;
	snprintf(out, size, "each column is %lld %s%s", (long long)(every_s / units[i].s),
		 units[i].name, more);
}

/* The column that has most, in words. */
static void summarize(const struct chart_columns *chart, const char *what, char *out, size_t size)
{
	char text[TIMESPEC_SIZE], greatest[CHART_LABEL_SIZE];
	int64_t most = 0;
	int at = 0;

	for (int i = 0; i < chart->n_columns; i++) {
		double sum = 0;

		for (int k = 0; k < chart->n_series; k++)
			sum += (double)chart->series[k].values[i];
		if (sum > (double)most) {
			most = sum < 9e18 ? (int64_t)sum : INT64_MAX;
			at = i;
		}
	}
	if (most == 0) {
		snprintf(out, size, "%s over time: none", what);
		return;
	}
	chart_quantity(most, chart->unit, greatest);
	timespec_format_s(chart->begins_us[at], timespec_for_people(chart->span.utc), text);
	snprintf(out, size,
		 "%s over time: %d columns, the highest at %s with %s; %d stretches where "
		 "connections may be missing",
		 what, chart->n_columns, text, greatest, chart->span.n_bands);
}

static void put_columns(struct story_page *p, struct chart_columns *chart, const char *what,
			enum story_part part)
{
	char summary[300];

	summarize(chart, what, summary, sizeof(summary));
	chart->summary = summary;
	chart_columns_legend(p->out, chart);
	chart_columns(p->out, chart);
	story_figure_end(p, part);
}

static void put_connections(struct story_page *p, const struct timeline *t)
{
	struct chart_columns chart = {
		.span = p->span,
		.unit = RENDER_COUNT,
		.noun = "connections",
		.has_rest = true,
		.every_us = p->story->every_us,
		.begins_us = t->begins,
		.n_columns = t->n,
		.series = {{"came about", "s1", t->well},
			   {"reset", "reset", t->reset},
			   {"failed", "failed", t->failed}},
		.n_series = 3,
	};
	char note[200];

	tell_every(p, "; one counts when it ended, in the last column if it has not yet", note,
		   sizeof(note));
	story_figure(p, "connections", "Connections", note);
	put_columns(p, &chart, "Connections", STORY_TIMELINE);
}

static void put_bytes(struct story_page *p, const struct timeline *t)
{
	struct chart_columns chart = {
		.span = p->span,
		.unit = RENDER_BYTES,
		.every_us = p->story->every_us,
		.begins_us = t->begins,
		.n_columns = t->n,
		.series = {{"received", "s3", t->rx}, {"sent", "s5", t->tx}},
		.n_series = 2,
	};
	char note[200];

	tell_every(p, "; those of a connection count when it ended", note, sizeof(note));
	story_figure(p, "bytes", "Bytes", note);
	put_columns(p, &chart, "Bytes", STORY_TIMELINE);
}

/* ---- failures ---- */

#define REASONS CHART_SERIES_MAX

static const char *const kinds[REASONS] = {"f1", "f2", "f3", "f4", "f5", "f6", "f7", "f7"};

struct reasons {
	char names[REASONS][24];
	int64_t sums[REASONS];
	int64_t *values; /* of the first all columns, then of the second */
	int n;
};

static int reason_of(struct reasons *r, const struct cell *cell)
{
	const char *name = cell->type == SQLITE_TEXT ? cell->text : "unknown";
	int i = 0;

	while (i < r->n && strncmp(r->names[i], name, sizeof(r->names[i]) - 1) != 0)
		i++;
	if (i == REASONS)
		return REASONS - 1; /* there are fewer; whatever else a file may hold */
	if (i == r->n)
		snprintf(r->names[r->n++], sizeof(r->names[0]), "%s", name);
	return i;
}

static int read_reasons(const struct story_page *p, const struct timeline *t, struct reasons *r)
{
	AUTO_CURSOR cursor;
	int ret = rows_begin(p->story->rows[STORY_FAILED], &cursor, p->err);

	while (!ret && (ret = rows_next(&cursor, p->err)) > 0) {
		const int i = reason_of(r, rows_cell(&cursor, "outcome"));
		const int64_t n = rows_number(&cursor, "failed");
		int64_t us = 0, column;

		ret = 0;
		r->sums[i] += n;
		render_moment(rows_cell(&cursor, "from_at"), &us);
		column = (us - t->begins[0]) / p->story->every_us;
		if (column >= 0 && column < t->n)
			r->values[i * t->n + column] += n;
	}
	return ret;
}

static void put_reason_bars(struct story_page *p, const struct reasons *r)
{
	struct chart_bar bars[REASONS];
	char said[REASONS][80];
	bool done[REASONS] = {false};

	for (int i = 0; i < r->n; i++) {
		int most = 0;

		while (done[most])
			most++;
		for (int k = most; k < r->n; k++)
			if (!done[k] && r->sums[k] > r->sums[most])
				most = k;
		done[most] = true;
		snprintf(said[i], sizeof(said[i]), "%s: %lld failed", r->names[most],
			 (long long)r->sums[most]);
		bars[i] = (struct chart_bar){.name = r->names[most],
					     .said = said[i],
					     .attributes = "",
					     .kind = kinds[most],
					     .value = r->sums[most]};
	}
	chart_bars(p->out, &(struct chart_bars){.summary = "Failures by how they failed",
						.kind = "failed",
						.unit = RENDER_COUNT,
						.bars = bars,
						.n = r->n});
}

static void put_no_failure(struct story_page *p)
{
	story_figure(p, "failed", "Failures by reason", NULL);
	story_nothing(p, true, "No connection failed.");
	story_figure_end(p, STORY_FAILED);
}

static void put_failed(struct story_page *p, const struct timeline *t, const struct reasons *r)
{
	struct chart_columns chart = {
		.span = p->span,
		.unit = RENDER_COUNT,
		.noun = "failed",
		.every_us = p->story->every_us,
		.begins_us = t->begins,
		.n_columns = t->n,
		.n_series = r->n,
	};
	char note[200];

	for (int i = 0; i < r->n; i++)
		chart.series[i] =
			(struct chart_series){r->names[i], kinds[i], r->values + i * t->n};
	tell_every(p, "", note, sizeof(note));
	story_figure(p, "failed", "Failures by reason", note);
	put_reason_bars(p, r);
	put_columns(p, &chart, "Failures", STORY_FAILED);
}

void story_put_time(struct story_page *p)
{
	const size_t n = p->story->rows[STORY_TIMELINE]->n_rows;
	int64_t *room = calloc(n ? n : 1, (6 + REASONS) * sizeof(*room));
	struct timeline t;
	struct reasons r = {.values = room ? room + 6 * n : NULL};

	if (!room) {
		story_fail(p, err_set(p->err, -ENOMEM, "no memory for the charts"));
		return;
	}
	page_section(p->out, "time", "How it went");
	story_fail(p, read_timeline(p, &t, room));
	if (t.n > 0)
		story_fail(p, read_reasons(p, &t, &r));
	if (!story_nothing(p, t.n == 0 || p->failed, "The window is empty.")) {
		fputs("<div class=\"charts wide\">\n", p->out);
		put_connections(p, &t);
		put_bytes(p, &t);
		if (r.n > 0)
			put_failed(p, &t, &r);
		else
			put_no_failure(p);
		story_put_connect(p);
		fputs("</div>\n", p->out);
	}
	page_section_end(p->out);
	free(room);
}

void story_put_failures(struct story_page *p)
{
	page_section(p->out, "failures", "What failed most");
	if (!story_nothing(p, p->story->rows[STORY_FAILURES]->n_rows == 0, "No connection failed."))
		story_table(p, STORY_FAILURES, "Failures by destination, the most first");
	page_section_end(p->out);
}
