/*
 * body.h - rows on their way to a server: tab-separated, escaped, and gzip as they come. The same
 * rows are the same bytes. The gzip file has many members, one after the other, as RFC 1952 (2.2)
 * allows: each is made at once, which is what makes it quick.
 */
#ifndef CONNMON_BODY_H
#define CONNMON_BODY_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct body;

/* The caller frees *@out. -ENOMEM alone, here and below. */
int body_new(struct body **out, struct err *err);
void body_free(struct body *b); /* NULL is allowed */

/* As body_new() made it. */
void body_clear(struct body *b);

/* The row that @stmt stands at, as the server reads it in FORMAT TabSeparated: NULL is \N, and
 * \t, \n, \\ and the like are escaped in texts. */
int body_add(struct body *b, sqlite3_stmt *stmt, struct err *err);

/* The same for body_print(), which takes its time; all rows of one statement. */
int body_add_printed(struct body *b, sqlite3_stmt *stmt, struct err *err);

/* What was added, as a whole gzip file; it stays the body's, until that changes. Nothing is to be
 * added afterwards. */
int body_end(struct body *b, const unsigned char **gzip, size_t *size, struct err *err);

/* A number for the rows that were added since body_clear(), few, their last column apart, which is
 * when they are sent. Before body_end(). */
uint64_t body_row_print(const struct body *b);

/* @out becomes rows @first (from 0 on) to @first + @n - 1 of @b, which body_end() has ended. */
int body_part(const struct body *b, int64_t first, int64_t n, struct body *out, struct err *err);

int64_t body_rows(const struct body *b);
size_t body_text_bytes(const struct body *b); /* before gzip */

/* A number for rows that body_add_printed() added, the columns named sent_us, last_commit_us, seen
 * and recorded apart: the same for the same rows. */
uint64_t body_print(const struct body *b);

#endif
