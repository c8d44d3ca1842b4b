#include "clock.h"

#include <errno.h>
#include <limits.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MAX_SAMPLES 20

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

/* Of some samples the one that was interrupted least. */
int64_t clock_offset_ns(void)
{
	int64_t least = INT64_MAX, offset = 0;

	for (int i = 0; i < MAX_SAMPLES; i++) {
		int64_t before = now_ns(CLOCK_BOOTTIME);
		int64_t wall = now_ns(CLOCK_REALTIME);
		int64_t took = now_ns(CLOCK_BOOTTIME) - before;

		if (took < least) {
			least = took;
			offset = wall - (before + took / 2);
		}
	}
	return offset;
}

int clock_watch(void)
{
	/* Never, whatever the clock is set to: timerfd_create(2), TFD_TIMER_CANCEL_ON_SET. */
	const struct itimerspec never = {.it_value.tv_sec = LONG_MAX};
	int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd >= 0 &&
	    timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

bool clock_was_set(int fd)
{
	uint64_t expirations;

	return read(fd, &expirations, sizeof(expirations)) < 0 && errno == ECANCELED;
}
