/* The reader of the ring over a ring in memory: what the kernel may have written there,
 * and what no kernel writes. */
#include "unit.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ring.h"

#define BYTES 256

struct fixture {
	uint64_t consumer, producer;
	_Alignas(8) char data[2 * BYTES]; /* the second half mirrors the first */
	struct ring ring;
	char got[64][BYTES];
	size_t len[64];
	int n;
	int stop_at; /* the sink ends the reading with this one */
};

static int sink(void *ctx, const void *data, size_t len)
{
	struct fixture *f = ctx;

	assert_in_range(f->n, 0, 63);
	assert_in_range(len, 0, BYTES);
	memcpy(f->got[f->n], data, len);
	f->len[f->n++] = len;
	return f->n == f->stop_at ? -EAGAIN : 0;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	ring_init(&f->ring, &f->consumer, &f->producer, f->data, BYTES);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static void put(struct fixture *f, uint64_t at, const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t where = (at + i) % BYTES;

		f->data[where] = f->data[where + BYTES] = ((const char *)bytes)[i];
	}
}

/* As bpf_ringbuf_reserve() and _submit(): the length may be a lie. */
static void produce(struct fixture *f, const char *text, uint32_t head, size_t advance)
{
	const uint32_t header[2] = {head, 0};

	put(f, f->producer, header, sizeof(header));
	put(f, f->producer + sizeof(header), text, strlen(text));
	f->producer += advance;
}

static void say(struct fixture *f, const char *text)
{
	produce(f, text, (uint32_t)strlen(text), (strlen(text) + 8 + 7) / 8 * 8);
}

static void assert_got(const struct fixture *f, int i, const char *text)
{
	assert_int_equal(f->len[i], strlen(text));
	assert_memory_equal(f->got[i], text, strlen(text));
}

static void records_come_in_order_and_whole_also_around_the_end(void **state)
{
	struct fixture *f = *state;
	char text[32];
	int wrapped = 0;

	for (int i = 0; i < 60; i++) {
		snprintf(text, sizeof(text), "record %d%.*s", i, i % 20, "....................");
		wrapped += f->producer % BYTES + strlen(text) + 8 > BYTES;
		say(f, text);
		assert_int_equal(ring_read(&f->ring, sink, f), 1);
		assert_got(f, i, text);
		assert_int_equal(f->consumer, f->producer);
	}
	assert_true(wrapped > 2);
	assert_int_equal(ring_read(&f->ring, sink, f), 0);
}

static void what_is_still_being_written_stops_the_reading_until_it_is_there(void **state)
{
	struct fixture *f = *state;
	const uint32_t done = 4;
	uint64_t at;

	say(f, "one");
	at = f->producer;
	produce(f, "two.", 4 | BPF_RINGBUF_BUSY_BIT, 16);
	say(f, "three");
	assert_int_equal(ring_read(&f->ring, sink, f), 1);
	assert_int_equal(f->consumer, at);
	assert_int_equal(ring_read(&f->ring, sink, f), 0);
	put(f, at, &done, sizeof(done));
	assert_int_equal(ring_read(&f->ring, sink, f), 2);
	assert_got(f, 1, "two.");
	assert_got(f, 2, "three");
}

static void what_was_thrown_away_is_passed_over(void **state)
{
	struct fixture *f = *state;

	produce(f, "none", 4 | BPF_RINGBUF_DISCARD_BIT, 16);
	say(f, "one");
	assert_int_equal(ring_read(&f->ring, sink, f), 1);
	assert_got(f, 0, "one");
	assert_int_equal(f->consumer, f->producer);
}

static void the_sink_ends_the_reading_after_the_record_it_was_given(void **state)
{
	struct fixture *f = *state;

	say(f, "one");
	say(f, "two");
	f->stop_at = 1;
	assert_int_equal(ring_read(&f->ring, sink, f), -EAGAIN);
	assert_int_equal(f->n, 1);
	assert_int_equal(ring_read(&f->ring, sink, f), 1);
	assert_got(f, 1, "two");
}

static void a_length_that_cannot_be_is_told_once_and_reading_goes_on_behind(void **state)
{
	static const uint32_t absurd[] = {17, BYTES, BYTES + 1, 0x3fffffff};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(absurd) / sizeof(absurd[0]); i++) {
		produce(f, "liar", absurd[i], 16);
		f->n = 0;
		assert_int_equal(ring_read(&f->ring, sink, f), 1);
		assert_int_equal(f->len[0], 0);
		assert_int_equal(f->consumer, f->producer);
		say(f, "honest");
		assert_int_equal(ring_read(&f->ring, sink, f), 1);
		assert_got(f, 1, "honest");
	}
}

static void what_is_kept_is_given_back_when_we_say_so(void **state)
{
	struct fixture *f = *state;
	uint64_t first;

	f->ring.keep = true;
	say(f, "one");
	first = f->producer;
	say(f, "two");
	assert_int_equal(ring_read(&f->ring, sink, f), 2);
	assert_int_equal(f->consumer, 0);
	assert_int_equal(ring_unreleased(&f->ring), f->producer);
	ring_release(&f->ring, first);
	assert_int_equal(f->consumer, first);
	ring_release(&f->ring, 0);
	assert_int_equal(f->consumer, first);
	assert_int_equal(ring_read(&f->ring, sink, f), 0);

	/* Another process goes on where that one stood. */
	ring_init(&f->ring, &f->consumer, &f->producer, f->data, BYTES);
	assert_int_equal(ring_read(&f->ring, sink, f), 1);
	assert_got(f, 2, "two");
}

static void only_a_position_in_what_is_written_is_skipped_to(void **state)
{
	struct fixture *f = *state;
	uint64_t first;

	say(f, "one");
	first = f->producer;
	say(f, "two");
	assert_false(ring_skip(&f->ring, f->producer + 8));
	assert_false(ring_skip(&f->ring, first + 4));
	assert_false(ring_skip(&f->ring, UINT64_MAX & ~7ULL));
	assert_true(ring_skip(&f->ring, first));
	assert_false(ring_skip(&f->ring, 0));
	assert_int_equal(ring_read(&f->ring, sink, f), 1);
	assert_got(f, 0, "two");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(records_come_in_order_and_whole_also_around_the_end,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_is_still_being_written_stops_the_reading_until_it_is_there, setup,
			teardown),
		cmocka_unit_test_setup_teardown(what_was_thrown_away_is_passed_over, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			the_sink_ends_the_reading_after_the_record_it_was_given, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_length_that_cannot_be_is_told_once_and_reading_goes_on_behind, setup,
			teardown),
		cmocka_unit_test_setup_teardown(what_is_kept_is_given_back_when_we_say_so, setup,
						teardown),
		cmocka_unit_test_setup_teardown(only_a_position_in_what_is_written_is_skipped_to,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
