/*
 * percentile(x, p): exact, and as SQLite's own of 3.47 and later: of n values in order,
 * number p/100 * (n - 1), counted from 0, and between two of them in proportion. All values
 * of a group are kept, 8 bytes each, up to VALUES_MAX.
 *
 * The one of a rank is found byte by byte from the top, over counts of how many values have
 * which byte next: nine passes at most, whatever the values are. Sorting takes longer, and a
 * quickselect may take very long where somebody chose them so.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "functions_parts.h"

#define VALUES_MAX (32 << 20) /* 256 MiB */

struct values {
	uint64_t *key; /* see key_of() */
	size_t n, room;
	double percent;
	bool failed;
};

#define SIGN (UINT64_C(1) << 63)

/* Keys are ordered as their numbers are. */
static uint64_t key_of(double number)
{
	uint64_t bits;

	number += 0.0; /* there is one zero */
	memcpy(&bits, &number, sizeof(bits));
	return bits & SIGN ? ~bits : bits | SIGN;
}

static double number_of(uint64_t key)
{
	uint64_t bits = key & SIGN ? key & ~SIGN : ~key;
	double number;

	memcpy(&number, &bits, sizeof(number));
	return number;
}

/* The one of @n keys that has so many less ones, @rank, from 0. */
static uint64_t key_at(const uint64_t *key, size_t n, size_t rank)
{
	uint64_t same = UINT64_MAX, any = 0, prefix = 0;
	int top = 56;

	for (size_t i = 0; i < n; i++) {
		same &= key[i];
		any |= key[i];
	}
	/* What they have in common at the top needs no counting. */
	while (top > 0 && (same ^ any) >> top == 0)
		top -= 8;
	if (top < 56)
		prefix = any >> (top + 8);
	for (int shift = top; shift >= 0; shift -= 8) {
		size_t count[256] = {0};
		uint64_t byte = 0;

		for (size_t i = 0; i < n; i++)
			if (shift == 56 || key[i] >> (shift + 8) == prefix)
				count[key[i] >> shift & 255]++;
		while (rank >= count[byte])
			rank -= count[byte++];
		prefix = prefix << 8 | byte;
	}
	return prefix;
}

double percentile_of(const uint64_t *key, size_t n, double percent, double (*number)(uint64_t key))
{
	const double at = percent * (double)(n - 1) / 100;
	const size_t rank = (size_t)at;
	const double share = at - (double)rank, below = number(key_at(key, n, rank));
	const double above = share > 0 ? number(key_at(key, n, rank + 1)) : below;

	/* Of what is infinitely far away no share is taken. */
	return isfinite(above - below) ? below + share * (above - below) : below;
}

static void fail(sqlite3_context *ctx, struct values *v, const char *words)
{
	v->failed = true;
	sqlite3_result_error(ctx, words, -1);
}

static bool grow(struct values *v)
{
	size_t room = v->room ? 2 * v->room : 16;
	uint64_t *more = sqlite3_realloc64(v->key, room * sizeof(*more));

	if (!more)
		return false;
	v->key = more;
	v->room = room;
	return true;
}

static bool is_number(sqlite3_value *value)
{
	int type = sqlite3_value_numeric_type(value);

	return type == SQLITE_INTEGER || type == SQLITE_FLOAT;
}

void percentile_step(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct values *v = sqlite3_aggregate_context(ctx, sizeof(*v));
	double percent = sqlite3_value_double(argv[1]);

	(void)argc;
	if (!v) {
		sqlite3_result_error_nomem(ctx);
		return;
	}
	if (v->failed || sqlite3_value_type(argv[0]) == SQLITE_NULL)
		return;
	if (!is_number(argv[1]) || !(percent >= 0 && percent <= 100)) {
		fail(ctx, v, "percentile: the second argument must be from 0 to 100");
	} else if (v->n && percent != v->percent) {
		fail(ctx, v, "percentile: the second argument must be the same for all rows");
	} else if (!is_number(argv[0])) {
		fail(ctx, v, "percentile: the first argument is no number");
	} else if (v->n == VALUES_MAX) {
		fail(ctx, v, "percentile: more than 33554432 values in one group; narrow it");
	} else if (v->n == v->room && !grow(v)) {
		v->failed = true;
		sqlite3_result_error_nomem(ctx);
	} else {
		v->percent = percent;
		v->key[v->n++] = key_of(sqlite3_value_double(argv[0]));
	}
}

void percentile_final(sqlite3_context *ctx)
{
	struct values *v = sqlite3_aggregate_context(ctx, 0);

	if (!v)
		return;
	if (v->n && !v->failed)
		sqlite3_result_double(ctx, percentile_of(v->key, v->n, v->percent, number_of));
	sqlite3_free(v->key);
	v->key = NULL;
}
