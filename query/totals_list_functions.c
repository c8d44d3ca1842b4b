/*
 * What is asked of lists: aggregates over the _list columns of totals.
 *
 *	list_percentile(list, p)  as percentile(), of all the values
 *	list_ports(list)          how many different values from 0 to 65535 there are
 *	list_regularity(list)     of moments: how regular they come (see regularity.h), as
 *	                          {"score":0.93,"interval_us":60000000}
 *	list_steps(list)          how many values are in which of the steps from 0, 1, 2, 5, 10,
 *	                          20 ... on, from the first to the last that has some: as
 *	                          "20 50 3,50 100 17", each from, to (which is the next), how many
 *
 * NULL when there are too few values. Each takes 8 bytes for each value of its group.
 */
#include <stdbool.h>
#include <string.h>

#include "functions_parts.h"
#include "regularity.h"
#include "totals_list.h"

struct values {
	int64_t *value;
	size_t n, room;
	double percent;
	bool failed;
};

static bool make_room(struct values *v, size_t more)
{
	size_t room = v->n + more > 2 * v->room ? v->n + more : 2 * v->room;
	int64_t *values;

	if (v->n + more <= v->room)
		return true;
	values = sqlite3_realloc64(v->value, room * sizeof(*values));
	if (!values)
		return false;
	v->value = values;
	v->room = room;
	return true;
}

static void step(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct values *v = sqlite3_aggregate_context(ctx, sizeof(*v));
	const int64_t *list;
	size_t n;

	if (!v) {
		sqlite3_result_error_nomem(ctx);
		return;
	}
	if (argc == 2)
		v->percent = sqlite3_value_double(argv[1]);
	if (v->failed || sqlite3_value_type(argv[0]) == SQLITE_NULL)
		return;
	list = list_values(sqlite3_user_data(ctx), sqlite3_value_int64(argv[0]), &n);
	if (!list || !(v->percent >= 0 && v->percent <= 100)) {
		v->failed = true;
		sqlite3_result_error(ctx,
				     list ? "list_percentile: the second argument must be from 0"
					    " to 100"
					  : "this is no list of totals, or its rows are gone",
				     -1);
	} else if (!make_room(v, n)) {
		v->failed = true;
		sqlite3_result_error_nomem(ctx);
	} else {
		memcpy(v->value + v->n, list, n * sizeof(*list));
		v->n += n;
	}
}

/* The values of a group at its end; NULL when there is nothing to be said of them. The caller
 * clears them. */
static struct values *values_of(sqlite3_context *ctx)
{
	struct values *v = sqlite3_aggregate_context(ctx, 0);

	return v && v->n && !v->failed ? v : NULL;
}

static void clear(sqlite3_context *ctx)
{
	struct values *v = sqlite3_aggregate_context(ctx, 0);

	if (v) {
		sqlite3_free(v->value);
		*v = (struct values){0};
	}
}

/* Keys are ordered as their numbers are. */
#define SIGN (UINT64_C(1) << 63)

static double number_of(uint64_t key)
{
	return (double)(int64_t)(key ^ SIGN);
}

static void percentile_end(sqlite3_context *ctx)
{
	struct values *v = values_of(ctx);

	if (v) {
		uint64_t *key = (uint64_t *)v->value;

		for (size_t i = 0; i < v->n; i++)
			key[i] ^= SIGN;
		sqlite3_result_double(ctx, percentile_of(key, v->n, v->percent, number_of));
	}
	clear(ctx);
}

static void ports_end(sqlite3_context *ctx)
{
	struct values *v = values_of(ctx);
	unsigned char seen[65536 / 8] = {0};
	int n = 0;

	for (size_t i = 0; v && i < v->n; i++) {
		int64_t port = v->value[i];

		if (port < 0 || port > 65535 || (seen[port / 8] >> port % 8 & 1))
			continue;
		seen[port / 8] |= (unsigned char)(1 << port % 8);
		n++;
	}
	if (v)
		sqlite3_result_int(ctx, n);
	clear(ctx);
}

static void regularity_end(sqlite3_context *ctx)
{
	struct values *v = values_of(ctx);

	if (v && v->n >= REGULARITY_MIN) {
		struct regularity r = regularity_of(v->value, v->n);

		sqlite3_result_text(ctx,
				    sqlite3_mprintf("{\"score\":%.6f,\"interval_us\":%lld}",
						    r.score, (long long)r.interval),
				    -1, sqlite3_free);
	}
	clear(ctx);
}

/* 1, 2, 5, 10, 20 ...; INT64_MAX behind the last. */
static int64_t next_bound(int64_t bound)
{
	int64_t first = bound;

	if (bound == 0)
		return 1;
	if (bound > INT64_MAX / 5)
		return INT64_MAX;
	while (first >= 10)
		first /= 10;
	return first == 2 ? bound / 2 * 5 : bound * 2;
}

#define STEPS_MAX 64 /* up to 2^63 there are 58 */

static int step_of(const int64_t *bounds, int n, int64_t value)
{
	int from = 0;

	while (n - from > 1) {
		const int middle = (from + n) / 2;

		if (bounds[middle] <= value)
			from = middle;
		else
			n = middle;
	}
	return from;
}

static void steps_end(sqlite3_context *ctx)
{
	struct values *v = values_of(ctx);
	int64_t bounds[STEPS_MAX] = {0}, counts[STEPS_MAX] = {0};
	sqlite3_str *text;
	int n = 1, from = 0;

	while (n < STEPS_MAX && bounds[n - 1] < INT64_MAX) {
		bounds[n] = next_bound(bounds[n - 1]);
		n++;
	}
	for (size_t i = 0; v && i < v->n; i++)
		counts[step_of(bounds, n - 1, v->value[i] > 0 ? v->value[i] : 0)]++;
	clear(ctx);
	if (!v)
		return;
	for (n--; n > 0 && counts[n - 1] == 0; n--)
		;
	while (counts[from] == 0)
		from++;
	text = sqlite3_str_new(sqlite3_context_db_handle(ctx));
	for (int i = from; i < n; i++)
		sqlite3_str_appendf(text, "%s%lld %lld %lld", i > from ? "," : "", bounds[i],
				    bounds[i + 1], counts[i]);
	sqlite3_result_text(ctx, sqlite3_str_finish(text), -1, sqlite3_free);
}

int list_register(sqlite3 *db, struct list_book *book)
{
	static const struct {
		const char *name;
		int n_args;
		void (*end)(sqlite3_context *);
	} functions[] = {
		{"list_percentile", 2, percentile_end},
		{"list_ports", 1, ports_end},
		{"list_regularity", 1, regularity_end},
		{"list_steps", 1, steps_end},
	};
	int rc = SQLITE_OK;

	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]) && rc == SQLITE_OK; i++)
		rc = sqlite3_create_function_v2(db, functions[i].name, functions[i].n_args,
						SQLITE_UTF8 | SQLITE_DIRECTONLY, book, NULL, step,
						functions[i].end, NULL);
	return rc;
}
