#include "ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The positions are the kernel's unsigned long. */
_Static_assert(sizeof(long) == sizeof(uint64_t), "64 bits");

void ring_init(struct ring *r, uint64_t *consumer, const uint64_t *producer, const char *data,
	       size_t bytes)
{
	*r = (struct ring){
		.consumer = consumer,
		.producer = producer,
		.data = data,
		.bytes = bytes,
		.taken = __atomic_load_n(consumer, __ATOMIC_ACQUIRE),
	};
}

int ring_open(struct ring *r, int map_fd, size_t bytes, struct err *err)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *consumer, *rest;

	consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	if (consumer == MAP_FAILED)
		return err_set(err, -errno, "mapping the ring buffer: %s", strerror(errno));
	rest = mmap(NULL, page + 2 * bytes, PROT_READ, MAP_SHARED, map_fd, (off_t)page);
	if (rest == MAP_FAILED) {
		err_set(err, -errno, "mapping the ring buffer: %s", strerror(errno));
		munmap(consumer, page);
		return err->code;
	}
	ring_init(r, (uint64_t *)(void *)consumer, (const uint64_t *)(void *)rest, rest + page,
		  bytes);
	return 0;
}

void ring_close(struct ring *r)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (!r->consumer)
		return;
	munmap(r->consumer, page);
	munmap((char *)(uintptr_t)r->producer, page + 2 * r->bytes);
	*r = (struct ring){0};
}

uint64_t ring_written(const struct ring *r)
{
	return __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
}

uint64_t ring_unreleased(const struct ring *r)
{
	return r->taken - __atomic_load_n(r->consumer, __ATOMIC_RELAXED);
}

void ring_release(struct ring *r, uint64_t position)
{
	/* All that was read of the records was read before this. */
	if (position > __atomic_load_n(r->consumer, __ATOMIC_RELAXED))
		__atomic_store_n(r->consumer, position, __ATOMIC_RELEASE);
}

bool ring_skip(struct ring *r, uint64_t position)
{
	if (position < __atomic_load_n(r->consumer, __ATOMIC_RELAXED) ||
	    position > ring_written(r) || position % BPF_RINGBUF_HDR_SZ)
		return false;
	r->taken = position;
	ring_release(r, position);
	return true;
}

/* The next record, before @end. Returns its size in the ring; 0: it is still being written. */
static uint64_t next(const struct ring *r, uint64_t end, const char **data, size_t *len)
{
	const char *record = r->data + (r->taken & (r->bytes - 1));
	uint32_t head = __atomic_load_n((const uint32_t *)(const void *)record, __ATOMIC_ACQUIRE);
	uint64_t size;

	if (head & BPF_RINGBUF_BUSY_BIT)
		return 0;
	*len = head & ~BPF_RINGBUF_DISCARD_BIT;
	size = (*len + BPF_RINGBUF_HDR_SZ + 7) / 8 * 8;
	*data = record + BPF_RINGBUF_HDR_SZ;
	/* No kernel says so. Where the next one begins is anyone's guess. */
	if (size > end - r->taken || size > r->bytes) {
		*len = 0;
		return end - r->taken;
	}
	if (head & BPF_RINGBUF_DISCARD_BIT)
		*data = NULL;
	return size;
}

int ring_read(struct ring *r, ring_sink sink, void *ctx)
{
	uint64_t end = ring_written(r);
	int n = 0, ret = 0;

	while (ret >= 0 && r->taken < end) {
		const char *data;
		uint64_t size;
		size_t len;

		size = next(r, end, &data, &len);
		if (size == 0)
			break;
		if (data) {
			ret = sink(ctx, data, len);
			n++;
		}
		r->taken += size;
		if (!r->keep)
			ring_release(r, r->taken);
		if (r->taken == end)
			end = ring_written(r);
	}
	return ret < 0 ? ret : n;
}
