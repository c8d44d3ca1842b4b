/* complaint.h - when to say that there is trouble, and that it is over: each at once, and at most
 * once in 30 s, whether it lasts or comes and goes. */
#ifndef CONNMON_COMPLAINT_H
#define CONNMON_COMPLAINT_H

#include <stdbool.h>
#include <stdint.h>

struct complaint {
	int64_t told_ns, over_ns; /* when each was said last; 0: never */
	bool active;		  /* that it is over was not said yet */
};

/* There is trouble at @now_ns: whether to say so. */
bool complaint_due(struct complaint *p, int64_t now_ns);

/* There is none: whether to say that what was told is over. */
bool complaint_is_over(struct complaint *p, int64_t now_ns);

#endif
