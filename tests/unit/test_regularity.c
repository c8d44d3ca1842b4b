/* How regular moments come: by hand, and against the definition worked out plainly. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "regularity.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void assert_near(double got, double want)
{
	if (!(fabs(got - want) <= 1e-9 * (1 + fabs(want))))
		fail_msg("%.12g, not %.12g", got, want);
}

static void the_same_interval_each_time_is_1(void **state)
{
	int64_t moments[50];
	struct regularity r;

	(void)state;
	for (int i = 0; i < 50; i++)
		moments[i] = INT64_C(1769860800000000) + INT64_C(60000000) * (i * 7 % 50);
	r = regularity_of(moments, 50);
	assert_near(r.interval, 60000000);
	assert_near(r.score, 1);
}

/* Intervals 1 2 3 4 10: quartiles 2 3 4, no skew; distances 2 1 0 1 7, so MAD is 1. */
static void a_score_worked_out_by_hand(void **state)
{
	int64_t even[] = {0, 1, 3, 6, 10, 20};
	/* 1 1 2 6 10: quartiles 1 2 6, skewness (1 + 6 - 4) / 5; distances 1 1 0 4 8, MAD 1 */
	int64_t skewed[] = {0, 1, 2, 4, 10, 20};
	struct regularity r = regularity_of(even, COUNT(even));

	(void)state;
	assert_near(r.interval, 3);
	assert_near(r.score, (1 + (1 - 1.0 / 3)) / 2);
	r = regularity_of(skewed, COUNT(skewed));
	assert_near(r.interval, 2);
	assert_near(r.score, ((1 - 0.6) + (1 - 0.5)) / 2);
}

static void missed_ones_do_not_spoil_it(void **state)
{
	int64_t moments[100];
	size_t n = 0;

	(void)state;
	for (int i = 0; n < COUNT(moments); i++)
		if (i % 10 != 3)
			moments[n++] = 30000000 * (int64_t)i + i % 7 * 10000;
	assert_true(regularity_of(moments, n).score > 0.99);
}

static void all_at_one_moment_is_0(void **state)
{
	int64_t moments[] = {5, 5, 5, 5, 5};
	struct regularity r = regularity_of(moments, COUNT(moments));

	(void)state;
	assert_near(r.score, 0);
	assert_near(r.interval, 0);
}

/* ---- against the definition ---- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(double *values, size_t n, double q)
{
	double at = q * (double)(n - 1);
	size_t rank = (size_t)at;

	qsort(values, n, sizeof(*values), compare);
	if (rank + 1 >= n)
		return values[n - 1];
	return values[rank] + (at - (double)rank) * (values[rank + 1] - values[rank]);
}

static struct regularity by_definition(const int64_t *moments, size_t n)
{
	double values[400] = {0}, q1, q2, q3, mad, skew;

	for (size_t i = 0; i < n; i++)
		values[i] = (double)moments[i];
	qsort(values, n, sizeof(*values), compare);
	for (size_t i = 0; i + 1 < n; i++)
		values[i] = values[i + 1] - values[i];
	n--;
	q1 = quantile(values, n, 0.25);
	q2 = quantile(values, n, 0.5);
	q3 = quantile(values, n, 0.75);
	if (q2 == 0)
		return (struct regularity){0};
	for (size_t i = 0; i < n; i++)
		values[i] = fabs(values[i] - q2);
	mad = quantile(values, n, 0.5);
	skew = q3 - q1 <= q2 / 10 ? 0 : (q1 + q3 - 2 * q2) / (q3 - q1);
	return (struct regularity){q2, (1 - fabs(skew) + fmax(0, 1 - mad / q2)) / 2};
}

static void any_moments_score_as_defined(void **state)
{
	unsigned seed = 20260131;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		int64_t moments[400], copy[400];
		size_t n = 2 + (size_t)(rand_r(&seed) % (round % 10 ? 60 : 399));
		int64_t at = 0, every = 1 + rand_r(&seed) % 100000;
		struct regularity got, want;

		for (size_t i = 0; i < n; i++) {
			at += rand_r(&seed) % 3 ? every : rand_r(&seed) % 100000;
			moments[i] = round % 4 ? at : rand_r(&seed);
			if (round % 3 == 0 && i && rand_r(&seed) % 4 == 0) { /* out of order */
				int64_t other = moments[i];

				moments[i] = moments[i - 1];
				moments[i - 1] = other;
			}
		}
		memcpy(copy, moments, sizeof(copy));
		want = by_definition(copy, n);
		got = regularity_of(moments, n);
		assert_near(got.interval, want.interval);
		assert_near(got.score, want.score);
		assert_true(got.score >= 0 && got.score <= 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_interval_each_time_is_1),
		cmocka_unit_test(a_score_worked_out_by_hand),
		cmocka_unit_test(missed_ones_do_not_spoil_it),
		cmocka_unit_test(all_at_one_moment_is_0),
		cmocka_unit_test(any_moments_score_as_defined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
