/*
 * meaning.h - what tables, views and their columns mean, as the migrations say it. They are read
 * as they are in this program: what an existing database has stored of them may be older, and
 * what a strange one has is not to be believed.
 *
 *	--: NAME what it is                  a table or view
 *	--: NAME.COLUMN what it is           a column; after a type, where SQLite knows none: TEXT
 *...
 *	--:   goes on like this
 *	--: NAME.* as OTHER                  columns of the same names mean the same
 *
 * within CREATE TABLE also the comment behind a column and in the lines below it, and within
 * ALTER TABLE ADD COLUMN that in slashes. What comes later holds; a renamed table keeps its own.
 */
#ifndef CONNMON_MEANING_H
#define CONNMON_MEANING_H

#include "err.h"

struct meanings;

/* The caller frees *@out with meanings_free(). -ENOMEM, or -EINVAL where a line is not as above. */
int meanings_read(struct meanings **out, struct err *err);

/* Of @object, or of its @column unless that is NULL. NULL when nothing is said. */
const char *meaning_of(const struct meanings *m, const char *object, const char *column);

/* The type that is said of a column; NULL for none. */
const char *meaning_type(const struct meanings *m, const char *object, const char *column);

/* What one of @name, as its ending tells, is counted in: us, bytes ...; "" when there is nothing
 * to say. */
const char *meaning_unit(const char *name);

void meanings_free(struct meanings *m); /* NULL is allowed */

#define AUTO_MEANINGS __attribute__((cleanup(meanings_freep))) struct meanings
void meanings_freep(struct meanings **m);

#endif
