/* terminal.h - what the output can show, and what of it the reader wants. */
#ifndef CONNMON_TERMINAL_H
#define CONNMON_TERMINAL_H

#include <stdbool.h>

#include "err.h"
#include "render.h"

enum terminal_color { TERMINAL_COLOR_AUTO, TERMINAL_COLOR_ALWAYS, TERMINAL_COLOR_NEVER };

/* Their words, ending with NULL. */
extern const char *const terminal_colors[];

/* auto, always or never; -EINVAL for another word. */
int terminal_parse_color(const char *word, enum terminal_color *out, struct err *err);

/* Whether somebody looks at @fd: a terminal that can be written on anywhere. */
bool terminal_is_smart(int fd);

/*
 * Fills in lines, blocks, color, ascii and width for @fd. On a terminal the width is that of
 * $COLUMNS, else what the terminal says; a file or a pipe has none, nor lines nor colour, and
 * gets UTF-8 whatever the locale is.
 */
void terminal_style(int fd, enum terminal_color color, struct render_style *out);

#endif
