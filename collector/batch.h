/* batch.h - the rows of the next commit, in a fixed array. Pure: time is passed in. */
#ifndef CONNMON_BATCH_H
#define CONNMON_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "connection.h"

#define BATCH_ROWS 20000 /* the most that one transaction takes */

struct batch {
	struct connection *rows;
	size_t n;
	size_t capacity;
	int64_t last_flush_ns;
	int64_t oldest_end_ns; /* with rows only */
};

int batch_init(struct batch *b, size_t capacity, int64_t now_ns); /* 0 or -ENOMEM */
void batch_clear(struct batch *b);				  /* frees the array */

/* Adds a row. Only when the batch is not full. */
void batch_add(struct batch *b, const struct connection *c);
bool batch_full(const struct batch *b);

/* Time to commit: full, or @every_ns since the last flush. */
bool batch_due(const struct batch *b, int64_t every_ns, int64_t now_ns);

/* What ended before has been flushed: the oldest end that waits, else @now_ns. */
int64_t batch_flushed_until(const struct batch *b, int64_t now_ns);

/* Puts the rows in the order of their end, as the database keeps them. */
void batch_sort(struct batch *b);

/* The database is another one: what the rows refer to is not in it. */
void batch_forget_rows(struct batch *b);

/* The rows are in the database. */
void batch_flushed(struct batch *b, int64_t now_ns);

#endif
