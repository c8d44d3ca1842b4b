/* sheet.h - rows of anything, out of the bytes of a fuzzer. */
#ifndef CONNMON_SHEET_H
#define CONNMON_SHEET_H

#include "rows.h"

/* What the bytes at *@data are, which are moved behind what was taken; 0 when there are none. */
struct taken {
	const uint8_t *at;
	size_t left;
};

uint8_t take_byte(struct taken *t);

/* As many bytes as the next one says, up to @most. */
size_t take_bytes(struct taken *t, size_t most, const uint8_t **out);

/* Some columns, some rows: their names and cells are what the bytes say. With @is_graph the first
 * three are what a graph is drawn of. The caller frees it with rows_free(). */
struct rows *sheet_make(struct taken *t, bool is_graph);

#endif
