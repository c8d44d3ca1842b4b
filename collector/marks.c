#include "marks.h"

#include <errno.h>
#include <stdlib.h>

int marks_begin(struct marks *m, enum marked table, int64_t first, int64_t last)
{
	struct bits *b = &m->tables[table];

	free(b->bits);
	*b = (struct bits){.first = first};
	if (first > last)
		return 0;
	/* The difference may be greater than an int64_t. */
	b->n = (uint64_t)last - (uint64_t)first < (uint64_t)MARKS_MAX ? last - first + 1
								      : MARKS_MAX;
	b->bits = calloc((size_t)(b->n + 7) / 8, 1);
	if (b->bits)
		return 0;
	b->n = 0;
	return -ENOMEM;
}

void marks_clear(struct marks *m)
{
	for (int i = 0; i < MARKED_TABLES; i++) {
		free(m->tables[i].bits);
		m->tables[i] = (struct bits){0};
	}
}

static bool is_known(const struct bits *b, int64_t id)
{
	return id >= b->first && (uint64_t)id - (uint64_t)b->first < (uint64_t)b->n;
}

void marks_set(struct marks *m, enum marked table, int64_t id)
{
	struct bits *b = &m->tables[table];

	if (is_known(b, id))
		b->bits[(id - b->first) / 8] |= (uint8_t)(1u << (id - b->first) % 8);
}

bool marks_has(const struct marks *m, enum marked table, int64_t id)
{
	const struct bits *b = &m->tables[table];

	return !is_known(b, id) || b->bits[(id - b->first) / 8] & 1u << (id - b->first) % 8;
}
