/* must.h - for fuzz targets: what must hold, whatever the input is. A fuzzer counts an end by
 * abort() as a find, whatever NDEBUG says. */
#ifndef CONNMON_MUST_H
#define CONNMON_MUST_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define must(condition)                                                                            \
	((condition) ? (void)0 : must_fail(#condition, __FILE__, __func__, __LINE__))

static inline void must_fail(const char *condition, const char *file, const char *function,
			     int line)
{
	dprintf(2, "%s:%d: %s: it does not hold that %s\n", file, line, function, condition);
	abort();
}

/* The input as a text that ends where its memory ends. The caller frees it. */
static inline char *must_text(const uint8_t *data, size_t size)
{
	char *text = strndup(size ? (const char *)data : "", size);

	must(text);
	return text;
}

#endif
