/* probe_read.c - what the programs tell: by the ring, by iterators, by their counters. */
#include "probe_parts.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define RELEASE_FRACTION 16 /* what is read and not released may be this part of the ring */

_Static_assert(PROBE_RECORDS == EVENT_TYPES, "each kind of record is counted");
_Static_assert(PROBE_LOSERS == EVENT_LOSSES && PROBE_LOSS_RING == (int)EVENT_LOSS_RING &&
		       PROBE_LOSS_TABLE == (int)EVENT_LOSS_TABLE,
	       "a loser is named as the programs do");

int probe_fd(const struct probe *p)
{
	return bpf_map__fd(p->skel->maps.events);
}

int probe_read(struct probe *p)
{
	return ring_read(&p->ring, p->sink, p->ctx);
}

void probe_stop(struct probe *p)
{
	if (!p->pin)
		connmon_bpf__detach(p->skel);
}

/* How many of @len bytes at @data are whole events, each handed to @sink; negative:
 * what @sink returned. Their headers are the kernel side's; decode checks the rest. */
static ssize_t hand_out(const char *data, size_t len, probe_sink sink, void *ctx)
{
	size_t at = 0;

	while (len - at >= sizeof(struct event_header)) {
		struct event_header h;
		int ret;

		memcpy(&h, data + at, sizeof(h));
		if (h.size < sizeof(h))
			return -EBADMSG;
		if (h.size > len - at)
			break;
		ret = sink(ctx, data + at, h.size);
		if (ret < 0)
			return ret;
		at += h.size;
	}
	return (ssize_t)at;
}

/* Reads all that an iterator program writes. A read may end in the middle of an event. */
static int read_iterator(struct bpf_link *link, probe_sink sink, void *ctx, struct err *err)
{
	char buf[16384];
	size_t have = 0;
	ssize_t n;
	int fd;

	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0)
		return err_set(err, -errno, "scanning sockets and processes: %s", strerror(errno));
	while ((n = read(fd, buf + have, sizeof(buf) - have)) != 0) {
		ssize_t done;

		/* EAGAIN: very many objects, and not one to show among them. */
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		done = n < 0 ? -errno : hand_out(buf, have + (size_t)n, sink, ctx);
		if (done < 0) {
			close(fd);
			return err_set(err, (int)done, "scanning sockets and processes: %s",
				       strerror((int)-done));
		}
		have = have + (size_t)n - (size_t)done;
		memmove(buf, buf + done, have);
	}
	close(fd);
	return 0;
}

static int run_iterator(struct probe *p, struct bpf_link *link, probe_sink sink, void *ctx,
			struct err *err)
{
	int ret;

	p->skel->bss->collector_pid = (__u32)getpid();
	ret = read_iterator(link, sink, ctx, err);
	/* When we are gone, another process may get our number. */
	p->skel->bss->collector_pid = 0;
	return ret;
}

int probe_scan_processes(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	return run_iterator(p, p->skel->links.scan_processes, sink, ctx, err);
}

int probe_scan_files(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	return run_iterator(p, p->skel->links.scan_files, sink, ctx, err);
}

int probe_scan_namespace(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	return run_iterator(p, p->skel->links.scan_namespace, sink, ctx, err);
}

int probe_review(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	union bpf_iter_link_info map = {.map.map_fd =
						(__u32)bpf_map__fd(p->skel->maps.connections)};
	struct bpf_iter_attach_opts opts;

	/* Not LIBBPF_OPTS(): with all members given, gcc leaves the bytes behind the last one as
	 * they were (seen with -O0), and libbpf refuses what is not zero there. */
	memset(&opts, 0, sizeof(opts));
	opts.sz = sizeof(opts);
	opts.link_info = &map;
	opts.link_info_len = sizeof(map);
	/* Kept: later we may not make one. */
	if (!p->review)
		p->review = bpf_program__attach_iter(p->skel->progs.review, &opts);
	if (!p->review)
		return err_set(err, -errno, "listing the kernel's connections: %s",
			       strerror(errno));
	return run_iterator(p, p->review, sink, ctx, err);
}

/* Since 5.12; 0 on a kernel that runs nested programs anyway (before 6.2). */
static int add_recursion_misses(int fd, uint64_t *sum)
{
	struct bpf_prog_info info = {0};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0)
		return -errno;
	*sum += info.recursion_misses;
	return 0;
}

int probe_counters(const struct probe *p, struct probe_counters *out, struct err *err)
{
	struct bpf_program *prog;
	struct probe_counters sum = {0};
	struct event_losses losses;
	__u32 zero = 0;
	int n = 0;

	/* First who lost, then how many were: so the parts are never more than the whole. */
	if (bpf_map_lookup_elem(bpf_map__fd(p->skel->maps.losses), &zero, &losses) != 0 ||
	    bpf_map_lookup_elem(bpf_map__fd(p->skel->maps.counters), &zero, p->per_cpu) != 0)
		return err_set(err, -errno, "reading the kernel's counters: %s", strerror(errno));
	for (int i = 0; i < PROBE_LOSERS; i++) {
		sum.loser[i] = losses.place[i].who;
		sum.lost_by[i] = losses.place[i].count;
	}
	for (int i = 0; i < p->n_cpus; i++) {
		for (int r = 0; r < PROBE_RECORDS; r++) {
			sum.seen[r] += p->per_cpu[i].seq[r];
			sum.lost[r] += p->per_cpu[i].lost[r];
		}
		sum.table_full += p->per_cpu[i].table_full;
		sum.in_connect_full += p->per_cpu[i].in_connect_full;
		sum.listeners_full += p->per_cpu[i].listeners_full;
		sum.filtered += p->per_cpu[i].filtered;
		sum.missed_ends += p->per_cpu[i].missed_ends;
		sum.rescued += p->per_cpu[i].rescued;
	}
	bpf_object__for_each_program(prog, p->skel->obj)
	{
		int fd = p->found == PROBE_ADOPTED ? p->pins.programs[n] : bpf_program__fd(prog);
		int ret = fd > 0 ? add_recursion_misses(fd, &sum.recursion_misses) : 0;

		if (ret)
			return err_set(err, ret, "reading the programs' counters: %s",
				       strerror(-ret));
		n++;
	}
	*out = sum;
	return 0;
}

static int uncount(void *ctx, const void *data, size_t len)
{
	struct probe_counters *c = ctx;
	struct event_header h;

	if (len < sizeof(h))
		return 0;
	memcpy(&h, data, sizeof(h));
	if (h.type < PROBE_RECORDS)
		c->seen[h.type]--;
	return 0;
}

int probe_counters_read(const struct probe *p, struct probe_counters *out, struct err *err)
{
	struct ring ring = p->ring; /* which so stays where it is */
	int ret = probe_counters(p, out, err);

	ring.keep = true;
	if (!ret)
		ring_read(&ring, uncount, out);
	return ret;
}

/* ---- pins ---- */

enum probe_pins probe_pins(const struct probe *p)
{
	return p->found;
}

int64_t probe_instance_ns(const struct probe *p)
{
	return p->pin ? (int64_t)p->about.instance_ns : 0;
}

uint64_t probe_position(const struct probe *p)
{
	return p->ring.taken;
}

void probe_span(const struct probe *p, uint64_t *from, uint64_t *to)
{
	*to = ring_written(&p->ring);
	*from = p->ring.taken - ring_unreleased(&p->ring);
}

void probe_release(struct probe *p)
{
	ring_release(&p->ring, p->ring.taken);
}

bool probe_must_release(const struct probe *p)
{
	return p->pin && ring_unreleased(&p->ring) >= p->ring.bytes / RELEASE_FRACTION;
}

bool probe_resume(struct probe *p, uint64_t position)
{
	return ring_skip(&p->ring, position);
}

/* For probe_pass(): the last record that is old enough. */
struct pass {
	struct ring *ring;
	uint64_t before_ns;
	uint64_t last; /* where it begins */
	bool found;
};

static int note_older(void *ctx, const void *data, size_t len)
{
	struct pass *pass = ctx;
	struct event_header h;

	if (len < sizeof(h))
		return 0;
	memcpy(&h, data, sizeof(h));
	if (h.time_boot_ns < pass->before_ns) {
		pass->last = pass->ring->taken;
		pass->found = true;
	}
	return 0;
}

static int stop_behind(void *ctx, const void *data, size_t len)
{
	const struct pass *pass = ctx;

	(void)data, (void)len;
	return pass->ring->taken == pass->last ? -EAGAIN : 0;
}

void probe_pass(struct probe *p, int64_t boot_ns)
{
	struct ring look = p->ring; /* which so stays where it is */
	struct pass pass = {.ring = &look, .before_ns = boot_ns > 0 ? (uint64_t)boot_ns : 0};

	look.keep = true;
	ring_read(&look, note_older, &pass);
	pass.ring = &p->ring;
	if (pass.found)
		ring_read(&p->ring, stop_behind, &pass);
}
