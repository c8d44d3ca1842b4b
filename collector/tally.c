#include "tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define FIRST_ROWS 1024
#define MAX_BITS   40

_Static_assert(sizeof(struct tally_key) == 20 + TALLY_PEER_SIZE, "a key is compared as bytes");
_Static_assert(sizeof(struct tally_key) % sizeof(uint64_t) == 0, "a key is hashed as words");

struct tally {
	size_t max_rows, room, n;
	struct tally_row *rows;
	/* 2 * room of them: while rows are added, a hash table of row numbers plus one, with
	 * open addressing; after tally_sort() a heap, its least row first. */
	uint32_t *slots;
	size_t n_left; /* in the heap; behind it those taken, the last one first */
	/* This part: keys whose hash begins with these bits. */
	unsigned n_bits;
	uint64_t bits;
	uint64_t secret; /* a peer chooses its address, but not which others it meets here */
};

static uint64_t hash(const struct tally *t, const struct tally_key *key)
{
	uint64_t words[sizeof(*key) / sizeof(uint64_t)], h = t->secret;

	memcpy(words, key, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		h = (h ^ words[i]) * 0x9e3779b97f4a7c15;
		h ^= h >> 32;
	}
	return h;
}

static bool is_of_part(const struct tally *t, uint64_t h)
{
	return t->n_bits == 0 || h >> (64 - t->n_bits) == t->bits;
}

/* ---- rows come ---- */

/* The slot that holds @key, or the free one where it belongs. */
static uint32_t *find(const struct tally *t, const struct tally_key *key, uint64_t h)
{
	size_t mask = 2 * t->room - 1, at = h & mask;

	while (t->slots[at] && memcmp(&t->rows[t->slots[at] - 1].key, key, sizeof(*key)) != 0)
		at = (at + 1) & mask;
	return &t->slots[at];
}

static void fill_slots(struct tally *t)
{
	memset(t->slots, 0, 2 * t->room * sizeof(*t->slots));
	for (size_t i = 0; i < t->n; i++)
		*find(t, &t->rows[i].key, hash(t, &t->rows[i].key)) = (uint32_t)i + 1;
}

static int grow(struct tally *t, struct err *err)
{
	size_t room = t->room ? 2 * t->room : FIRST_ROWS;
	struct tally_row *rows = realloc(t->rows, room * sizeof(*rows));
	uint32_t *slots;

	if (rows)
		t->rows = rows;
	slots = rows ? realloc(t->slots, 2 * room * sizeof(*slots)) : NULL;
	if (!slots)
		return err_set(err, -ENOMEM, "no memory for the totals");
	t->slots = slots;
	t->room = room;
	fill_slots(t);
	return 0;
}

/* The part becomes its first half. The keys of the other come again with the next part. */
static int halve(struct tally *t, struct err *err)
{
	size_t n = 0;

	if (t->n_bits == MAX_BITS)
		return err_set(err, -ENOMEM, "no room for the totals");
	t->n_bits++;
	t->bits *= 2;
	for (size_t i = 0; i < t->n; i++)
		if (is_of_part(t, hash(t, &t->rows[i].key)))
			t->rows[n++] = t->rows[i];
	t->n = n;
	fill_slots(t);
	return 0;
}

static int64_t plus(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static void add(struct tally_sums *to, const struct tally_sums *s)
{
	to->tx_bytes = plus(to->tx_bytes, s->tx_bytes);
	to->rx_bytes = plus(to->rx_bytes, s->rx_bytes);
	to->retransmits = plus(to->retransmits, s->retransmits);
	to->connect_us_sum = plus(to->connect_us_sum, s->connect_us_sum);
	to->duration_us_sum = plus(to->duration_us_sum, s->duration_us_sum);
	if (s->connect_us_max > to->connect_us_max)
		to->connect_us_max = s->connect_us_max;
	if (s->first_start_us < to->first_start_us)
		to->first_start_us = s->first_start_us;
	if (s->last_start_us > to->last_start_us)
		to->last_start_us = s->last_start_us;
	to->attempts += s->attempts;
	to->failed += s->failed;
	to->resets += s->resets;
	to->connects += s->connects;
}

int tally_add(struct tally *t, const struct tally_row *row, struct err *err)
{
	uint64_t h = hash(t, &row->key);

	while (is_of_part(t, h)) {
		uint32_t *slot = find(t, &row->key, h);
		int ret;

		if (*slot) {
			add(&t->rows[*slot - 1].sums, &row->sums);
			return 0;
		}
		if (t->n < t->room && t->n < t->max_rows) {
			t->rows[t->n++] = *row;
			*slot = (uint32_t)t->n;
			return 0;
		}
		ret = t->n < t->max_rows ? grow(t, err) : halve(t, err);
		if (ret)
			return ret;
	}
	return 0;
}

int tally_merge(const struct tally *from, struct tally *to, bool peers, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < from->n && !ret; i++) {
		struct tally_row row = from->rows[i];

		if (!peers)
			memset(row.key.peer_addr, 0, sizeof(row.key.peer_addr));
		ret = tally_add(to, &row, err);
	}
	return ret;
}

/* ---- rows go ---- */

static int compare_numbers(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static bool is_less(const struct tally *t, uint32_t a_row, uint32_t b_row)
{
	const struct tally_key *a = &t->rows[a_row].key, *b = &t->rows[b_row].key;
	int order = compare_numbers(a->direction, b->direction);

	if (!order)
		order = memcmp(a->peer_addr, b->peer_addr, sizeof(a->peer_addr));
	if (!order)
		order = compare_numbers(a->service_port, b->service_port);
	if (!order)
		order = compare_numbers(a->program_id, b->program_id);
	if (!order)
		order = compare_numbers(a->container_id, b->container_id);
	if (!order)
		order = compare_numbers(a->loopback, b->loopback);
	return order < 0;
}

static void sift(struct tally *t, size_t at)
{
	uint32_t row = t->slots[at];
	size_t child;

	while ((child = 2 * at + 1) < t->n_left) {
		if (child + 1 < t->n_left && is_less(t, t->slots[child + 1], t->slots[child]))
			child++;
		if (!is_less(t, t->slots[child], row))
			break;
		t->slots[at] = t->slots[child];
		at = child;
	}
	t->slots[at] = row;
}

/* A heap, so that no moment has all of the sorting to do. */
static void build_heap(struct tally *t)
{
	for (size_t at = t->n_left / 2; at-- > 0;)
		sift(t, at);
}

void tally_sort(struct tally *t)
{
	for (size_t i = 0; i < t->n; i++)
		t->slots[i] = (uint32_t)i;
	t->n_left = t->n;
	build_heap(t);
}

const struct tally_row *tally_take(struct tally *t)
{
	uint32_t least;

	if (t->n_left == 0)
		return NULL;
	least = t->slots[0];
	t->slots[0] = t->slots[--t->n_left];
	t->slots[t->n_left] = least;
	sift(t, 0);
	return &t->rows[least];
}

void tally_put_back(struct tally *t, size_t n)
{
	t->n_left += n;
	build_heap(t);
}

/* ---- parts ---- */

static void begin_part(struct tally *t)
{
	t->n = t->n_left = 0;
	memset(t->slots, 0, 2 * t->room * sizeof(*t->slots));
}

bool tally_is_whole(const struct tally *t)
{
	return t->n_bits == 0;
}

bool tally_is_last_part(const struct tally *t)
{
	return t->bits + 1 == 1ULL << t->n_bits;
}

/* After 00 comes 01, and after that all of 1: it is halved anew only if it has to be. */
bool tally_next_part(struct tally *t)
{
	if (tally_is_last_part(t))
		return false;
	for (t->bits++; t->bits % 2 == 0; t->bits /= 2)
		t->n_bits--;
	begin_part(t);
	return true;
}

int tally_new(size_t max_keys, struct tally **out, struct err *err)
{
	struct tally *t = calloc(1, sizeof(*t));
	int ret;

	if (!t)
		return err_set(err, -ENOMEM, "no memory for the totals");
	t->max_rows = max_keys;
	/* Without randomness yet, early in a boot, any secret is better than to wait. */
	if (getrandom(&t->secret, sizeof(t->secret), GRND_NONBLOCK) != sizeof(t->secret))
		t->secret = (uintptr_t)t;
	ret = grow(t, err);
	if (ret) {
		tally_free(t);
		return ret;
	}
	*out = t;
	return 0;
}

void tally_free(struct tally *t)
{
	if (!t)
		return;
	free(t->rows);
	free(t->slots);
	free(t);
}
