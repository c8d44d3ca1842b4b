/* feed.h - what libFuzzer calls again and again, and feed.c once for each file it is given. */
#ifndef CONNMON_FEED_H
#define CONNMON_FEED_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
