/*
 * fake.h - stands in for probe.c, clock.c and netns.c: a kernel side whose truth is known, and a
 * clock that stands still unless it is moved. It may outlive the collector; see lasting.h.
 */
#ifndef CONNMON_FAULT_FAKE_H
#define CONNMON_FAULT_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/event.h"
#include "probe.h"

#define FAKE_IDS     512
#define FAKE_WAITING 512

#define fake (*fake_kernel)
extern struct fake_kernel {
	int64_t now_ns, offset_ns;
	probe_sink sink;
	void *ctx;
	struct waiting {
		union {
			struct event_header header;
			struct event_end end;
			struct event_listen listen;
			struct event_exec exec;
			struct event_exit exit;
			struct event_cgroup cgroup;
		};
	} ring[FAKE_WAITING];
	size_t n_waiting;
	size_t n_kept; /* as many of the newest are on their way and cannot be read yet */
	struct probe_counters counters;
	bool (*busy)(
		void); /* asked at each look at the ring: whether there is still more to read */

	/* What there is of connections, by number: their cookies. */
	unsigned int n_ids;
	struct {
		bool open, over;
		int64_t start_ns, end_ns, end_us;
	} ids[FAKE_IDS];
	unsigned int n_listeners;

	/* Of programs that outlive the collector, as with --pin. */
	bool lasts;
	int64_t instance_ns; /* when they were attached; 0: not yet */
	uint64_t consumer, producer;
	unsigned int phase; /* how far the world has come */
} * fake_kernel;

/* Processes, a cgroup, a listener, connections that end and one that stays: always the same in the
 * @phase-th phase of a run, and told in the ring. */
void fake_phase(unsigned int phase);

#endif
