/* no_pins.h - for a probe that a test makes itself: what it answers when nothing outlives
 * it. Defines functions, so it is included in one file of a program. */
#ifndef CONNMON_NO_PINS_H
#define CONNMON_NO_PINS_H

#include "probe.h"

enum probe_pins probe_pins(const struct probe *p)
{
	(void)p;
	return PROBE_NO_PINS;
}

int64_t probe_instance_ns(const struct probe *p)
{
	(void)p;
	return 0;
}

uint64_t probe_position(const struct probe *p)
{
	(void)p;
	return 0;
}

void probe_release(struct probe *p)
{
	(void)p;
}

bool probe_must_release(const struct probe *p)
{
	(void)p;
	return false;
}

bool probe_resume(struct probe *p, uint64_t position)
{
	(void)p, (void)position;
	return false;
}

void probe_pass(struct probe *p, int64_t boot_ns)
{
	(void)p, (void)boot_ns;
}

/* Up to here, and whatever may still come. */
void probe_span(const struct probe *p, uint64_t *from, uint64_t *to)
{
	(void)p;
	*from = 0;
	*to = UINT64_MAX;
}

int probe_counters_read(const struct probe *p, struct probe_counters *out, struct err *err)
{
	return probe_counters(p, out, err);
}

#endif
