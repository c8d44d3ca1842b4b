#include "batch.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int batch_init(struct batch *b, size_t capacity, int64_t now_ns)
{
	struct connection *rows = calloc(capacity, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	*b = (struct batch){.rows = rows, .capacity = capacity, .last_flush_ns = now_ns};
	return 0;
}

void batch_clear(struct batch *b)
{
	free(b->rows);
	*b = (struct batch){0};
}

void batch_add(struct batch *b, const struct connection *c)
{
	assert(b->n < b->capacity);
	if (b->n == 0 || c->end_boot_ns < b->oldest_end_ns)
		b->oldest_end_ns = c->end_boot_ns;
	b->rows[b->n++] = *c;
}

bool batch_full(const struct batch *b)
{
	return b->n == b->capacity;
}

bool batch_due(const struct batch *b, int64_t every_ns, int64_t now_ns)
{
	return batch_full(b) || now_ns - b->last_flush_ns >= every_ns;
}

int64_t batch_flushed_until(const struct batch *b, int64_t now_ns)
{
	return b->n > 0 && b->oldest_end_ns < now_ns ? b->oldest_end_ns : now_ns;
}

static int by_end(const void *a, const void *b)
{
	const struct connection *x = a, *y = b;

	if (x->end_boot_ns != y->end_boot_ns)
		return x->end_boot_ns < y->end_boot_ns ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

/* They nearly always come so: only those of several processors may overtake each other. */
static bool is_sorted(const struct batch *b)
{
	for (size_t i = 1; i < b->n; i++)
		if (by_end(&b->rows[i - 1], &b->rows[i]) > 0)
			return false;
	return true;
}

void batch_sort(struct batch *b)
{
	if (!is_sorted(b))
		qsort(b->rows, b->n, sizeof(b->rows[0]), by_end);
}

void batch_forget_rows(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		connection_forget_rows(&b->rows[i]);
}

void batch_flushed(struct batch *b, int64_t now_ns)
{
	b->n = 0;
	b->last_flush_ns = now_ns;
}
