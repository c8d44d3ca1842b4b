/* fleet_binary.h - ClickHouse's format RowBinary, as far as fleet_statement.c asks for it. */
#ifndef CONNMON_FLEET_BINARY_H
#define CONNMON_FLEET_BINARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is left to be read; whoever reads from it makes it shorter. */
struct binary {
	const char *bytes;
	size_t n;
};

struct cell {
	bool is_null;
	int64_t number;
	const char *text; /* borrowed; of a list its values, 8 bytes each, not aligned */
	size_t len;	  /* of the text; of a list, how many */
};

/* Nullable(String) or Nullable(Int64); and Array(Int64), which is NULL when it is empty. False
 * when it is neither: then what is left is of no use. */
bool binary_cell(struct binary *b, bool text, struct cell *out);
bool binary_list(struct binary *b, struct cell *out);

#endif
