/*
 * ring.h - reads a BPF ring buffer, as libbpf does, but gives the kernel its room back
 * when we say so: after the records are in the database.
 *
 * The memory (kernel/bpf/ringbuf.c): a page with the consumer's position, which we write;
 * a page with the producer's; the data, a power of two in bytes, mapped twice one after the
 * other so that no record is ever in two pieces. Positions count bytes since the ring was
 * made and never go back. A record begins with 8 bytes: its length in 4, with two bits for
 * "still being written" and "thrown away".
 */
#ifndef CONNMON_RING_H
#define CONNMON_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct ring {
	uint64_t *consumer;	  /* what is before it may be overwritten */
	const uint64_t *producer; /* what is before it was reserved */
	const char *data;	  /* twice */
	size_t bytes;
	uint64_t taken; /* what is before it was handed out */
	bool keep;	/* nothing is given back but by ring_release() */
};

/* Maps the ring of @map_fd, of @bytes, for ring_close(). Reading goes on at the consumer's
 * position. */
int ring_open(struct ring *r, int map_fd, size_t bytes, struct err *err);
void ring_close(struct ring *r); /* one of zeros is allowed */

/* The same over memory that somebody else has mapped. */
void ring_init(struct ring *r, uint64_t *consumer, const uint64_t *producer, const char *data,
	       size_t bytes);

/* Called for each record. @data is valid during the call only. A negative return ends the
 * reading; this record counts as read. */
typedef int (*ring_sink)(void *ctx, const void *data, size_t len);

/* Hands out what is there, up to the first record that is still being written. Returns how
 * many, or what @sink returned when negative. Where a length cannot be, all that is there
 * is passed over, and one record of no bytes handed out for it. */
int ring_read(struct ring *r, ring_sink sink, void *ctx);

/* What is before @position may be overwritten. Never goes back. */
void ring_release(struct ring *r, uint64_t position);

/* Reading goes on at @position: what is before it was read by an earlier process. False, and
 * nothing is changed, when it is no position between the consumer's and the producer's. */
bool ring_skip(struct ring *r, uint64_t position);

/* How far the ring is written. */
uint64_t ring_written(const struct ring *r);

/* Bytes that were handed out and not given back. */
uint64_t ring_unreleased(const struct ring *r);

#endif
