#include "lasting.h"

#include <errno.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "netns.h"
#include "ring.h"

#define RING_BYTES (64 << 10)
#define MAX_MADE   200000

struct world *world;
static uint64_t *consumer, *producer;
static char *data;

void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	_exit(1);
}

/* ---- time ---- */

static int64_t real_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

int64_t clock_boot_ns(void)
{
	return real_ns(CLOCK_BOOTTIME) + world->ahead_ns;
}

int64_t clock_offset_ns(void)
{
	return world->offset_ns;
}

/* ---- the world ---- */

void make_world(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = memfd_create("ring", MFD_CLOEXEC);
	char *at;

	must(fd >= 0 && ftruncate(fd, (off_t)page + RING_BYTES) == 0, "a file in memory");
	at = mmap(NULL, page + 2 * RING_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(at != MAP_FAILED, "room");
	must(mmap(at, page + RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) !=
			     MAP_FAILED &&
		     mmap(at + page + RING_BYTES, RING_BYTES, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_FIXED, fd, (off_t)page) != MAP_FAILED,
	     "a ring");
	close(fd);
	consumer = (uint64_t *)(void *)at;
	producer = consumer + 8;
	data = at + page;
	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	must(world != MAP_FAILED, "a world");
	world->flush_ns = NS_PER_MS;
	world->offset_ns = real_ns(CLOCK_REALTIME) - real_ns(CLOCK_BOOTTIME);
	world->instance_ns = clock_boot_ns();
}

void end_world(void)
{
	munmap(consumer, (size_t)sysconf(_SC_PAGESIZE) + 2 * RING_BYTES);
	munmap(world, sizeof(*world));
}

/* ---- the kernel ---- */

/* False: there is no room, which is counted. */
static bool send(const void *event, uint32_t len)
{
	const struct event_header *h = event;
	uint32_t size = (len + 8 + 7) / 8 * 8;
	_Atomic uint32_t *head;

	world->counters.seen[h->type]++;
	if (*producer + size - __atomic_load_n(consumer, __ATOMIC_ACQUIRE) > RING_BYTES - 1) {
		world->counters.lost[h->type]++;
		return false;
	}
	head = (_Atomic uint32_t *)(void *)(data + *producer % RING_BYTES);
	atomic_store(head, len | BPF_RINGBUF_BUSY_BIT);
	__atomic_store_n(producer, *producer + size, __ATOMIC_RELEASE);
	memcpy((char *)head + 8, event, len);
	atomic_store(head, len);
	return true;
}

bool has_room(void)
{
	return *producer + 1024 - __atomic_load_n(consumer, __ATOMIC_ACQUIRE) < RING_BYTES;
}

static void open_slot(struct slot *s)
{
	struct event_connection open;
	int64_t now = clock_boot_ns();
	uint64_t id = atomic_load(&world->last_id);

	id = (uint64_t)now > id ? (uint64_t)now : id + 1;
	atomic_store(&world->last_id, id);
	memset(&s->e, 0, sizeof(s->e));
	s->e.connection = (struct event_connection){
		.header = {.time_boot_ns = (uint64_t)now,
			   .size = sizeof(s->e),
			   .type = EVENT_PROGRESS},
		.id = id,
		.cookie = id,
		.start_boot_ns = (uint64_t)now,
		.established_boot_ns = (uint64_t)now,
		.local_addr = {127, 0, 0, 1},
		.peer_addr = {127, 0, 0, 2},
		.netns = 4711,
		.local_port = 1,
		.peer_port = 2,
		.family = 4,
	};
	s->e.old_state = 1; /* established */
	open = s->e.connection;
	open.header.size = sizeof(open);
	open.header.type = EVENT_OPEN;
	atomic_store(&s->id, id);
	send(&open, sizeof(open));
}

void close_slot(struct slot *s)
{
	struct event_end end = s->e;

	end.connection.header.type = EVENT_END;
	end.connection.header.time_boot_ns = (uint64_t)clock_boot_ns();
	/* First: a review must not tell of it after its end. */
	atomic_store(&s->id, 0);
	send(&end, sizeof(end));
}

/* Opens or closes one of the connections. */
void happen(unsigned int *seed, long *made)
{
	struct slot *s = &world->slots[rand_r(seed) % SLOTS];

	if (atomic_load(&s->id)) {
		close_slot(s);
	} else if (*made < MAX_MADE) {
		open_slot(s);
		++*made;
	}
}

/* ---- the collector's probe ---- */

struct probe {
	struct ring ring;
	probe_sink sink;
	void *ctx;
};

void come_to(enum point point)
{
	if (world->point == point && --world->countdown == 0) {
		atomic_fetch_add(&world->kills_at[point], 1);
		kill(getpid(), SIGKILL);
	}
}

int probe_new(const struct probe_config *config, probe_sink sink, void *ctx, struct probe **out,
	      struct err *err)
{
	struct probe *p = calloc(1, sizeof(*p));

	(void)config, (void)err;
	must(p != NULL, "memory");
	ring_init(&p->ring, consumer, producer, data, RING_BYTES);
	p->ring.keep = true;
	p->sink = sink;
	p->ctx = ctx;
	*out = p;
	return 0;
}

void probe_free(struct probe *p)
{
	free(p);
}

int probe_fd(const struct probe *p)
{
	(void)p;
	return -1;
}

int probe_read(struct probe *p)
{
	return ring_read(&p->ring, p->sink, p->ctx);
}

void probe_stop(struct probe *p)
{
	(void)p;
}

enum probe_pins probe_pins(const struct probe *p)
{
	(void)p;
	return PROBE_ADOPTED;
}

int64_t probe_instance_ns(const struct probe *p)
{
	(void)p;
	return world->instance_ns;
}

uint64_t probe_position(const struct probe *p)
{
	return p->ring.taken;
}

void probe_release(struct probe *p)
{
	come_to(COMMITTED);
	ring_release(&p->ring, p->ring.taken);
	atomic_fetch_add(&world->commits, 1);
	come_to(RELEASED);
}

bool probe_must_release(const struct probe *p)
{
	return ring_unreleased(&p->ring) > RING_BYTES / 16;
}

bool probe_resume(struct probe *p, uint64_t position)
{
	return ring_skip(&p->ring, position);
}

void probe_pass(struct probe *p, int64_t boot_ns)
{
	(void)p, (void)boot_ns; /* no run of another kind has filled the database */
}

void probe_span(const struct probe *p, uint64_t *from, uint64_t *to)
{
	*to = ring_written(&p->ring);
	*from = p->ring.taken - ring_unreleased(&p->ring);
}

int probe_scan_processes(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	(void)p, (void)sink, (void)ctx, (void)err;
	return 0;
}

int probe_scan_files(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	(void)p, (void)sink, (void)ctx, (void)err;
	return 0;
}

int probe_scan_namespace(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	(void)p, (void)sink, (void)ctx, (void)err;
	return 0;
}

int netns_each(int (*each)(void *ctx, struct err *err), void *ctx, struct err *err)
{
	(void)each, (void)ctx, (void)err;
	return 0;
}

int probe_review(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	(void)p, (void)err;
	for (int i = 0; i < SLOTS; i++) {
		struct slot *s = &world->slots[i];
		uint64_t id = atomic_load(&s->id);
		struct event_end e = s->e;

		if (id && e.connection.id == id && atomic_load(&s->id) == id)
			sink(ctx, &e, sizeof(e));
	}
	return 0;
}

int probe_counters(const struct probe *p, struct probe_counters *out, struct err *err)
{
	(void)p, (void)err;
	*out = world->counters;
	return 0;
}

int probe_counters_read(const struct probe *p, struct probe_counters *out, struct err *err)
{
	(void)p, (void)err;
	memset(out, 0, sizeof(*out)); /* the first of all collectors finds all in the ring */
	return 0;
}
