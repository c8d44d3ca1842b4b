/* render_live.h - what the parts of rows that come in parts have in common. */
#ifndef CONNMON_RENDER_LIVE_H
#define CONNMON_RENDER_LIVE_H

#include "render_table.h"

/* Whether the column called @name stands right, whatever its cells hold. */
bool live_is_number(const char *name, enum render_unit unit);

/* How wide each column is, by its name alone and the terminal's width. */
int live_measure(struct table *t, struct err *err);

/* The row's day, which the header has to show; NULL when each cell does so itself, or it stands
 * there already. */
const char *live_new_day(struct table *t);

#endif
