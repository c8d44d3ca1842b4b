/* hex.h - bytes as tests write them: hexadecimal digits, and blanks where they please. */
#ifndef CONNMON_HEX_H
#define CONNMON_HEX_H

#include <ctype.h>
#include <stdio.h>

/* Into @out, which has room for @size of them. Returns how many. */
static inline size_t hex_bytes(const char *hex, uint8_t *out, size_t size)
{
	size_t n = 0;

	while (*hex) {
		unsigned int byte;

		if (isspace((unsigned char)*hex)) {
			hex++;
			continue;
		}
		assert_true(n < size);
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		out[n++] = (uint8_t)byte;
		hex += 2;
	}
	return n;
}

#endif
