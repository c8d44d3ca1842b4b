/*
 * width.h - how many places text takes on a terminal: ideographs and most emoji take two,
 * accents that stand on their own none. Whatever the locale is, text is UTF-8.
 */
#ifndef CONNMON_WIDTH_H
#define CONNMON_WIDTH_H

#include <stdbool.h>
#include <stddef.h>

/* Of @text, which is valid UTF-8 without control characters. */
int width_of(const char *text);
int width_of_bytes(const char *text, size_t len);

/* The bytes at the begin of @text that take @places at most, with all accents of the last
 * character. */
size_t width_head(const char *text, int places);

/* Where the last @places at most of @text begin. */
const char *width_tail(const char *text, int places);

#endif
