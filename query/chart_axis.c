#include "chart.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "html.h"
#include "human.h"
#include "timespec.h"

#define STEPS 5 /* at most, but for one when the last is not full */

/* 1, 2, 2.5 or 5 times a power of ten, so that @greatest takes few of them. */
static double round_step(double greatest)
{
	static const double rounds[] = {1, 2, 2.5, 5, 10};
	double power = pow(10, floor(log10(greatest / STEPS)));
	int i = 0;

	/* Of what is counted there are no halves. */
	while (i < 4 && (rounds[i] * power * STEPS < greatest || (i == 2 && power < 10)))
		i++;
	return rounds[i] * power;
}

/* The same of what goes by 1024. */
static double round_bytes(double greatest)
{
	double unit = 1, step;

	while (greatest / STEPS > 500 * unit)
		unit *= 1024;
	step = round_step(greatest / unit) * unit;
	return step < 1 ? 1 : step;
}

struct chart_axis chart_axis_of(double greatest, enum render_unit unit)
{
	struct chart_axis axis = {.top = 1, .step = 1, .unit = unit};

	if (!(greatest > 0))
		return axis;
	axis.step = unit == RENDER_BYTES ? round_bytes(greatest) : round_step(greatest);
	if (axis.step < 1)
		axis.step = 1;
	axis.top = ceil(greatest / axis.step) * axis.step;
	return axis;
}

static double clamp(double value, double least, double most)
{
	return value < least ? least : value > most ? most : value;
}

double chart_y(const struct chart_axis *axis, const struct chart_box *box, double value)
{
	return box->top + box->height * (1 - clamp(value / axis->top, 0, 1));
}

double chart_x(const struct chart_span *span, const struct chart_box *box, int64_t us)
{
	const double width = (double)span->until_us - (double)span->since_us;
	const double at = (double)us - (double)span->since_us;

	return box->left + (width > 0 ? clamp(at / width, 0, 1) * box->width : 0);
}

/* ---- moments ---- */

static const int64_t steps_s[] = {1,	  2,	  5,	   10,	    15,	     30,
				  60,	  120,	  300,	   600,	    900,     1800,
				  3600,	  7200,	  10800,   21600,   43200,   86400,
				  172800, 604800, 1209600, 2592000, 7776000, 31536000};

static int64_t step_us(int64_t width_us)
{
	const int n = sizeof(steps_s) / sizeof(steps_s[0]);
	int i = 0;

	while (i < n - 1 && width_us / (steps_s[i] * US_PER_S) >= CHART_MOMENTS_MAX - 3)
		i++;
	return steps_s[i] * US_PER_S;
}

/* How much the clock of @span is before UTC at that moment. */
static int64_t ahead_us(const struct chart_span *span, int64_t us)
{
	const time_t s = (time_t)(us / US_PER_S);
	struct tm tm;

	return span->utc || !localtime_r(&s, &tm) ? 0 : tm.tm_gmtoff * US_PER_S;
}

int chart_moments(const struct chart_span *span, int64_t out[CHART_MOMENTS_MAX])
{
	const int64_t width_us = span->until_us - span->since_us;
	int64_t step, at;
	int n = 0;

	if (width_us <= 0)
		return 0;
	step = step_us(width_us);
	/* Of the years up to 9999, a step of one is too many for the whole of them. */
	while (width_us / step >= CHART_MOMENTS_MAX - 3)
		step *= 2;
	at = (span->since_us + ahead_us(span, span->since_us)) / step * step;
	for (; n < CHART_MOMENTS_MAX; at += step) {
		const int64_t us = at - ahead_us(span, at - ahead_us(span, at));

		if (us > span->until_us)
			break;
		if (us >= span->since_us && (n == 0 || us > out[n - 1]))
			out[n++] = us;
	}
	return n;
}

/* ---- labels ---- */

/* 1.5, 20: one decimal when it says something. */
static void put_short(double value, const char *unit, char out[CHART_LABEL_SIZE])
{
	const bool whole = value >= 100 || fabs(value - round(value)) < 0.05;

	snprintf(out, CHART_LABEL_SIZE, "%.*f%s", whole ? 0 : 1, value, unit);
}

static void put_scaled(double value, double base, const char *const *units,
		       char out[CHART_LABEL_SIZE])
{
	while (value >= base && units[1]) {
		value /= base;
		units++;
	}
	put_short(value, *units, out);
}

void chart_label(double value, enum render_unit unit, char out[CHART_LABEL_SIZE])
{
	static const char *const sizes[] = {"", "K", "M", "G", "T", "P", "E", NULL};
	static const char *const counts[] = {"", "k", "M", "G", "T", "P", "E", NULL};
	static const char *const times[] = {"us", "ms", "s", NULL};

	if (unit == RENDER_BYTES)
		put_scaled(value, 1024, sizes, out);
	else if (unit == RENDER_DURATION && value < 1000e6)
		put_scaled(value, 1000, times, out);
	else if (unit == RENDER_DURATION)
		put_scaled(value / 1e6, 1000, (const char *const[]){"s", "ks", NULL}, out);
	else
		put_scaled(value, 1000, counts, out);
}

void chart_quantity(int64_t value, enum render_unit unit, char out[CHART_LABEL_SIZE])
{
	if (unit == RENDER_BYTES && value >= 0)
		human_bytes(value, out, CHART_LABEL_SIZE);
	else if (unit == RENDER_DURATION && value >= 0)
		human_duration(value, out, CHART_LABEL_SIZE);
	else
		human_count(value, out, CHART_LABEL_SIZE);
}

/* The time of day, or the day where that begins; the year where many days are shown. */
static void put_moment(const struct chart_span *span, int64_t us, char out[CHART_LABEL_SIZE])
{
	char text[TIMESPEC_SIZE];
	const char *day = timespec_format_s(us, timespec_for_people(span->utc), text);
	const bool is_midnight = !strncmp(day + 11, "00:00:00", 8);
	const int64_t width_us = span->until_us - span->since_us;

	if (width_us > 300 * 86400 * US_PER_S)
		snprintf(out, CHART_LABEL_SIZE, "%.10s", day);
	else if (is_midnight || width_us > 10 * 86400 * US_PER_S)
		snprintf(out, CHART_LABEL_SIZE, "%.5s", day + 5);
	else if (width_us < 600 * US_PER_S)
		snprintf(out, CHART_LABEL_SIZE, "%.8s", day + 11);
	else
		snprintf(out, CHART_LABEL_SIZE, "%.5s", day + 11);
}

void chart_put_axis(FILE *out, const struct chart_axis *axis, const struct chart_box *box)
{
	char label[CHART_LABEL_SIZE];

	for (int i = 0; i * axis->step <= axis->top * 1.0001; i++) {
		const double y = chart_y(axis, box, i * axis->step);

		chart_label(i * axis->step, axis->unit, label);
		fprintf(out,
			"<path class=\"grid\" d=\"M%.1f %.1fh%.1f\"/>"
			"<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
			box->left, y, box->width, box->left - 6, y + 4, label);
	}
}

void chart_put_moments(FILE *out, const struct chart_span *span, const struct chart_box *box)
{
	const double bottom = box->top + box->height;
	int64_t moments[CHART_MOMENTS_MAX];
	int n = chart_moments(span, moments);

	for (int i = 0; i < n; i++) {
		const double x = chart_x(span, box, moments[i]);
		/* What would stand out of the picture. */
		const char *anchor = x > box->left + box->width - 16 ? "end" : "middle";
		char label[CHART_LABEL_SIZE];

		put_moment(span, moments[i], label);
		fprintf(out,
			"<path class=\"grid\" d=\"M%.1f %.1fv4\"/><text class=\"tick\" x=\"%.1f\""
			" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n",
			x, bottom, x, bottom + 17, anchor, label);
	}
}

#define BAND_LEAST 4 /* what is there is seen */
#define BAND_HEAD  8

void chart_put_bands(FILE *out, const struct chart_span *span, const struct chart_box *box)
{
	double drawn = -1; /* up to where there is one */

	for (int i = 0; i < span->n_bands; i++) {
		const struct chart_band *band = &span->bands[i];
		double from = chart_x(span, box, band->from_us);
		double to = chart_x(span, box, band->to_us);

		if (to - from < BAND_LEAST) {
			from = fmin(from, box->left + box->width - BAND_LEAST);
			to = from + BAND_LEAST;
		}
		if (to <= drawn) /* a thousand of them in one place are one */
			continue;
		drawn = to;
		/* Behind the data; what can be pointed at is over it. */
		fprintf(out,
			"<g class=\"gap\"><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>"
			"<rect class=\"head\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\"/><title>",
			from, box->top, to - from, box->height, from, box->top - BAND_HEAD,
			to - from, BAND_HEAD);
		html_string(out, band->text);
		fputs("</title></g>\n", out);
	}
}
