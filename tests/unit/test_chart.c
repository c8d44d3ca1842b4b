/* chart.h: what is drawn stays in its box, whatever the numbers are; axes are round. */
#include "unit.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "chart.h"
#include "timespec.h"

static const struct chart_box box = {.left = 48, .top = 12, .width = 700, .height = 186};

/* What @put writes, to be freed. */
#define WRITTEN(text, call)                                                                        \
	do {                                                                                       \
		size_t size_;                                                                      \
		FILE *out = open_memstream(&(text), &size_);                                       \
		assert_non_null(out);                                                              \
		call;                                                                              \
		fclose(out);                                                                       \
	} while (0)

/* Each x, y, width and height of a <rect> lies within 0 to @width and @height. */
static int check_rects(const char *svg, double width, double height)
{
	int n = 0;

	for (const char *p = svg; (p = strstr(p, "<rect")); p++) {
		const char *x = strstr(p, " x=\""), *y = strstr(p, " y=\"");
		const char *w = strstr(p, " width=\""), *h = strstr(p, " height=\"");
		const char *end = strchr(p, '>');
		double at[4];

		at[0] = x && x < end ? strtod(x + 4, NULL) : 0;
		at[1] = y && y < end ? strtod(y + 4, NULL) : 0;
		at[2] = strtod(w + 8, NULL);
		at[3] = strtod(h + 9, NULL);
		for (int i = 0; i < 4; i++)
			assert_true(isfinite(at[i]) && at[i] >= 0);
		if (at[0] + at[2] > width + 0.11 || at[1] + at[3] > height + 0.11)
			fail_msg("%.*s is outside of %g x %g", (int)(end - p), p, width, height);
		n++;
	}
	assert_null(strstr(svg, "nan"));
	assert_null(strstr(svg, "inf"));
	return n;
}

static void an_axis_has_round_steps_and_room_for_the_greatest(void **state)
{
	static const struct {
		double greatest;
		enum render_unit unit;
		double step, top;
	} cases[] = {
		{0, RENDER_COUNT, 1, 1},
		{1, RENDER_COUNT, 1, 1},
		{5, RENDER_COUNT, 1, 5},
		{7, RENDER_COUNT, 2, 8},
		{12, RENDER_COUNT, 5, 15},
		{103, RENDER_COUNT, 25, 125},
		{1000, RENDER_COUNT, 200, 1000},
		{1, RENDER_BYTES, 1, 1},
		{1024, RENDER_BYTES, 250, 1250},
		{5120, RENDER_BYTES, 1024, 5120},
		{3e6, RENDER_BYTES, 1048576, 3145728},
		{-5, RENDER_COUNT, 1, 1},
		{NAN, RENDER_COUNT, 1, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct chart_axis axis = chart_axis_of(cases[i].greatest, cases[i].unit);

		if (fabs(axis.step - cases[i].step) > 1e-6 || fabs(axis.top - cases[i].top) > 1e-6)
			fail_msg("%g: step %g to %g", cases[i].greatest, axis.step, axis.top);
	}
}

static void an_axis_has_few_steps_for_any_number(void **state)
{
	(void)state;
	for (double greatest = 1; greatest < 1e20; greatest *= 1.07)
		for (int bytes = 0; bytes < 2; bytes++) {
			struct chart_axis axis =
				chart_axis_of(greatest, bytes ? RENDER_BYTES : RENDER_COUNT);

			assert_true(axis.top >= greatest * 0.999999);
			assert_true(axis.top / axis.step <= 6.01);
			assert_true(axis.top < greatest * 2.6);
		}
}

static void a_value_stays_in_the_box(void **state)
{
	const struct chart_axis axis = chart_axis_of(10, RENDER_COUNT);
	static const double values[] = {-1, 0, 5, 10, 11, (double)INT64_MAX, DBL_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		double y = chart_y(&axis, &box, values[i]);

		assert_true(y >= box.top && y <= box.top + box.height);
	}
	assert_float_equal(chart_y(&axis, &box, 5), 105, 0.001);
}

static void a_moment_stays_in_the_box(void **state)
{
	const struct chart_span span = {.since_us = 1000, .until_us = 2000};
	const struct chart_span moment = {.since_us = 1000, .until_us = 1000};

	(void)state;
	assert_float_equal(chart_x(&span, &box, 1500), 398, 0.001);
	assert_float_equal(chart_x(&span, &box, INT64_MIN), 48, 0.001);
	assert_float_equal(chart_x(&span, &box, INT64_MAX), 748, 0.001);
	assert_float_equal(chart_x(&moment, &box, 1000), 48, 0.001);
}

static void moments_are_round_in_order_and_few_for_any_window(void **state)
{
	const int64_t from = INT64_C(1769860800123456);

	(void)state;
	for (int64_t width = 1; width < INT64_C(250000000000000000); width += width / 3 + 1) {
		const struct chart_span span = {.since_us = from,
						.until_us = from + width,
						.utc = true};
		int64_t at[CHART_MOMENTS_MAX];
		int n = chart_moments(&span, at);

		assert_in_range(n, 0, CHART_MOMENTS_MAX);
		for (int i = 0; i < n; i++) {
			assert_true(at[i] >= from && at[i] <= from + width);
			assert_int_equal(at[i] % US_PER_S, 0);
			assert_true(i == 0 || at[i] > at[i - 1]);
		}
		if (width >= 10 * US_PER_S)
			assert_true(n >= 2);
	}
}

static void moments_go_by_the_local_clock_and_its_changes(void **state)
{
	/* 2026-03-29 01:00Z the clock went from 02:00 to 03:00. */
	const int64_t hour = 3600 * US_PER_S, midnight = INT64_C(1774738800) * US_PER_S;
	const struct chart_span span = {.since_us = midnight, .until_us = midnight + 24 * hour};
	int64_t at[CHART_MOMENTS_MAX];
	int n;

	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	n = chart_moments(&span, at);
	assert_in_range(n, 8, 9);
	assert_int_equal(at[0], midnight);
	assert_int_equal(at[1], midnight + 2 * hour); /* 03:00 */
	assert_int_equal(at[2], midnight + 5 * hour); /* 06:00 */
	unsetenv("TZ");
	tzset();
}

static void a_label_is_short_whatever_the_number(void **state)
{
	static const struct {
		double value;
		enum render_unit unit;
		const char *label;
	} cases[] = {
		{0, RENDER_COUNT, "0"},		{999, RENDER_COUNT, "999"},
		{1500, RENDER_COUNT, "1.5k"},	{20000, RENDER_COUNT, "20k"},
		{1536, RENDER_BYTES, "1.5K"},	{1048576, RENDER_BYTES, "1M"},
		{20, RENDER_DURATION, "20us"},	{5000, RENDER_DURATION, "5ms"},
		{2e6, RENDER_DURATION, "2s"},	{9.3e18, RENDER_COUNT, "9.3E"},
		{9.3e18, RENDER_BYTES, "8.1E"},
	};
	char label[CHART_LABEL_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		chart_label(cases[i].value, cases[i].unit, label);
		assert_string_equal(label, cases[i].label);
	}
}

static void columns_stay_in_their_picture(void **state)
{
	static const int64_t wild[] = {0, 1, INT64_MAX, 17, INT64_MAX}, none[5] = {0};
	static const int64_t negative[] = {-1, INT64_MIN, 0, 5, -7};
	const int64_t begins[] = {-100, 0, 100, 200, INT64_MAX / 2};
	const struct chart_band bands[] = {{0, 1, "a"},
					   {50, 5000, "b"},
					   {INT64_MIN, INT64_MAX, "c"}};
	struct chart_columns chart = {
		.span = {.since_us = 0, .until_us = 300, .utc = true, .bands = bands, .n_bands = 3},
		.unit = RENDER_COUNT,
		.summary = "s",
		.every_us = 100,
		.begins_us = begins,
		.series = {{"a", "s1", wild}, {"b", "s2", none}, {"c", "s3", negative}},
		.n_series = 3,
	};

	(void)state;
	for (int n = 0; n <= 5; n++) {
		char *text;

		chart.n_columns = n;
		WRITTEN(text, chart_columns(out, &chart));
		assert_true(check_rects(text, 760, 230) >= n);
		free(text);
	}
}

static void a_histogram_stays_in_its_picture(void **state)
{
	static const int64_t bounds[] = {0, 1, 2, 5, INT64_MAX};
	static const int64_t counts[] = {0, 3, INT64_MAX, 1};
	struct chart_histogram chart = {
		.summary = "s",
		.bounds_us = bounds,
		.counts = counts,
		.marks = {{"p50", 0}, {"p90", INT64_MAX}, {"p99", -4}},
		.n_marks = 3,
	};

	(void)state;
	for (chart.n = 1; chart.n <= 4; chart.n++) {
		char *text;

		WRITTEN(text, chart_histogram(out, &chart));
		assert_true(check_rects(text, 760, 230) >= chart.n);
		free(text);
	}
}

static void lives_stay_in_their_picture(void **state)
{
	const struct chart_life lives[] = {
		{.name = "a", .said = "", .from_us = INT64_MIN, .to_us = INT64_MAX},
		{.name = "b", .said = "", .from_us = 300, .to_us = 300, .is_open = true},
		{.name = "c", .said = "", .from_us = 5, .to_us = 0},
	};
	const struct chart_lives chart = {.span = {.since_us = 0, .until_us = 300},
					  .summary = "s",
					  .lives = lives,
					  .n = 3};
	char *text;

	(void)state;
	WRITTEN(text, chart_lives(out, &chart));
	assert_int_equal(check_rects(text, 1000, 38 + 66), 6);
	free(text);
}

static void check_ends(const struct chart_node *node, double top, double height)
{
	assert_true(top >= node->top - 1e-6);
	assert_true(height >= 0);
	assert_true(top + height <= node->top + node->height + 1e-6);
}

static void nodes_of_a_map_do_not_lie_on_each_other_and_links_end_at_theirs(void **state)
{
	static const int64_t sizes[] = {0, 1, 1000, INT64_MAX / 4};
	struct chart_node nodes[6] = {{.rank = 0}, {.rank = 0}, {.rank = 1},
				      {.rank = 1}, {.rank = 2}, {.rank = 2}};
	struct chart_link links[8];
	struct chart_map map = {.nodes = nodes, .n_nodes = 6, .links = links};

	(void)state;
	for (int rank = 0; rank < 2; rank++)
		for (int i = 0; i < 4; i++) {
			struct chart_link *link = &links[map.n_links++];

			*link = (struct chart_link){.from = 2 * rank + i / 2,
						    .to = 2 * rank + 2 + i % 2,
						    .n = sizes[(i + rank) % 4]};
			nodes[link->from].out += link->n;
			nodes[link->to].in += link->n;
		}
	chart_map_layout(&map);
	for (int i = 0; i < 6; i++) {
		assert_true(nodes[i].height >= 16 && nodes[i].top >= 0);
		assert_true(nodes[i].top + nodes[i].height <= map.height);
		if (i % 2)
			assert_true(nodes[i].top >= nodes[i - 1].top + nodes[i - 1].height);
	}
	for (int i = 0; i < map.n_links; i++) {
		check_ends(&nodes[links[i].from], links[i].from_top, links[i].from_height);
		check_ends(&nodes[links[i].to], links[i].to_top, links[i].to_height);
	}
}

static void an_empty_map_has_a_height(void **state)
{
	struct chart_map map = {.n_nodes = 0};

	(void)state;
	chart_map_layout(&map);
	assert_true(map.height > 0 && map.height < 100);
}

static void a_name_is_cut_and_escaped_and_cannot_turn_what_is_beside_it(void **state)
{
	char name[256], *text;

	(void)state;
	memset(name, '<', sizeof(name) - 1);
	name[255] = '\0';
	WRITTEN(text, chart_put_text(out, name, 4));
	assert_string_equal(text, "&#x2068;&lt;&lt;&lt;\u2026&#x2069;");
	free(text);
	WRITTEN(text, chart_put_text(out, "\u05e9\u05dc\u202e\x1b", 40));
	assert_string_equal(text, "&#x2068;\u05e9\u05dc\\xe2\\x80\\xae\\x1b&#x2069;");
	free(text);
}

static void a_bar_is_as_long_as_its_value_is_to_the_greatest(void **state)
{
	const struct chart_bar bars[] = {
		{.name = "<b>", .said = "\"", .attributes = "", .value = INT64_MAX},
		{.name = "b",
		 .said = "",
		 .attributes = " data-key=\"p1\"",
		 .value = INT64_MAX / 2,
		 .bad = INT64_MAX},
		{.name = "c", .said = "", .attributes = "", .value = 0},
		{.name = "d", .said = "", .attributes = "", .value = 1},
	};
	const struct chart_bars chart = {.summary = "s", .kind = "s1", .bars = bars, .n = 4};
	char *text;

	(void)state;
	WRITTEN(text, chart_bars(out, &chart));
	assert_int_equal(check_rects(text, 300, 12), 5);
	assert_non_null(strstr(text, "&lt;b&gt;"));
	assert_non_null(strstr(text, "title=\"&quot;\""));
	assert_non_null(strstr(text, "<button type=\"button\" class=\"bar-row\" data-key=\"p1\""));
	assert_non_null(strstr(text, "<rect class=\"s1\" width=\"300.0\""));
	assert_non_null(strstr(text, "<rect class=\"failed\" x=\"0.0\" width=\"150.0\""));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_axis_has_round_steps_and_room_for_the_greatest),
		cmocka_unit_test(an_axis_has_few_steps_for_any_number),
		cmocka_unit_test(a_value_stays_in_the_box),
		cmocka_unit_test(a_moment_stays_in_the_box),
		cmocka_unit_test(moments_are_round_in_order_and_few_for_any_window),
		cmocka_unit_test(moments_go_by_the_local_clock_and_its_changes),
		cmocka_unit_test(a_label_is_short_whatever_the_number),
		cmocka_unit_test(columns_stay_in_their_picture),
		cmocka_unit_test(a_histogram_stays_in_its_picture),
		cmocka_unit_test(lives_stay_in_their_picture),
		cmocka_unit_test(nodes_of_a_map_do_not_lie_on_each_other_and_links_end_at_theirs),
		cmocka_unit_test(an_empty_map_has_a_height),
		cmocka_unit_test(a_name_is_cut_and_escaped_and_cannot_turn_what_is_beside_it),
		cmocka_unit_test(a_bar_is_as_long_as_its_value_is_to_the_greatest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
