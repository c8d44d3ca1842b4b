#include "lasting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fake.h"
#include "ring.h"
#include "vfs.h"

#define RING_BYTES    (128u << 10)
#define BEGIN	      (RING_BYTES - 4096u) /* so that the ring wraps around soon */
#define RELEASE_BYTES (RING_BYTES / 16)

static char *data; /* of the ring, twice one after the other */
static struct ring ring;
static enum probe_pins found;

static char *map_twice(void)
{
	int fd = memfd_create("ring", MFD_CLOEXEC);
	char *at;

	assert_true(fd >= 0 && ftruncate(fd, RING_BYTES) == 0);
	at = mmap(NULL, 2 * RING_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(at != MAP_FAILED);
	for (int i = 0; i < 2; i++)
		assert_true(mmap(at + i * (size_t)RING_BYTES, RING_BYTES, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED);
	close(fd);
	return at;
}

void lasting_begin(void)
{
	if (!data) {
		data = map_twice();
		fake_kernel = mmap(NULL, sizeof(*fake_kernel), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		assert_true(fake_kernel != MAP_FAILED);
	}
	memset(&fake, 0, sizeof(fake));
	fake.lasts = true;
	fake.consumer = fake.producer = BEGIN;
}

void lasting_open(void)
{
	found = fake.instance_ns ? PROBE_ADOPTED : PROBE_PINNED;
	if (!fake.instance_ns)
		fake.instance_ns = fake.now_ns;
	ring_init(&ring, &fake.consumer, &fake.producer, data, RING_BYTES);
	ring.keep = true;
}

int lasting_read(void)
{
	return ring_read(&ring, fake.sink, fake.ctx);
}

void lasting_tell(const void *record)
{
	const struct event_header *h = record;
	uint32_t head[2] = {h->size, 0};
	uint64_t room = (h->size + BPF_RINGBUF_HDR_SZ + 7u) / 8 * 8;
	char *at = data + fake.producer % RING_BYTES;

	fake.counters.seen[h->type]++;
	if (fake.producer + room - fake.consumer > RING_BYTES) {
		fake.counters.lost[h->type]++;
		return;
	}
	memcpy(at + BPF_RINGBUF_HDR_SZ, record, h->size);
	memcpy(at, head, sizeof(head));
	fake.producer += room;
}

/* ---- probe.h ---- */

enum probe_pins probe_pins(const struct probe *p)
{
	(void)p;
	return fake.lasts ? found : PROBE_NO_PINS;
}

int64_t probe_instance_ns(const struct probe *p)
{
	(void)p;
	return fake.instance_ns;
}

uint64_t probe_position(const struct probe *p)
{
	(void)p;
	return fake.lasts ? ring.taken : 0;
}

void probe_release(struct probe *p)
{
	(void)p;
	vfs_meet(); /* the rows are there, and the ring knows nothing of it */
	ring_release(&ring, ring.taken);
	vfs_meet();
}

bool probe_must_release(const struct probe *p)
{
	(void)p;
	return fake.lasts && ring_unreleased(&ring) >= RELEASE_BYTES;
}

bool probe_resume(struct probe *p, uint64_t position)
{
	(void)p;
	return fake.lasts && ring_skip(&ring, position);
}

/* As nothing that happened before is known: see test_kill.c. */
void probe_pass(struct probe *p, int64_t boot_ns)
{
	(void)p, (void)boot_ns;
}

void probe_span(const struct probe *p, uint64_t *from, uint64_t *to)
{
	(void)p;
	*to = fake.lasts ? ring_written(&ring) : UINT64_MAX;
	*from = fake.lasts ? ring.taken - ring_unreleased(&ring) : 0;
}

static int uncount(void *ctx, const void *record, size_t len)
{
	const struct event_header *h = record;
	struct probe_counters *c = ctx;

	(void)len;
	c->seen[h->type]--;
	return 0;
}

int probe_counters_read(const struct probe *p, struct probe_counters *out, struct err *err)
{
	struct ring look = ring; /* which so stays where it is */
	int ret = probe_counters(p, out, err);

	if (!ret && fake.lasts)
		ring_read(&look, uncount, out);
	return ret;
}
