/*
 * A ring that the kernel writes and we read, as a script says: records of any length reserved,
 * submitted and thrown away in any order, over its end and round; read up to any record, given back
 * and passed over. Beside it stands a list of what was written: read must be what it says, each
 * record once and in order. When bytes are put there that no kernel writes, what is left to hold is
 * that positions and memory are ours.
 */
#include "ring.h"

#include <linux/bpf.h>
#include <stdbool.h>

#include "script.h"

#define BYTES	512
#define MAX_LOG 4096

enum state {
	BUSY,
	SUBMITTED,
	DISCARDED,
};

struct entry {
	uint64_t position;
	uint32_t len;
	uint8_t tag; /* each of its bytes */
	enum state state;
};

struct world {
	uint64_t consumer, producer;
	char *data; /* twice the same */
	struct ring ring;
	struct entry log[MAX_LOG]; /* all that was ever reserved */
	size_t n_log;
	size_t next;	 /* in the log: to be read next */
	bool hostile;	 /* the log does not tell any more what is there */
	int stop_after;	 /* records, then the reader has enough; negative: never */
	uint64_t before; /* where reading stood */
};

static uint64_t room_of(uint32_t len)
{
	return (len + BPF_RINGBUF_HDR_SZ + 7) / 8 * 8;
}

static void put(struct world *w, uint64_t at, const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const size_t where = (at + i) % BYTES;

		w->data[where] = w->data[where + BYTES] = ((const char *)bytes)[i];
	}
}

static void put_head(struct world *w, const struct entry *e)
{
	const uint32_t bits[] = {[BUSY] = BPF_RINGBUF_BUSY_BIT,
				 [SUBMITTED] = 0,
				 [DISCARDED] = BPF_RINGBUF_DISCARD_BIT};
	const uint32_t head = e->len | bits[e->state];

	put(w, e->position, &head, sizeof(head));
}

/* ---- the kernel's side ---- */

/* As bpf_ringbuf_reserve(). */
static void reserve(struct world *w, uint32_t len)
{
	struct entry *e = &w->log[w->n_log];

	if (w->n_log == MAX_LOG || w->producer + room_of(len) - w->consumer > BYTES - 1)
		return;
	*e = (struct entry){w->producer, len, (uint8_t)(w->n_log * 7 + 1), BUSY};
	w->n_log++;
	put_head(w, e);
	for (uint32_t i = 0; i < len; i++)
		put(w, e->position + BPF_RINGBUF_HDR_SZ + i, &e->tag, 1);
	w->producer += room_of(len);
}

/* The @which-th of those that are busy. */
static void finish(struct world *w, uint32_t which, enum state state)
{
	for (size_t i = 0; i < w->n_log; i++)
		if (w->log[i].state == BUSY && which-- == 0) {
			w->log[i].state = state;
			put_head(w, &w->log[i]);
			return;
		}
}

static void corrupt(struct world *w, struct script *s)
{
	const uint64_t at = script_number(s, 2);
	uint8_t bytes[8];

	script_fill(s, bytes, sizeof(bytes));
	put(w, at, bytes, sizeof(bytes));
	w->hostile = true;
}

/* ---- ours ---- */

/* The next of the log that is to be handed out. */
static const struct entry *expected(struct world *w)
{
	while (w->next < w->n_log && w->log[w->next].state == DISCARDED)
		w->next++;
	must(w->next < w->n_log && w->log[w->next].state == SUBMITTED);
	return &w->log[w->next++];
}

static int sink(void *ctx, const void *data, size_t len)
{
	struct world *w = ctx;
	const char *bytes = data;

	must(bytes >= w->data && len <= BYTES && bytes + len <= w->data + 2 * (size_t)BYTES);
	must(!w->ring.keep || w->consumer <= w->before);
	if (!w->hostile) {
		const struct entry *e = expected(w);

		must(len == e->len);
		must(bytes == w->data + e->position % BYTES + BPF_RINGBUF_HDR_SZ);
		for (size_t i = 0; i < len; i++)
			must((uint8_t)bytes[i] == e->tag);
	}
	return w->stop_after >= 0 && w->stop_after-- == 0 ? -11 : 1;
}

static void check_positions(const struct world *w)
{
	must(w->consumer <= w->ring.taken && w->ring.taken <= w->producer);
	must(ring_unreleased(&w->ring) == w->ring.taken - w->consumer);
	must(ring_written(&w->ring) == w->producer);
}

static void do_read(struct world *w, int stop_after)
{
	const size_t from = w->next;
	int n, handed = 0;

	w->before = w->ring.taken;
	w->stop_after = stop_after;
	n = ring_read(&w->ring, sink, w);
	must(w->ring.taken >= w->before);
	must(n >= 0 || (n == -11 && stop_after >= 0));
	must(w->ring.keep || w->consumer == w->ring.taken || w->ring.taken == w->before);
	if (w->hostile)
		return;
	for (size_t i = from; i < w->next; i++)
		handed += w->log[i].state == SUBMITTED;
	must(n < 0 ? handed == stop_after + 1 : handed == n);
	/* Those at the end that are thrown away are passed, too, unless the reader had enough. */
	while (n >= 0 && w->next < w->n_log && w->log[w->next].state == DISCARDED)
		w->next++;
	must(n < 0 || w->next == w->n_log || w->log[w->next].state == BUSY);
	must(w->ring.taken == (w->next < w->n_log ? w->log[w->next].position : w->producer));
}

/* To a record that was written, or to anywhere. */
static void do_skip(struct world *w, struct script *s)
{
	const uint8_t how = script_byte(s);
	const size_t i = w->n_log ? script_number(s, 2) % w->n_log : 0;
	const bool anywhere = how & 1 || w->n_log == 0;
	const uint64_t to = anywhere ? w->consumer + script_number(s, 2) - 64 : w->log[i].position;
	const uint64_t consumer = w->consumer, taken = w->ring.taken;

	/* Nobody has read past what is still being written. */
	for (size_t k = 0; !anywhere && k < i; k++)
		if (w->log[k].state == BUSY)
			return;
	if (anywhere && to >= w->consumer && to <= w->producer && to % 8 == 0)
		w->hostile = true; /* into the middle of one */
	if (!ring_skip(&w->ring, to)) {
		must(to < consumer || to > w->producer || to % 8);
		must(w->consumer == consumer && w->ring.taken == taken);
		return;
	}
	must(to >= consumer && to <= w->producer && w->consumer == to && w->ring.taken == to);
	if (!anywhere)
		w->next = i;
}

/* A process that is started again reads on at the consumer's position. */
static void restart(struct world *w)
{
	const bool keep = w->ring.keep;

	ring_init(&w->ring, &w->consumer, &w->producer, w->data, BYTES);
	w->ring.keep = keep;
	must(w->ring.taken == w->consumer);
	for (w->next = 0; w->next < w->n_log && w->log[w->next].position < w->consumer; w->next++)
		;
}

static void do_release(struct world *w, struct script *s)
{
	const uint64_t before = w->consumer, all = w->ring.taken - w->consumer;
	const uint32_t some = script_number(s, 1) * 8;

	/* Callers name a position that they were told: between records, at most what is taken. */
	if (w->hostile) {
		ring_release(&w->ring, before + (some < all ? some : all) / 8 * 8);
	} else {
		const struct entry *e = NULL;

		for (size_t i = 0; i < w->next; i++)
			if (w->log[i].position <= before + some)
				e = &w->log[i];
		ring_release(&w->ring, e ? e->position : 0);
	}
	must(w->consumer >= before);
}

static void step(struct world *w, struct script *s)
{
	const uint8_t op = script_byte(s);

	switch (op % 16) {
	case 0:
	case 1:
	case 2:
		reserve(w, script_byte(s) % 160);
		break;
	case 3:
	case 4:
		finish(w, 0, SUBMITTED);
		break;
	case 5:
		finish(w, script_byte(s), SUBMITTED);
		break;
	case 6:
		finish(w, script_byte(s), DISCARDED);
		break;
	case 7:
	case 8:
		do_read(w, -1);
		break;
	case 9:
		do_read(w, script_byte(s) % 8);
		break;
	case 10:
		ring_release(&w->ring, w->ring.taken);
		break;
	case 11:
		do_release(w, s);
		break;
	case 12:
		do_skip(w, s);
		break;
	case 13:
		w->ring.keep = op & 16;
		break;
	case 14:
		restart(w);
		break;
	case 15:
		if (op & 128)
			corrupt(w, s);
		break;
	}
	check_positions(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s = {data, size};
	struct world *w = calloc(1, sizeof(*w));

	must(w && (w->data = calloc(2, BYTES)));
	/* Positions count for years. */
	w->consumer = w->producer = (uint64_t)script_number(&s, 1) << 32;
	ring_init(&w->ring, &w->consumer, &w->producer, w->data, BYTES);
	while (s.left)
		step(w, &s);
	/* In the end all is submitted and read. */
	while (!w->hostile && w->next < w->n_log) {
		const size_t next = w->next;

		finish(w, 0, SUBMITTED);
		do_read(w, -1);
		must(w->next > next || w->log[next].state == BUSY);
	}
	check_positions(w);
	free(w->data);
	free(w);
	return 0;
}
