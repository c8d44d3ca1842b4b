/*
 * totals_hash.h - sums by key, in memory: what GROUP BY does, without sorting.
 *
 * A key is a row of int64_t: numbers as they are, texts as the code that sums_text()
 * gives. All functions return SQLITE_OK, SQLITE_NOMEM, or SQLITE_FULL when it would take
 * more than max_bytes.
 */
#ifndef CONNMON_TOTALS_HASH_H
#define CONNMON_TOTALS_HASH_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#define SUMS_MAX_VALUES 16

#define SUMS_NULL INT64_MIN /* in a key */

enum sum_kind { SUM_ADD, SUM_MIN, SUM_MAX, SUM_LIST /* see totals_list.h */ };

/* What SUM_MIN and SUM_MAX hold when nothing has come. */
#define SUMS_NO_MIN INT64_MAX
#define SUMS_NO_MAX INT64_MIN

#define SUMS_MAX_LISTS 4

struct sums {
	int n_keys, n_values;
	uint64_t text_keys; /* bit i: the i-th of a key is the code of a text */
	enum sum_kind kinds[SUMS_MAX_VALUES];
	size_t max_bytes, bytes;

	int64_t *cells;	 /* groups of n_keys and then n_values numbers */
	size_t n, room;	 /* groups */
	uint64_t *slots; /* 0 (free), or 32 bits of the key's hash, and 1 + the group's number */
	size_t n_slots;

	struct sums_text {
		size_t at; /* in text_bytes */
		uint32_t len;
	} * texts;
	size_t n_texts, texts_room;
	char *text_bytes;
	size_t text_used, text_room;
	uint64_t *text_slots; /* likewise */
	size_t n_text_slots;
	size_t last_text;

	/* The values of the i-th of the lists as they came, and the group of each. */
	struct sums_list {
		int64_t *values;
		uint32_t *groups;
		size_t n, room;
	} lists[SUMS_MAX_LISTS];
	int64_t *packed; /* lists, one behind the other: how many, and the values */
	size_t n_packed;
	uint32_t number;	 /* in the book, and the next that is there */
	const struct sums *next; /* (see totals_list.h) */
};

/* Of zeroed memory, with n_keys, text_keys, n_values, kinds and max_bytes set. */
void sums_clear(struct sums *s);

/* The values of the group @key, made when it is new. Valid until the next call. */
int sums_group(struct sums *s, const int64_t *key, int64_t **values);

/* The code of a text: the same for the same bytes. */
int sums_text(struct sums *s, const char *bytes, size_t len, int64_t *code);

/* Sorts the groups by the first @n_keys of their keys, NULL first, texts byte by byte; down
 * instead where @down has bit i for the i-th. After it there is no sums_group() and no
 * sums_text() any more. */
int sums_sort(struct sums *s, int n_keys, uint64_t down);

/* Makes *@memory of @from_bytes larger or, if it is 0, new, and counts it. */
int sums_resize(struct sums *s, void **memory, size_t from_bytes, size_t to_bytes);

static inline const int64_t *sums_key(const struct sums *s, size_t group)
{
	return s->cells + group * (size_t)(s->n_keys + s->n_values);
}

static inline const int64_t *sums_values(const struct sums *s, size_t group)
{
	return sums_key(s, group) + s->n_keys;
}

#endif
