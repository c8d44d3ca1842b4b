/* probe_parts.h - what probe.c and probe_read.c share of the probe. Not for others. */
#ifndef CONNMON_PROBE_PARTS_H
#define CONNMON_PROBE_PARTS_H

#include "../bpf/event.h"
#include "connmon.skel.h"
#include "pin.h"
#include "probe.h"
#include "ring.h"

struct probe {
	struct connmon_bpf *skel;
	struct ring ring;
	const char *pin; /* borrowed; NULL: no pins */
	struct pins pins;
	struct bpf_link *review; /* made with the first review, while we may */
	enum probe_pins found;
	struct pin_about about;
	struct event_counters *per_cpu; /* room for one of each CPU */
	int n_cpus;
	probe_sink sink;
	void *ctx;
};

#endif
