/* clock.h - the time, asked for nowhere else. All in nanoseconds. */
#ifndef CONNMON_CLOCK_H
#define CONNMON_CLOCK_H

#include <stdint.h>

#define NS_PER_US 1000LL
#define NS_PER_MS 1000000LL
#define NS_PER_S  1000000000LL

/* Since boot, suspend included (CLOCK_BOOTTIME): what the kernel side stamps with. */
int64_t clock_boot_ns(void);

/* Wall clock minus time since boot, now. Moves when the wall clock is set or slewed. */
int64_t clock_offset_ns(void);

/* A time since boot as the database keeps it: microseconds since the Unix epoch. */
static inline int64_t clock_wall_us(int64_t boot_ns, int64_t offset_ns)
{
	return (boot_ns + offset_ns) / NS_PER_US;
}

#endif
