#include "chart.h"

#include <math.h>

#include "html.h"

#define TRACK 300 /* of the longest bar; a style sheet stretches it */

static double length_of(int64_t value, int64_t greatest)
{
	if (value <= 0 || greatest <= 0)
		return 0;
	return fmax(fmin((double)value / (double)greatest, 1) * TRACK, 1); /* it is seen */
}

static void put_bar(FILE *out, const struct chart_bars *chart, const struct chart_bar *bar,
		    int64_t greatest)
{
	const char *tag = bar->attributes[0] ? "button type=\"button\"" : "div";
	const double length = length_of(bar->value, greatest);
	const double bad = fmin(length_of(bar->bad, greatest), length);
	char value[CHART_LABEL_SIZE];

	chart_quantity(bar->value, chart->unit, value);
	fprintf(out, "<%s class=\"bar-row\"%s title=\"", tag, bar->attributes);
	html_string(out, bar->said);
	fputs("\"><bdi class=\"name\">", out);
	html_string(out, bar->name);
	fprintf(out,
		"</bdi><svg class=\"track\" viewBox=\"0 0 %d 12\" preserveAspectRatio=\"none\""
		" aria-hidden=\"true\"><rect class=\"%s\" width=\"%.1f\" height=\"12\"/>",
		TRACK, bar->kind ? bar->kind : chart->kind, length - bad);
	if (bad > 0)
		fprintf(out, "<rect class=\"failed\" x=\"%.1f\" width=\"%.1f\" height=\"12\"/>",
			length - bad, bad);
	fprintf(out, "</svg><span class=\"value\">%s</span></%s>\n", value,
		bar->attributes[0] ? "button" : "div");
}

void chart_bars(FILE *out, const struct chart_bars *chart)
{
	int64_t greatest = 0;

	for (int i = 0; i < chart->n; i++)
		greatest = chart->bars[i].value > greatest ? chart->bars[i].value : greatest;
	fputs("<div class=\"bars\" role=\"group\" aria-label=\"", out);
	html_string(out, chart->summary);
	fputs("\">\n", out);
	for (int i = 0; i < chart->n; i++)
		put_bar(out, chart, &chart->bars[i], greatest);
	fputs("</div>\n", out);
}
