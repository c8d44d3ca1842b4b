/* seen.h - which of the things that are looked at again and again are new, by their names. What
 * was not there at the last look is forgotten, so that it takes no more room than what is there. */
#ifndef CONNMON_SEEN_H
#define CONNMON_SEEN_H

#include <stdbool.h>

#include "err.h"

/* All zero is nothing. */
struct seen {
	void *names; /* of tsearch() */
	unsigned look;
};

/* *@is_new: it was not there at the last look. -ENOMEM. */
int seen_add(struct seen *seen, const char *name, bool *is_new, struct err *err);

/* The look is over: forgets what was not added in it. */
void seen_forget(struct seen *seen);

void seen_free(struct seen *seen);

#endif
