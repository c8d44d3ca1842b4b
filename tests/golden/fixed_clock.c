/* Linked into connmon-query for the golden tests: it is always 2026-01-31T12:00:00Z,
 * for the program and, as SQLite asks the same function, for what is open "now". */
#include <sys/time.h>

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	(void)tz;
	*tv = (struct timeval){.tv_sec = 1769860800};
	return 0;
}
