#include "clock.h"

#include <time.h>

static int64_t now_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t); /* cannot fail for the two clocks we ask for */
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

int64_t clock_boot_ns(void)
{
	return now_ns(CLOCK_BOOTTIME);
}

int64_t clock_offset_ns(void)
{
	int64_t before = now_ns(CLOCK_BOOTTIME);
	int64_t wall = now_ns(CLOCK_REALTIME);
	int64_t after = now_ns(CLOCK_BOOTTIME);

	return wall - (before + (after - before) / 2);
}
