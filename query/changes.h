/*
 * changes.h - what is other in a report than when it was asked before. A row is the same as one
 * of before when what names it is: its first columns, up to the first that measures something.
 */
#ifndef CONNMON_CHANGES_H
#define CONNMON_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "rows.h"

/* Rows that are compared: more than any terminal shows. */
#define CHANGES_ROWS_MAX 1000

enum change_kind {
	CHANGE_NONE,
	CHANGE_NEW,   /* the row was not there before */
	CHANGE_VALUE, /* the cell was another */
};

struct changes;

/* NULL: no memory. */
struct changes *changes_new(void);
void changes_free(struct changes *changes); /* NULL is allowed */

/* @rows are what is there now. Of the first, and of those with other columns, nothing has
 * changed. -ENOMEM and what reading them fails with. */
int changes_take(struct changes *changes, const struct rows *rows, struct err *err);

/* Of the cell in @row, from 0 on. */
enum change_kind changes_of(const struct changes *changes, size_t row, int column);

/* By how much it grew, as text: "+12", "-1.5K", "new" once in a row; "" where that says nothing.
 * Padded to the longest of its column, and of those before. */
const char *changes_text(const struct changes *changes, size_t row, int column);

#endif
