/* cmdline.h - the arguments of a process as one line of text. Pure. */
#ifndef CONNMON_CMDLINE_H
#define CONNMON_CMDLINE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The @len bytes at @args, at most ARGS_LEN (decode.h): arguments with a NUL behind each.
 * They come out as a shell would take them, one blank between: an argument that is empty,
 * ends in "..." or holds anything but A-Z a-z 0-9 @%_+=:,./- stands in single quotes. When
 * @cut, more followed, and "..." ends the line outside of any quotes. All of it is then
 * escaped as names are (escape.h), so that the exact bytes can be had back.
 *
 * The caller frees it. NULL: there are none, or no memory.
 */
char *cmdline_join(const char *args, size_t len, bool cut);

#endif
