/*
 * lasting.h - the fake kernel side when it outlives the collector, as with --pin: what it knows
 * and its ring are in memory that processes share, and the ring is read by the real ring.c.
 */
#ifndef CONNMON_FAULT_LASTING_H
#define CONNMON_FAULT_LASTING_H

/* From now on, for this process and all that it forks: a new kernel side, of which nothing has
 * happened yet. */
void lasting_begin(void);

/* For fake.c. */
void lasting_open(void); /* a collector begins */
int lasting_read(void);
void lasting_tell(const void *record);

#endif
