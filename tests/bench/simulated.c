#include "simulated.h"

#include <errno.h>

#include "../../bpf/event.h"
#include "clock.h"
#include "netns.h"
#include "tests/no_pins.h"

struct probe {
	probe_sink sink;
	void *ctx;
	struct probe_counters counters;
};

static struct {
	simulated_source source;
	void *ctx;
	int64_t now_ns;
	int64_t until_ns; /* the tick's end */
	int64_t tick_ns;
	int64_t offset_ns;
	const void *waiting; /* read from the source, not yet handed out; NULL: no more */
	size_t waiting_len;
	struct probe probe;
} node;

static void advance(void)
{
	node.waiting = node.source(node.ctx, &node.waiting_len);
}

void simulated_begin(simulated_source source, void *ctx, int64_t begin_us, int64_t tick_ns)
{
	node.source = source;
	node.ctx = ctx;
	node.now_ns = node.until_ns = SIMULATED_BOOT_NS;
	node.tick_ns = tick_ns;
	node.offset_ns = begin_us * NS_PER_US - SIMULATED_BOOT_NS;
	advance();
}

int simulated_tick(void)
{
	node.now_ns = node.until_ns;
	node.until_ns += node.tick_ns;
	return node.waiting != NULL;
}

int64_t simulated_now_ns(void)
{
	return node.now_ns;
}

/* ---- probe.h ---- */

int probe_new(const struct probe_config *config, probe_sink sink, void *ctx, struct probe **out,
	      struct err *err)
{
	(void)config, (void)err;
	node.probe = (struct probe){.sink = sink, .ctx = ctx};
	*out = &node.probe;
	return 0;
}

void probe_free(struct probe *p)
{
	(void)p;
}

int probe_fd(const struct probe *p)
{
	(void)p;
	return -1;
}

void probe_stop(struct probe *p)
{
	(void)p;
}

/* To the end of the tick, or to a review. */
int probe_read(struct probe *p)
{
	const struct event_header *h;
	int n = 0, ret = 0;

	for (; (h = node.waiting) && h->type < EVENT_TYPES && ret >= 0; n++) {
		if ((int64_t)h->time_boot_ns >= node.until_ns)
			break;
		if ((int64_t)h->time_boot_ns > node.now_ns)
			node.now_ns = (int64_t)h->time_boot_ns;
		p->counters.seen[h->type]++;
		ret = p->sink(p->ctx, h, node.waiting_len);
		advance();
	}
	if (ret >= 0 && h && h->type >= EVENT_TYPES && (int64_t)h->time_boot_ns < node.until_ns)
		node.now_ns = (int64_t)h->time_boot_ns; /* it is due */
	return ret < 0 ? ret : n;
}

int probe_scan_processes(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	(void)p, (void)sink, (void)ctx, (void)err;
	return 0;
}

int probe_scan_files(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	return probe_scan_processes(p, sink, ctx, err);
}

int probe_scan_namespace(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	return probe_scan_processes(p, sink, ctx, err);
}

int probe_review(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	const struct event_connection *c;

	(void)p;
	for (; (c = node.waiting) && c->header.type == EVENT_PROGRESS; advance())
		if (c->id && sink(ctx, c, node.waiting_len))
			return err_set(err, -EIO, "a record of the review is not in order");
	return 0;
}

int probe_counters(const struct probe *p, struct probe_counters *out, struct err *err)
{
	(void)err;
	*out = p->counters;
	return 0;
}

/* ---- clock.h ---- */

int64_t clock_boot_ns(void)
{
	return node.now_ns;
}

int64_t clock_offset_ns(void)
{
	return node.offset_ns;
}

int clock_watch(void)
{
	return -1;
}

bool clock_was_set(int fd)
{
	(void)fd;
	return false;
}

/* ---- netns.h ---- */

int netns_each(int (*each)(void *ctx, struct err *err), void *ctx, struct err *err)
{
	return each(ctx, err);
}
