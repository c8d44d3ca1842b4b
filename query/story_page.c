/* story_page.c - the page as a whole. */
#include "story_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "human.h"
#include "page_facts.h"
#include "render_html.h"

void story_fail(struct story_page *p, int ret)
{
	p->failed |= ret < 0;
}

static void put_table(struct story_page *p, enum story_part part, const char *caption)
{
	const struct render_style style = {.utc = p->story->q->utc};
	struct err err = {0};
	int ret = render_html_table(p->story->rows[part], &style, caption, p->out, &err);

	if (!ret || p->failed)
		return;
	*p->err = err;
	p->failed = true;
}

void story_table(struct story_page *p, enum story_part part, const char *caption)
{
	put_table(p, part, caption);
}

void story_figure(struct story_page *p, const char *id, const char *title, const char *note)
{
	fprintf(p->out, "<figure class=\"chart\" id=\"%s\">\n<figcaption>%s", id, title);
	if (note) {
		fputs(" <small>", p->out);
		html_string(p->out, note);
		fputs("</small>", p->out);
	}
	fputs("</figcaption>\n", p->out);
}

void story_figure_end(struct story_page *p, enum story_part part)
{
	if (p->story->rows[part]->n_rows) {
		fputs("<details><summary>Numbers</summary>\n", p->out);
		put_table(p, part, "The numbers of this chart");
		fputs("</details>\n", p->out);
	}
	fputs("</figure>\n", p->out);
}

bool story_nothing(struct story_page *p, bool there_is_nothing, const char *words)
{
	if (there_is_nothing)
		fprintf(p->out, "<p class=\"nothing\">%s</p>\n", words);
	return there_is_nothing;
}

/* ---- the window at a glance ---- */

struct sums {
	int64_t connections, failed, tx_bytes, rx_bytes, out, called, in, clients;
};

static int read_sums(const struct story *s, struct sums *out, struct err *err)
{
	AUTO_CURSOR cursor;
	int ret = rows_begin(s->rows[STORY_SUMMARY], &cursor, err);

	*out = (struct sums){0};
	while (!ret && (ret = rows_next(&cursor, err)) > 0) {
		const struct cell *what = rows_cell(&cursor, "what");

		ret = 0;
		if (what->type != SQLITE_TEXT)
			continue;
		if (!strcmp(what->text, "all")) {
			out->connections = rows_number(&cursor, "connections");
			out->failed = rows_number(&cursor, "failed");
			out->tx_bytes = rows_number(&cursor, "tx_bytes");
			out->rx_bytes = rows_number(&cursor, "rx_bytes");
		} else if (!strcmp(what->text, "out")) {
			out->out = rows_number(&cursor, "connections");
			out->called = rows_number(&cursor, "peers");
		} else if (!strcmp(what->text, "in")) {
			out->in = rows_number(&cursor, "connections");
			out->clients = rows_number(&cursor, "peers");
		}
	}
	return ret < 0 ? ret : 0;
}

static void put_tile(FILE *out, const char *name, int64_t value, enum render_unit unit)
{
	char text[CHART_LABEL_SIZE];

	chart_quantity(value, unit, text);
	fprintf(out, "<li><b data-v=\"%lld\">%s</b> %s</li>\n", (long long)value, text, name);
}

static void put_tiles(FILE *out, const struct sums *sums)
{
	fputs("<ul class=\"tiles\">\n", out);
	put_tile(out, "connections", sums->connections, RENDER_COUNT);
	put_tile(out, "failed", sums->failed, RENDER_COUNT);
	put_tile(out, "sent", sums->tx_bytes, RENDER_BYTES);
	put_tile(out, "received", sums->rx_bytes, RENDER_BYTES);
	put_tile(out, "out", sums->out, RENDER_COUNT);
	put_tile(out, "addresses called", sums->called, RENDER_COUNT);
	put_tile(out, "in", sums->in, RENDER_COUNT);
	put_tile(out, "clients", sums->clients, RENDER_COUNT);
	fputs("</ul>\n", out);
}

/* ---- the parts ---- */

static void put_new(struct story_page *p)
{
	page_section(p->out, "new", "Called for the first time");
	if (!story_nothing(p, p->story->rows[STORY_NEW]->n_rows == 0,
			   "Nothing was called in this window that had not been called before."))
		story_table(p, STORY_NEW,
			    "Destinations called for the first time, the latest first");
	page_section_end(p->out);
}

static void put_gaps(struct story_page *p)
{
	page_section(p->out, "gaps", "Where connections may be missing");
	if (!story_nothing(p, p->story->rows[STORY_GAPS]->n_rows == 0,
			   "The history has no gap in this window."))
		story_table(p, STORY_GAPS, "Gaps, the latest first");
	page_section_end(p->out);
}

static void put_all(struct story_page *p, const struct sums *sums)
{
	put_tiles(p->out, sums);
	if (!story_nothing(
		    p, sums->connections == 0,
		    "There are no such connections in this window; --since looks further back.")) {
		story_put_time(p);
		story_put_map(p);
		story_put_parties(p);
		story_put_failures(p);
		put_new(p);
		story_put_lives(p);
	} else if (p->span.n_bands) {
		story_put_time(p);
	}
	put_gaps(p);
}

int story_write(const struct story *s, FILE *out, struct err *err)
{
	struct page_facts *facts = calloc(1, sizeof(*facts));
	struct story_page p = {.story = s, .out = out, .err = err};
	struct sums sums = {0};
	int ret =
		facts ? read_sums(s, &sums, err) : err_set(err, -ENOMEM, "no memory for the page");

	if (!ret)
		ret = story_bands(&p);
	if (!ret) {
		page_facts_fill(facts, s->q, &s->coverage);
		page_begin(out, &facts->page);
		put_all(&p, &sums);
		page_end(out);
	}
	free(p.bands);
	free(facts);
	return ret ? ret : p.failed ? err->code : 0;
}
