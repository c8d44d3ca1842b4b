/* story_lives.c - how long it took until a connection was there, and how long it stayed. */
#include "story_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "human.h"

/* ---- connecting ---- */

#define STEPS_MAX 64

struct steps {
	int64_t bounds[STEPS_MAX + 1], counts[STEPS_MAX];
	int n;
};

/* What list_steps() wrote: "20 50 3,50 100 17", each step from, to, how many. */
static void read_steps(const char *text, struct steps *out)
{
	char *end = (char *)text;

	while (out->n < STEPS_MAX && *end) {
		out->bounds[out->n] = strtoll(end, &end, 10);
		out->bounds[out->n + 1] = strtoll(end, &end, 10);
		out->counts[out->n++] = strtoll(end, &end, 10);
		end += *end == ',';
	}
}

static void put_histogram(struct story_page *p, const struct rows_cursor *row)
{
	static const char *const names[] = {"p50", "p90", "p99"};
	static const char *const columns[] = {"p50_us", "p90_us", "p99_us"};
	const struct cell *steps = rows_cell(row, "steps");
	struct steps s = {.n = 0};
	struct chart_histogram chart = {.bounds_us = s.bounds, .counts = s.counts, .n_marks = 3};
	char summary[300], marks[3][HUMAN_SIZE];

	read_steps(steps->text, &s);
	chart.n = s.n;
	for (int i = 0; i < 3; i++) {
		chart.marks[i].name = names[i];
		chart.marks[i].us = rows_number(row, columns[i]);
		human_duration(chart.marks[i].us, marks[i], sizeof(marks[i]));
	}
	snprintf(
		summary, sizeof(summary),
		"How long connecting took: half of them stayed under %s, 90 of a hundred under %s, "
		"99 under %s",
		marks[0], marks[1], marks[2]);
	chart.summary = summary;
	chart_histogram(p->out, &chart);
}

void story_put_connect(struct story_page *p)
{
	AUTO_CURSOR row;
	int ret = rows_begin(p->story->rows[STORY_CONNECT], &row, p->err);

	if (!ret)
		ret = rows_next(&row, p->err);
	story_fail(p, ret);
	if (ret <= 0)
		return;
	story_figure(p, "connect-times", "How long connecting took",
		     "connections out that were established, by the time that took");
	if (story_nothing(p, rows_cell(&row, "steps")->type != SQLITE_TEXT,
			  "No connection out was established.")) {
		fputs("</figure>\n", p->out);
		return;
	}
	put_histogram(p, &row);
	story_figure_end(p, STORY_CONNECT);
}

/* ---- lasting ---- */

struct lives {
	struct chart_life life[PARTIES_MOST];
	char names[PARTIES_MOST][400], said[PARTIES_MOST][600];
};

static const char *text_of(const struct rows_cursor *row, const char *name)
{
	const struct cell *cell = rows_cell(row, name);

	return cell->type == SQLITE_TEXT ? cell->text : NULL;
}

/* "curl → 10.0.0.1:80", "nginx:80 ← 10.0.0.9": the port is that of the service. */
static void name_life(const struct rows_cursor *row, char *out, size_t size)
{
	const char *comm = text_of(row, "comm"), *addr = text_of(row, "peer_name");
	const char *direction = text_of(row, "direction");
	const bool is_in = direction && !strcmp(direction, "in");
	const bool has_service = rows_cell(row, "service_port")->type == SQLITE_INTEGER;
	const int64_t port = rows_number(row, has_service ? "service_port"
					      : is_in	  ? "local_port"
							  : "peer_port");

	if (!comm)
		comm = "unknown";
	if (!addr)
		addr = text_of(row, "peer_addr");
	if (!addr)
		addr = "unknown";
	if (is_in)
		snprintf(out, size, "%s:%lld ← %s", comm, (long long)port, addr);
	else
		snprintf(out, size, strchr(addr, ':') ? "%s → [%s]:%lld" : "%s → %s:%lld", comm,
			 addr, (long long)port);
}

static void fill_life(struct lives *lives, int i, const struct rows_cursor *row)
{
	const char *outcome = text_of(row, "outcome");
	const int64_t duration_us = rows_number(row, "duration_us");
	struct chart_life *life = &lives->life[i];
	char lasted[HUMAN_SIZE], tx[HUMAN_SIZE], rx[HUMAN_SIZE];

	human_duration(duration_us, lasted, sizeof(lasted));
	human_bytes(rows_number(row, "tx_bytes"), tx, sizeof(tx));
	human_bytes(rows_number(row, "rx_bytes"), rx, sizeof(rx));
	name_life(row, lives->names[i], sizeof(lives->names[i]));
	snprintf(lives->said[i], sizeof(lives->said[i]), "%s: %s, %s, %s sent, %s received",
		 lives->names[i], lasted, outcome ? outcome : "", tx, rx);
	if (!render_moment(rows_cell(row, "started_at"), &life->from_us))
		life->from_us = 0;
	life->to_us = life->from_us + duration_us;
	life->name = lives->names[i];
	life->said = lives->said[i];
	snprintf(life->lasted, sizeof(life->lasted), "%s", lasted);
	life->is_open = outcome && (!strcmp(outcome, "open") || !strcmp(outcome, "connecting"));
}

static void put_chart(struct story_page *p, enum story_part part, struct lives *lives,
		      const char *summary)
{
	AUTO_CURSOR row;
	int ret = rows_begin(p->story->rows[part], &row, p->err), n = 0;

	while (!ret && n < PARTIES_MOST && (ret = rows_next(&row, p->err)) > 0) {
		fill_life(lives, n++, &row);
		ret = 0;
	}
	story_fail(p, ret);
	chart_lives(p->out, &(struct chart_lives){.span = p->span,
						  .summary = summary,
						  .lives = lives->life,
						  .n = n});
}

static void put_part(struct story_page *p, enum story_part part, struct lives *lives,
		     const char *id, const char *title, const char *nothing)
{
	char summary[200];

	story_figure(p, id, title, "from their begin to their end, within the window");
	if (!story_nothing(p, p->story->rows[part]->n_rows == 0, nothing)) {
		snprintf(summary, sizeof(summary), "%s: %zu, the longest first", title,
			 p->story->rows[part]->n_rows);
		put_chart(p, part, lives, summary);
	}
	story_figure_end(p, part);
}

void story_put_lives(struct story_page *p)
{
	struct lives *lives = calloc(1, sizeof(*lives));
	const bool is_ended = scope_window(&p->story->q->scope).ends_before_until;

	page_section(p->out, "lives", "What lasted long");
	if (lives) {
		put_part(p, STORY_LONG, lives, "long", "The longest connections", "There is none.");
		put_part(p, STORY_OPEN, lives, "open", "Open still",
			 is_ended ? "Open ones are not asked for." : "None is open now.");
	} else {
		story_fail(p, err_set(p->err, -ENOMEM, "no memory for the chart"));
	}
	page_section_end(p->out);
	free(lives);
}
