/* load.h - connections without a pause, some thousand a second, until they are told to stop. */
#ifndef CONNMON_LOAD_H
#define CONNMON_LOAD_H

#include "stage.h"

struct load;

/* In the namespace that this process is in, over 127.0.0.0/8; one at a time. */
struct load *load_begin(void);

/* How many there are so far, and waiting until there are that many more. */
long load_made(const struct load *l);
void load_wait(const struct load *l, long more);

/* How many it were: each has two ends, which are over. */
long load_end(struct load *l);

#endif
