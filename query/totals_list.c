#include "totals_list.h"

#include <string.h>

#define FIRST_ROOM 1024
#define EMPTY	   (-1)

struct list_book {
	const struct sums *first;
	uint32_t last_number;
};

/* ---- gathering ---- */

static int grow(struct sums *s, struct sums_list *list)
{
	size_t room = list->room ? 2 * list->room : FIRST_ROOM;
	int rc = sums_resize(s, (void **)&list->values, list->room * sizeof(*list->values),
			     room * sizeof(*list->values));

	if (rc == SQLITE_OK)
		rc = sums_resize(s, (void **)&list->groups, list->room * sizeof(*list->groups),
				 room * sizeof(*list->groups));
	if (rc == SQLITE_OK)
		list->room = room;
	return rc;
}

int list_add(struct sums *s, int number, sqlite3_value *value, const int64_t *values, int64_t *sum)
{
	struct sums_list *list = &s->lists[number];
	size_t stride = (size_t)(s->n_keys + s->n_values);

	if (sqlite3_value_type(value) == SQLITE_NULL)
		return SQLITE_OK;
	if (list->n == list->room) {
		int rc = grow(s, list);

		if (rc != SQLITE_OK)
			return rc;
	}
	list->values[list->n] = sqlite3_value_int64(value);
	list->groups[list->n++] = (uint32_t)((size_t)(values - s->n_keys - s->cells) / stride);
	++*sum;
	return SQLITE_OK;
}

/* ---- packing ---- */

/* Room for each group's values, behind their number, which grows as they are put there. */
static void lay_out(struct sums *s, int value, size_t *used)
{
	for (size_t group = 0; group < s->n; group++) {
		int64_t *cell = (int64_t *)sums_values(s, group) + value;
		int64_t n = *cell;

		*cell = n ? (int64_t)*used : EMPTY;
		if (n == 0)
			continue;
		s->packed[*used] = 0;
		*used += (size_t)n + 1;
	}
}

static void fill(struct sums *s, int value, const struct sums_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		int64_t *block = s->packed + sums_values(s, list->groups[i])[value];

		block[++block[0]] = list->values[i];
	}
}

static void forget(struct sums *s, struct sums_list *list)
{
	sqlite3_free(list->values);
	sqlite3_free(list->groups);
	s->bytes -= list->room * (sizeof(*list->values) + sizeof(*list->groups));
	*list = (struct sums_list){0};
}

int lists_pack(struct sums *s)
{
	size_t used = 0;
	int rc = SQLITE_OK, n_lists = 0;

	for (int i = 0; i < SUMS_MAX_LISTS; i++)
		if (s->lists[i].n)
			s->n_packed += s->lists[i].n + s->n;
	if (s->n_packed > UINT32_MAX)
		return SQLITE_FULL;
	if (s->n_packed)
		rc = sums_resize(s, (void **)&s->packed, 0, s->n_packed * sizeof(*s->packed));
	for (int i = 0; i < s->n_values && rc == SQLITE_OK; i++) {
		struct sums_list *list = &s->lists[n_lists];

		if (s->kinds[i] != SUM_LIST)
			continue;
		lay_out(s, i, &used);
		fill(s, i, list);
		forget(s, list);
		n_lists++;
	}
	return rc;
}

/* ---- the book ---- */

struct list_book *list_book_new(void)
{
	struct list_book *book = sqlite3_malloc64(sizeof(*book));

	if (book)
		*book = (struct list_book){0};
	return book;
}

void list_book_add(struct list_book *book, struct sums *s)
{
	if (!s->packed)
		return;
	/* Positive, also when shifted. */
	book->last_number = book->last_number % INT32_MAX + 1;
	s->number = book->last_number;
	s->next = book->first;
	book->first = s;
}

void list_book_remove(struct list_book *book, const struct sums *s)
{
	const struct sums **at = &book->first;

	while (*at && *at != s)
		at = (const struct sums **)&(*at)->next;
	if (*at)
		*at = s->next;
}

void list_give(sqlite3_context *ctx, const struct sums *s, int64_t number)
{
	if (number != EMPTY)
		sqlite3_result_int64(ctx, (int64_t)s->number << 32 | number);
}

/* Whatever number somebody writes: only the begin of a list is one. */
const int64_t *list_values(const struct list_book *book, int64_t shown, size_t *n)
{
	uint32_t at = (uint32_t)shown;
	const struct sums *s = book->first;

	while (s && s->number != shown >> 32)
		s = s->next;
	if (!s || at >= s->n_packed || s->packed[at] < 1 ||
	    (uint64_t)s->packed[at] > s->n_packed - at - 1)
		return NULL;
	*n = (size_t)s->packed[at];
	return s->packed + at + 1;
}
