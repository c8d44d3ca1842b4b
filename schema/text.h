/* text.h - a stream into memory that says when some of it was lost. */
#ifndef CONNMON_TEXT_H
#define CONNMON_TEXT_H

#include <stddef.h>
#include <stdio.h>

/*
 * As open_memstream(3), whose fclose() is 0 in glibc even when there was no room for all: the text
 * then lacks a part, which in a statement may be a filter. Of this one fclose() fails.
 * With fflush(), and with fclose() in either case, *@text is what was written so far, its caller's
 * to free(); before, it is NULL. NULL: no memory.
 */
FILE *text_open(char **text, size_t *size);

#endif
