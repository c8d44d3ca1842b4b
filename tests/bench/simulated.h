/*
 * simulated.h - a node for the collector to run on, without a kernel: probe.h, clock.h and
 * netns.h once more, over records from elsewhere. A program that links simulated.c gets these
 * in the place of the collector's own.
 *
 * Time is that of the records: it goes on in ticks while the collector reads, and what has not
 * happened by the end of a tick is not in the ring.
 */
#ifndef CONNMON_SIMULATED_H
#define CONNMON_SIMULATED_H

#include <stddef.h>
#include <stdint.h>

#define SIMULATED_BOOT_NS                                                                          \
	(86400LL * 1000000000) /* between the boot and the begin of the records                    \
				*/

/* The records of traffic.h, one after the other. */
typedef const void *(*simulated_source)(void *ctx, size_t *len);

/* To be called first. @begin_us: the wall clock at the begin. */
void simulated_begin(simulated_source source, void *ctx, int64_t begin_us, int64_t tick_ns);

/* The next tick begins. Returns 0 when there are no more records. */
int simulated_tick(void);

int64_t simulated_now_ns(void); /* since boot */

#endif
