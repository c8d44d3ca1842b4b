/*
 * totals_list.h - values of connections as lists, beside their sums: what a median needs.
 *
 * The columns of totals named _list hold in each row a number that stands for a list: the
 * functions of totals_list_functions.c know what it means as long as the row's table is being
 * read. They join the lists of several rows, as sum() adds their sums.
 *
 * All that return int return as totals_hash.h says.
 */
#ifndef CONNMON_TOTALS_LIST_H
#define CONNMON_TOTALS_LIST_H

#include <sqlite3.h>

#include "totals_hash.h"

/* Appends @value, unless it is NULL, to list @list of the group whose values are @values;
 * *@sum is the number of that list in it. */
int list_add(struct sums *s, int list, sqlite3_value *value, const int64_t *values, int64_t *sum);

/* After the last list_add(), and before sums_order(): the values of each group become
 * neighbours, and where they are becomes the list's number in the group. */
int lists_pack(struct sums *s);

/* Which sums with lists are at hand, of a database connection. Freed with sqlite3_free(). */
struct list_book;
struct list_book *list_book_new(void);

/* @s keeps its place in memory while it is in the book. */
void list_book_add(struct list_book *book, struct sums *s);
void list_book_remove(struct list_book *book, const struct sums *s);

/* What a column shows of a list, @number in its group; NULL when it is empty. */
void list_give(sqlite3_context *ctx, const struct sums *s, int64_t number);

/* The values that @shown stands for, borrowed: NULL when it stands for nothing (any more). */
const int64_t *list_values(const struct list_book *book, int64_t shown, size_t *n);

/* Makes the functions known that take lists. An SQLite result code. */
int list_register(sqlite3 *db, struct list_book *book);

#endif
