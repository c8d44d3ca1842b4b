#include "human.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "timespec.h"

void human_duration(int64_t us, char *out, size_t size)
{
	int64_t s = us / US_PER_S;

	if (us < 1000)
		snprintf(out, size, "%" PRId64 "us", us);
	else if (us < US_PER_S)
		snprintf(out, size, "%" PRId64 ".%dms", us / 1000, (int)(us % 1000 / 100));
	else if (s < 60)
		snprintf(out, size, "%" PRId64 ".%ds", s, (int)(us % US_PER_S / 100000));
	else if (s < 3600)
		snprintf(out, size, "%" PRId64 "m%02ds", s / 60, (int)(s % 60));
	else if (s < 86400)
		snprintf(out, size, "%" PRId64 "h%02dm", s / 3600, (int)(s / 60 % 60));
	else
		snprintf(out, size, "%" PRId64 "d%02dh", s / 86400, (int)(s / 3600 % 24));
}

void human_bytes(int64_t bytes, char *out, size_t size)
{
	const char *unit = "KMGTPE";
	uint64_t n = (uint64_t)bytes, unit_bytes = 1024;

	if (bytes < 1024) {
		snprintf(out, size, "%" PRId64, bytes);
		return;
	}
	for (; n / unit_bytes >= 1024; unit++)
		unit_bytes *= 1024;
	snprintf(out, size, "%" PRIu64 ".%d%c", n / unit_bytes,
		 (int)(n % unit_bytes * 10 / unit_bytes), *unit);
}

void human_count(int64_t n, char *out, size_t size)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRId64, n);
	int first = digits[0] == '-';
	size_t used = 0;

	if (len - first < 5) {
		snprintf(out, size, "%s", digits);
		return;
	}
	for (int i = 0; i < len && used + 2 < size; i++) {
		if (i > first && (len - i) % 3 == 0)
			out[used++] = ',';
		out[used++] = digits[i];
	}
	out[used] = '\0';
}
