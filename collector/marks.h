/*
 * marks.h - which rows of the dictionaries are referred to: what purge.c found while it went
 * through the tables, and what the dictionary gave out meanwhile. Pure.
 */
#ifndef CONNMON_MARKS_H
#define CONNMON_MARKS_H

#include <stdbool.h>
#include <stdint.h>

enum marked {
	MARKED_PROCESS,
	MARKED_PROGRAM,
	MARKED_CONTAINER,
	MARKED_LOCAL_ADDRESS,
	MARKED_TABLES,
};

/* At most so many ids of a table at once, 8 MiB: those above count as marked. */
#define MARKS_MAX (64LL << 20)

struct marks {
	struct bits {
		uint8_t *bits;
		int64_t first, n; /* ids */
	} tables[MARKED_TABLES];
};

/* From now on the ids from @first to @last of @table are told apart, none of them marked. Ids
 * outside count as marked. 0 or -ENOMEM. */
int marks_begin(struct marks *m, enum marked table, int64_t first, int64_t last);
void marks_clear(struct marks *m); /* then all count as marked */

void marks_set(struct marks *m, enum marked table, int64_t id);
bool marks_has(const struct marks *m, enum marked table, int64_t id);

#endif
