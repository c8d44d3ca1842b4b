#include "chart.h"

#include <math.h>

#include "html.h"
#include "timespec.h"

#define WIDTH  760
#define HEIGHT 230

static const struct chart_box box = {.left = 48, .top = 12, .width = 700, .height = 186};

static double total_of(const struct chart_columns *chart, int column)
{
	double sum = 0;

	for (int i = 0; i < chart->n_series; i++)
		sum += (double)chart->series[i].values[column];
	return sum;
}

static void put_time(FILE *out, const struct chart_columns *chart, int64_t us)
{
	char text[TIMESPEC_SIZE];

	fputs(timespec_format_s(us, timespec_for_people(chart->span.utc), text), out);
}

static void put_total(FILE *out, const struct chart_columns *chart, int column)
{
	char text[CHART_LABEL_SIZE];
	double sum = total_of(chart, column);

	chart_quantity(sum < 9e18 ? (int64_t)sum : INT64_MAX, chart->unit, text);
	fprintf(out, ": %s %s", text, chart->noun);
}

/* What it is of, and each series that has something there. */
static void put_title(FILE *out, const struct chart_columns *chart, int column)
{
	const char *between = ": ";
	char text[CHART_LABEL_SIZE];

	fputs("<title>", out);
	put_time(out, chart, chart->begins_us[column]);
	fputs(" to ", out);
	put_time(out, chart, chart->begins_us[column] + chart->every_us);
	if (chart->noun) {
		put_total(out, chart, column);
		between = ", ";
	}
	for (int i = chart->has_rest; i < chart->n_series; i++) {
		if (chart->series[i].values[column] == 0)
			continue;
		chart_quantity(chart->series[i].values[column], chart->unit, text);
		fprintf(out, "%s%s ", between, text);
		html_string(out, chart->series[i].name);
		between = ", ";
	}
	if (between[0] == ':')
		fputs(": nothing", out);
	fputs("</title>", out);
}

static void put_column(FILE *out, const struct chart_columns *chart, const struct chart_axis *axis,
		       int column)
{
	const int64_t begin = chart->begins_us[column];
	const double left = chart_x(&chart->span, &box, begin);
	const double right = chart_x(&chart->span, &box, begin + chart->every_us);
	const double gap = right - left > 4 ? 1 : 0;
	double sum = 0, from = box.top + box.height;

	fputs("<g class=\"column\">", out);
	put_title(out, chart, column);
	fprintf(out, "<rect class=\"hit\" x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"%.0f\"/>",
		left, box.top, right - left, box.height);
	for (int i = 0; i < chart->n_series; i++) {
		const int64_t value = chart->series[i].values[column];
		double to;

		if (value <= 0)
			continue;
		sum += (double)value;
		to = fmin(chart_y(axis, &box, sum), from - 0.8); /* what is there is seen */
		to = fmax(to, box.top);
		fprintf(out,
			"<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
			chart->series[i].kind, left, to, fmax(right - left - gap, 0.5), from - to);
		from = to;
	}
	fputs("</g>\n", out);
}

void chart_columns(FILE *out, const struct chart_columns *chart)
{
	struct chart_axis axis;
	double greatest = 0;

	for (int i = 0; i < chart->n_columns; i++)
		greatest = fmax(greatest, total_of(chart, i));
	axis = chart_axis_of(greatest, chart->unit);
	fprintf(out, "<div class=\"canvas\"><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"",
		WIDTH, HEIGHT);
	html_string(out, chart->summary);
	fputs("\">\n", out);
	chart_put_axis(out, &axis, &box);
	chart_put_bands(out, &chart->span, &box);
	for (int i = 0; i < chart->n_columns; i++)
		put_column(out, chart, &axis, i);
	chart_put_moments(out, &chart->span, &box);
	fputs("</svg></div>\n", out);
}

static void put_entry(FILE *out, const char *kind, const char *name)
{
	fprintf(out,
		"<li><svg class=\"swatch\" width=\"12\" height=\"12\" aria-hidden=\"true\">"
		"<rect class=\"%s\" width=\"12\" height=\"12\"/></svg>",
		kind);
	html_string(out, name);
	fputs("</li>", out);
}

void chart_columns_legend(FILE *out, const struct chart_columns *chart)
{
	fputs("<ul class=\"legend\">", out);
	for (int i = 0; i < chart->n_series; i++)
		put_entry(out, chart->series[i].kind, chart->series[i].name);
	if (chart->span.n_bands)
		put_entry(out, "missing", "may be missing");
	fputs("</ul>\n", out);
}
