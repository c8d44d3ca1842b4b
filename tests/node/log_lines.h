/* log_lines.h - how much the collector says on standard error. */
#ifndef CONNMON_LOG_LINES_H
#define CONNMON_LOG_LINES_H

#include "node.h"

/* Of one kind, numbers apart, at most one line in 30 s: counted since @start_ns, when it began. */
void assert_lines_are_rare(struct node *n, int64_t start_ns);

int64_t now_ns(void); /* of a clock that nobody sets */

#endif
