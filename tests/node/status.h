/* status.h - what the collector tells its service manager, which is this process: at once, where
 * its standard error says it at most every 30 s. */
#ifndef CONNMON_STATUS_H
#define CONNMON_STATUS_H

#include "node.h"

/* For all that are started from now on. */
void status_begin(const struct node *n);

/* Returns once the latest status holds @words; fails after two minutes. */
void status_wait(const char *words);

void status_end(void);

#endif
