/* feed.h - what libFuzzer calls again and again, and feed.c once for each file it is given. */
#ifndef CONNMON_FEED_H
#define CONNMON_FEED_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A fuzzer counts an end by abort() as a find, whatever NDEBUG says. */
#define must(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

#endif
