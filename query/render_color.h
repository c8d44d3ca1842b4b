/* render_color.h - what stands out in a table, by what it means. */
#ifndef CONNMON_RENDER_COLOR_H
#define CONNMON_RENDER_COLOR_H

#include "rows.h"

enum tone { TONE_USUAL, TONE_BAD, TONE_WARN, TONE_GOOD, TONE_FAINT };

/* Of a cell of the column @name. */
enum tone tone_of(const char *name, const struct cell *cell);

/* The same for a terminal: NULL for the usual colour, else what switches to another. */
const char *color_of(const char *name, const struct cell *cell);

#define COLOR_NAMES "\x1b[1m" /* of columns */
#define COLOR_LINES "\x1b[2m"
#define COLOR_ALARM "\x1b[31m"
#define COLOR_OTHER "\x1b[1;36m" /* than it was */
#define COLOR_OFF   "\x1b[0m"

#endif
