/* clock.h - the time, asked for nowhere else. All in nanoseconds. */
#ifndef CONNMON_CLOCK_H
#define CONNMON_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define NS_PER_US 1000LL
#define NS_PER_MS 1000000LL
#define NS_PER_S  1000000000LL

/* Since boot, suspend included (CLOCK_BOOTTIME): what the kernel side stamps with. */
int64_t clock_boot_ns(void);

/*
 * Wall clock minus time since boot, now, to some microseconds. It is the same until
 * the wall clock is set: the kernel slews both clocks alike, and adds a suspend to
 * both (kernel/time/timekeeping.c). So it is asked for once for each step, and between
 * two steps all times in the database differ by just what passed since boot.
 */
int64_t clock_offset_ns(void);
#define CLOCK_OFFSET_NOISE_NS (50 * NS_PER_US) /* how far two samples may be apart */

/* A descriptor that becomes readable when the wall clock is set; -1 and errno. */
int clock_watch(void);
/* To be asked when it is: whether the clock was set since it was asked last. */
bool clock_was_set(int fd);

/* A time since boot as the database keeps it: microseconds since the Unix epoch. */
static inline int64_t clock_wall_us(int64_t boot_ns, int64_t offset_ns)
{
	return (boot_ns + offset_ns) / NS_PER_US;
}

#endif
