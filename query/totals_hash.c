#include "totals_hash.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 256

void sums_clear(struct sums *s)
{
	sqlite3_free(s->cells);
	sqlite3_free(s->slots);
	sqlite3_free(s->texts);
	sqlite3_free(s->text_bytes);
	sqlite3_free(s->text_slots);
	for (int i = 0; i < SUMS_MAX_LISTS; i++) {
		sqlite3_free(s->lists[i].values);
		sqlite3_free(s->lists[i].groups);
	}
	sqlite3_free(s->packed);
	memset(s, 0, sizeof(*s));
}

int sums_resize(struct sums *s, void **memory, size_t from_bytes, size_t to_bytes)
{
	void *more;

	if (to_bytes - from_bytes > s->max_bytes - s->bytes)
		return SQLITE_FULL;
	more = sqlite3_realloc64(*memory, to_bytes);
	if (!more)
		return SQLITE_NOMEM;
	*memory = more;
	s->bytes += to_bytes - from_bytes;
	return SQLITE_OK;
}

/* Makes room for one more of @size bytes; *@room counts them. */
static int grow(struct sums *s, void **memory, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : FIRST_ROOM;
	int rc = sums_resize(s, memory, *room * size, more * size);

	if (rc == SQLITE_OK)
		*room = more;
	return rc;
}

/* The odd constants are 2^64 divided by the golden ratio, and xxHash's second prime. */
static uint64_t mix(uint64_t hash, uint64_t number)
{
	hash = (hash ^ number) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ (hash >> 29);
}

static uint64_t key_hash(const int64_t *key, int n)
{
	uint64_t hash = UINT64_C(0xc2b2ae3d27d4eb4f);

	for (int i = 0; i < n; i++)
		hash = mix(hash, (uint64_t)key[i]);
	return (hash ^ (hash >> 32)) & UINT32_MAX;
}

static bool same_key(const int64_t *a, const int64_t *b, int n)
{
	for (int i = 0; i < n; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

#define SLOT(hash, i)	 ((hash) << 32 | ((i) + 1))
#define SLOT_HASH(slot)	 ((slot) >> 32)
#define SLOT_INDEX(slot) ((slot & UINT32_MAX) - 1)

static void fill_slot(uint64_t *slots, size_t n, uint64_t slot)
{
	size_t at = SLOT_HASH(slot) & (n - 1);

	while (slots[at])
		at = (at + 1) & (n - 1);
	slots[at] = slot;
}

/* Half of the slots are free, always, so that a search ends soon. */
static int grow_slots(struct sums *s, uint64_t **slots, size_t *n)
{
	size_t more = *n ? 2 * *n : 2 * FIRST_ROOM;
	uint64_t *moved = NULL;
	int rc = sums_resize(s, (void **)&moved, 0, more * sizeof(*moved));

	if (rc != SQLITE_OK)
		return rc;
	memset(moved, 0, more * sizeof(*moved));
	for (size_t i = 0; i < *n; i++)
		if ((*slots)[i])
			fill_slot(moved, more, (*slots)[i]);
	sqlite3_free(*slots);
	s->bytes -= *n * sizeof(*moved);
	*slots = moved;
	*n = more;
	return SQLITE_OK;
}

static int new_group(struct sums *s, const int64_t *key, uint64_t hash, int64_t **values)
{
	static const int64_t empty[] = {
		[SUM_ADD] = 0, [SUM_MIN] = SUMS_NO_MIN, [SUM_MAX] = SUMS_NO_MAX, [SUM_LIST] = 0};
	size_t stride = (size_t)(s->n_keys + s->n_values);
	int64_t *cells;

	if (s->n == s->room) {
		int rc = grow(s, (void **)&s->cells, &s->room,
			      (stride ? stride : 1) * sizeof(*s->cells));

		if (rc != SQLITE_OK)
			return rc;
	}
	cells = s->cells + s->n * stride;
	for (int i = 0; i < s->n_keys; i++)
		cells[i] = key[i];
	*values = cells + s->n_keys;
	for (int i = 0; i < s->n_values; i++)
		(*values)[i] = empty[s->kinds[i]];
	fill_slot(s->slots, s->n_slots, SLOT(hash, s->n));
	s->n++;
	return SQLITE_OK;
}

int sums_group(struct sums *s, const int64_t *key, int64_t **values)
{
	uint64_t hash = key_hash(key, s->n_keys);
	size_t at;

	if (2 * (s->n + 1) > s->n_slots) {
		int rc = grow_slots(s, &s->slots, &s->n_slots);

		if (rc != SQLITE_OK)
			return rc;
	}
	for (at = hash & (s->n_slots - 1); s->slots[at]; at = (at + 1) & (s->n_slots - 1)) {
		const int64_t *other = sums_key(s, SLOT_INDEX(s->slots[at]));

		if (SLOT_HASH(s->slots[at]) == hash && same_key(key, other, s->n_keys)) {
			*values = (int64_t *)other + s->n_keys;
			return SQLITE_OK;
		}
	}
	return new_group(s, key, hash, values);
}

static int compare_texts(const void *a, const void *b, void *sums)
{
	const struct sums *s = sums;
	const struct sums_text *x = &s->texts[*(const uint32_t *)a];
	const struct sums_text *y = &s->texts[*(const uint32_t *)b];
	int order = memcmp(s->text_bytes + x->at, s->text_bytes + y->at,
			   x->len < y->len ? x->len : y->len);

	return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* Gives the texts codes that are in their order: comparing codes is enough then. */
static int sort_texts(struct sums *s)
{
	uint32_t *order = NULL, *code = NULL;
	struct sums_text *sorted = NULL;
	int rc = sums_resize(s, (void **)&order, 0, s->n_texts * sizeof(*order));

	if (rc == SQLITE_OK)
		rc = sums_resize(s, (void **)&code, 0, s->n_texts * sizeof(*code));
	if (rc == SQLITE_OK)
		rc = sums_resize(s, (void **)&sorted, 0, s->texts_room * sizeof(*sorted));
	if (rc != SQLITE_OK) {
		sqlite3_free(order);
		sqlite3_free(code);
		return rc;
	}
	for (size_t i = 0; i < s->n_texts; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, s->n_texts, sizeof(*order), compare_texts, s);
	for (size_t i = 0; i < s->n_texts; i++) {
		sorted[i] = s->texts[order[i]];
		code[order[i]] = (uint32_t)i;
	}
	for (size_t i = 0; i < s->n; i++) {
		int64_t *key = s->cells + i * (size_t)(s->n_keys + s->n_values);

		for (int k = 0; k < s->n_keys; k++)
			if (s->text_keys >> k & 1 && key[k] != SUMS_NULL)
				key[k] = code[key[k]];
	}
	sqlite3_free(s->texts);
	sqlite3_free(order);
	sqlite3_free(code);
	s->texts = sorted;
	s->bytes -= s->n_texts * 2 * sizeof(*code) + s->texts_room * sizeof(*sorted);
	return SQLITE_OK;
}

struct key_order {
	int n_keys;
	uint64_t down;
};

static int compare_keys(const void *a, const void *b, void *key_order)
{
	const struct key_order *order = key_order;
	const int64_t *x = a, *y = b;

	for (int i = 0; i < order->n_keys; i++)
		if (x[i] != y[i])
			return (x[i] < y[i]) == (order->down >> i & 1) ? 1 : -1;
	return 0;
}

int sums_sort(struct sums *s, int n_keys, uint64_t down)
{
	struct key_order order = {n_keys, down};
	int rc = SQLITE_OK;

	if (n_keys == 0 || s->n == 0)
		return SQLITE_OK;
	if (s->n_texts && s->text_keys & ((UINT64_C(1) << n_keys) - 1))
		rc = sort_texts(s);
	if (rc == SQLITE_OK)
		qsort_r(s->cells, s->n, (size_t)(s->n_keys + s->n_values) * sizeof(*s->cells),
			compare_keys, &order);
	return rc;
}

/* The last eight bytes once more, or what there is of them, rather than one by one. */
static uint64_t text_hash(const char *bytes, size_t len)
{
	uint64_t hash = len, eight = 0;

	for (size_t at = 0; at + sizeof(eight) <= len; at += sizeof(eight)) {
		memcpy(&eight, bytes + at, sizeof(eight));
		hash = mix(hash, eight);
	}
	if (len >= sizeof(eight))
		memcpy(&eight, bytes + len - sizeof(eight), sizeof(eight));
	else
		memcpy(&eight, bytes, len);
	hash = mix(hash, eight);
	return (hash ^ (hash >> 32)) & UINT32_MAX;
}

static bool same_text(const struct sums *s, size_t i, const char *bytes, size_t len)
{
	return s->texts[i].len == len && !memcmp(s->text_bytes + s->texts[i].at, bytes, len);
}

static int new_text(struct sums *s, const char *bytes, size_t len, uint64_t hash)
{
	int rc = SQLITE_OK;

	if (s->n_texts == s->texts_room)
		rc = grow(s, (void **)&s->texts, &s->texts_room, sizeof(*s->texts));
	/* One byte more, so that there are some when all texts are empty. */
	while (rc == SQLITE_OK && s->text_room - s->text_used < len + 1)
		rc = grow(s, (void **)&s->text_bytes, &s->text_room, 1);
	if (rc != SQLITE_OK)
		return rc;
	memcpy(s->text_bytes + s->text_used, bytes, len);
	s->texts[s->n_texts] = (struct sums_text){.at = s->text_used, .len = (uint32_t)len};
	s->text_used += len;
	fill_slot(s->text_slots, s->n_text_slots, SLOT(hash, s->n_texts));
	s->last_text = s->n_texts++;
	return SQLITE_OK;
}

int sums_text(struct sums *s, const char *bytes, size_t len, int64_t *code)
{
	uint64_t hash;
	size_t at;
	int rc = SQLITE_OK;

	/* hourly is in the order of the addresses: often it is the same again. */
	if (s->last_text < s->n_texts && same_text(s, s->last_text, bytes, len)) {
		*code = (int64_t)s->last_text;
		return SQLITE_OK;
	}
	if (2 * (s->n_texts + 1) > s->n_text_slots)
		rc = grow_slots(s, &s->text_slots, &s->n_text_slots);
	if (rc != SQLITE_OK)
		return rc;
	hash = text_hash(bytes, len);
	at = hash & (s->n_text_slots - 1);
	for (; s->text_slots[at]; at = (at + 1) & (s->n_text_slots - 1)) {
		size_t i = SLOT_INDEX(s->text_slots[at]);

		if (SLOT_HASH(s->text_slots[at]) == hash && same_text(s, i, bytes, len)) {
			s->last_text = i;
			break;
		}
	}
	if (!s->text_slots[at])
		rc = new_text(s, bytes, len, hash);
	*code = (int64_t)s->last_text;
	return rc;
}
