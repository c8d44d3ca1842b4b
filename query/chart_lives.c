#include "chart.h"

#include <math.h>

#include "html.h"

#define WIDTH  1000
#define ROW    22 /* high */
#define BAR    12
#define PLACES 44  /* of a name */
#define ROOM   100 /* for how long it lasted */

static void put_life(FILE *out, const struct chart_lives *chart, const struct chart_box *box, int i)
{
	const struct chart_life *life = &chart->lives[i];
	const double y = box->top + i * ROW + (ROW - BAR) / 2.0;
	double from = chart_x(&chart->span, box, life->from_us);
	double to = chart_x(&chart->span, box, life->to_us), beside;
	bool is_end, is_within;

	if (to - from < 2) { /* what is there is seen */
		from = fmin(from, box->left + box->width - 2);
		to = from + 2;
	}
	/* How long it lasted stands behind it, else before it, else on it. */
	is_end = to > box->left + box->width - ROOM;
	is_within = is_end && from < box->left + ROOM;
	beside = is_within ? to - 4 : is_end ? from - 4 : to + 4;
	fputs("<g class=\"life\"><title>", out);
	html_string(out, life->said);
	fprintf(out,
		"</title><rect class=\"hit\" x=\"0\" y=\"%.1f\" width=\"%d\" height=\"%d\"/>"
		"<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">",
		box->top + i * ROW, WIDTH, ROW, box->left - 8, y + BAR - 2);
	chart_put_text(out, life->name, PLACES);
	fprintf(out,
		"</text><rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\"/>"
		"<text class=\"tick%s\" x=\"%.1f\" y=\"%.1f\"%s>%s%s</text></g>\n",
		life->is_open ? "s3" : "s1", from, y, to - from, BAR, is_within ? " within" : "",
		beside, y + BAR - 2, is_end ? " text-anchor=\"end\"" : "", life->lasted,
		life->is_open ? ", open" : "");
}

void chart_lives(FILE *out, const struct chart_lives *chart)
{
	const struct chart_box box = {.left = 340,
				      .top = 12,
				      .width = 650,
				      .height = chart->n * ROW};

	fprintf(out,
		"<div class=\"canvas\"><svg viewBox=\"0 0 %d %.0f\" role=\"img\" aria-label=\"",
		WIDTH, box.height + 38);
	html_string(out, chart->summary);
	fputs("\">\n", out);
	chart_put_bands(out, &chart->span, &box);
	for (int i = 0; i < chart->n; i++)
		put_life(out, chart, &box, i);
	fprintf(out, "<path class=\"grid\" d=\"M%.1f %.1fh%.1f\"/>\n", box.left,
		box.top + box.height, box.width);
	chart_put_moments(out, &chart->span, &box);
	fputs("</svg></div>\n", out);
}
