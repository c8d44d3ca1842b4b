#include "chart.h"

#include <math.h>

#include "html.h"

#define WIDTH  760
#define HEIGHT 230

/* Above it there is room for the names of the marks. */
static const struct chart_box box = {.left = 48, .top = 46, .width = 700, .height = 152};

#define COLUMN_MOST 90 /* wide: a few do not fill the picture */

/* The logarithm of a duration; those of less than a microsecond are as long as one. */
static double log_of(int64_t us)
{
	return log10(us > 1 ? (double)us : 1);
}

/* Number @i begins where the one before ends; the first may begin at 0, which has no
 * logarithm. */
static double bound(const struct chart_histogram *chart, int i)
{
	return i == 0 && chart->bounds_us[0] == 0 ? log_of(chart->bounds_us[1]) - 0.3
						  : log_of(chart->bounds_us[i]);
}

static double x_of(const struct chart_histogram *chart, double at)
{
	const double from = bound(chart, 0), to = bound(chart, chart->n);
	const double share = to > from ? (at - from) / (to - from) : 0;

	return box.left + fmin(fmax(share, 0), 1) * fmin(box.width, chart->n * COLUMN_MOST);
}

/* Where one begins; and where the last ends. */
static void put_bound(FILE *out, const struct chart_histogram *chart, int i)
{
	char label[CHART_LABEL_SIZE];

	if (chart->n > 16 && i % 3)
		return;
	chart_label((double)chart->bounds_us[i], RENDER_DURATION, label);
	fprintf(out, "<text class=\"tick\" x=\"%.1f\" y=\"%.0f\" text-anchor=\"%s\">%s</text>\n",
		x_of(chart, bound(chart, i)), box.top + box.height + 17,
		i < chart->n || chart->n < 7 ? "middle" : "end", label);
}

static void put_column(FILE *out, const struct chart_histogram *chart,
		       const struct chart_axis *axis, int i)
{
	const double left = x_of(chart, bound(chart, i)), right = x_of(chart, bound(chart, i + 1));
	double y = chart_y(axis, &box, (double)chart->counts[i]);
	char from[CHART_LABEL_SIZE], to[CHART_LABEL_SIZE], n[CHART_LABEL_SIZE];

	chart_label((double)chart->bounds_us[i], RENDER_DURATION, from);
	chart_label((double)chart->bounds_us[i + 1], RENDER_DURATION, to);
	chart_quantity(chart->counts[i], RENDER_COUNT, n);
	fprintf(out,
		"<g class=\"column\"><title>%s to %s: %s connections</title>"
		"<rect class=\"hit\" x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"%.0f\"/>",
		from, to, n, left, box.top, right - left, box.height);
	if (chart->counts[i] > 0) {
		y = fmin(y, box.top + box.height - 1); /* what is there is seen */
		fprintf(out,
			"<rect class=\"s1\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
			left, y, fmax(right - left - 1, 0.5), box.top + box.height - y);
	}
	fputs("</g>", out);
	put_bound(out, chart, i);
}

/* Each has its name on a line of its own, so that neighbours do not lie on each other. */
static void put_marks(FILE *out, const struct chart_histogram *chart)
{
	for (int i = 0; i < chart->n_marks; i++) {
		const double x = x_of(chart, log_of(chart->marks[i].us)), y = 12 + 13 * i;
		const bool is_end = x > box.left + box.width - 90;
		char text[CHART_LABEL_SIZE];

		chart_quantity(chart->marks[i].us, RENDER_DURATION, text);
		fprintf(out,
			"<path class=\"mark\" d=\"M%.1f %.0fV%.0f\"/><text class=\"mark\" x=\"%.1f\""
			" y=\"%.0f\" text-anchor=\"%s\">%s %s</text>\n",
			x, y - 9, box.top + box.height, x + (is_end ? -4 : 4), y,
			is_end ? "end" : "start", chart->marks[i].name, text);
	}
}

void chart_histogram(FILE *out, const struct chart_histogram *chart)
{
	struct chart_axis axis;
	int64_t greatest = 0;

	for (int i = 0; i < chart->n; i++)
		greatest = chart->counts[i] > greatest ? chart->counts[i] : greatest;
	axis = chart_axis_of((double)greatest, RENDER_COUNT);
	fprintf(out, "<div class=\"canvas\"><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"",
		WIDTH, HEIGHT);
	html_string(out, chart->summary);
	fputs("\">\n", out);
	chart_put_axis(out, &axis, &box);
	for (int i = 0; i < chart->n; i++)
		put_column(out, chart, &axis, i);
	put_bound(out, chart, chart->n);
	put_marks(out, chart);
	fputs("</svg></div>\n", out);
}
