/* clean.h - what our programs print: valid UTF-8 without anything that a terminal obeys. */
#ifndef CONNMON_CLEAN_H
#define CONNMON_CLEAN_H

#include <stddef.h>

/* Of the control characters @text may have a newline, and those in @allowed. */
void must_be_clean(const char *text, size_t len, const char *allowed);

/* Nothing but ASCII. */
void must_be_ascii(const char *text, size_t len);

#endif
