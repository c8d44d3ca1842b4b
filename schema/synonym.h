/* synonym.h - the words of other programs, and of people, for ours. */
#ifndef CONNMON_SYNONYM_H
#define CONNMON_SYNONYM_H

#include <stdbool.h>

/* Whether @theirs is said where we say @ours. */
bool synonym_of(const char *theirs, const char *ours);

#endif
