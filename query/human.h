/* human.h - quantities as people read them. */
#ifndef CONNMON_HUMAN_H
#define CONNMON_HUMAN_H

#include <stddef.h>
#include <stdint.h>

/* Room for either. */
#define HUMAN_SIZE 32

/* A duration of at least 0 microseconds as 15us, 1.5ms, 59.9s, 1m00s, 2h05m, 3d04h: two units at
 * most, cut, not rounded, so that 59.99 s are not yet a minute. */
void human_duration(int64_t us, char *out, size_t size);

/* At least 0 bytes as 1023, 1.0K, 5.0G: powers of 1024, cut likewise. */
void human_bytes(int64_t bytes, char *out, size_t size);

/* 1,234,567, from five digits on: what is shorter reads well as it is. */
void human_count(int64_t n, char *out, size_t size);

#endif
