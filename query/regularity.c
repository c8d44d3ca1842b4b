#include "regularity.h"

#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* They came in the order in which the connections ended, nearly that in which they began:
 * few have far to go. */
static void sort_nearly_sorted(int64_t *values, size_t n)
{
	size_t moves = 8 * n;

	for (size_t i = 1; i < n; i++) {
		int64_t value = values[i];
		size_t at = i;

		for (; at > 0 && values[at - 1] > value && moves > 0; at--, moves--)
			values[at] = values[at - 1];
		values[at] = value;
		if (moves == 0) {
			qsort(values, n, sizeof(*values), compare);
			return;
		}
	}
}

/* As percentile(): between two ranks in proportion. */
static double quartile(const int64_t *sorted, size_t n, int which)
{
	double at = which * (double)(n - 1) / 4;
	size_t rank = (size_t)at;
	double share = at - (double)rank;

	if (share <= 0)
		return (double)sorted[rank];
	return (double)sorted[rank] * (1 - share) + (double)sorted[rank + 1] * share;
}

static double skew_score(double q1, double q2, double q3)
{
	if (q3 - q1 <= q2 / 10)
		return 1;
	return 1 - fabs((q1 + q3 - 2 * q2) / (q3 - q1));
}

/* The value of @rank among the distances of sorted values from @middle: those on either side
 * of it are in order, so the nearer of two is the next. */
static double distance_at(const int64_t *sorted, size_t n, double middle, size_t rank)
{
	size_t right = 0, left;

	while (right < n && (double)sorted[right] < middle)
		right++;
	left = right;
	for (;; rank--) {
		double below = left > 0 ? middle - (double)sorted[left - 1] : INFINITY;
		double above = right < n ? (double)sorted[right] - middle : INFINITY;

		if (rank == 0)
			return below < above ? below : above;
		if (below < above)
			left--;
		else
			right++;
	}
}

/* Median absolute deviation. */
static double deviation_from(const int64_t *sorted, size_t n, double middle)
{
	double low = distance_at(sorted, n, middle, (n - 1) / 2);

	return n % 2 ? low : (low + distance_at(sorted, n, middle, n / 2)) / 2;
}

struct regularity regularity_of(int64_t *moments, size_t n)
{
	size_t n_intervals = n - 1;
	double q1, q2, q3, deviation, spread;

	sort_nearly_sorted(moments, n);
	for (size_t i = 0; i < n_intervals; i++)
		/* Of moments that cannot be it may be more than fits; then it is less than 0. */
		moments[i] = (int64_t)((uint64_t)moments[i + 1] - (uint64_t)moments[i]);
	qsort(moments, n_intervals, sizeof(*moments), compare);
	q1 = quartile(moments, n_intervals, 1);
	q2 = quartile(moments, n_intervals, 2);
	q3 = quartile(moments, n_intervals, 3);
	if (q2 <= 0)
		return (struct regularity){0};
	deviation = deviation_from(moments, n_intervals, q2);
	spread = deviation < q2 ? 1 - deviation / q2 : 0;
	return (struct regularity){q2, (skew_score(q1, q2, q3) + spread) / 2};
}
