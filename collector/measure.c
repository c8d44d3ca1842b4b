/* measure.c - what the collector says of itself by --metrics. */
#include "collector_parts.h"

#include <string.h>

#include "clock.h"
#include "files.h"

/* As often as Prometheus asks by default, or oftener (scrape_interval: 1m). */
#define MEASURE_EVERY_NS (15 * NS_PER_S)

static int look(struct collector *c, struct metrics_facts *f, struct err *err)
{
	struct probe_counters kernel;
	uint64_t from, to;
	int ret = probe_counters(c->probe, &kernel, err);

	if (ret)
		return ret;
	account_ours(&c->account, &kernel);
	probe_span(c->probe, &from, &to);
	*f = (struct metrics_facts){
		.start_us = clock_wall_us(c->measures.start_ns, c->offset_ns),
		.filtered = kernel.filtered,
		.recorded = c->recorded_aside + (c->store ? store_recorded(c->store) : 0),
		.names_missed = c->dns ? dns_missed(c->dns) : 0,
		.commits = c->measures.commits,
		.commit_failures = c->measures.commit_failures,
		.last_commit_us = clock_wall_us(c->flushed.at_ns, c->offset_ns),
		.open = track_count(c->track),
		.ring_bytes = c->options->probe.ring_bytes,
		.ring_used_bytes = to - from,
		.database = files_measure(c->options->db),
	};
	memcpy(f->seen, kernel.seen, sizeof(f->seen));
	memcpy(f->lost, c->measures.lost, sizeof(f->lost));
	return 0;
}

void collector_measure(struct collector *c, bool at_end)
{
	int64_t now_ns = clock_boot_ns();
	struct metrics_facts facts;
	struct err err = {0};
	int ret;

	if (!c->metrics ||
	    (!at_end && c->measures.told_ns && now_ns - c->measures.told_ns < MEASURE_EVERY_NS))
		return;
	c->measures.told_ns = now_ns;
	ret = look(c, &facts, &err);
	facts.running = !at_end;
	if (!ret)
		ret = metrics_write(c->metrics, &facts, &err);
	if (ret)
		collector_tell(c, TROUBLE_METRICS, &err, "connections are recorded, trying again");
}
