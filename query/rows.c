#include "rows.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "db.h"
#include "timespec.h"

#define CHUNK_BYTES  65536
#define OPS_PER_LOOK 10000 /* between two looks at the clock, well below 1 ms */

struct chunk {
	struct chunk *next;
	size_t used, size;
	char bytes[];
};

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "no memory for the result; narrow it, or use --limit");
}

static int grow(struct rows *rows, size_t bytes, struct err *err)
{
	rows->bytes += bytes;
	if (rows->bytes > ROWS_MAX_BYTES)
		return err_set(err, -E2BIG,
			       "the result is larger than %llu MiB; narrow it, or use --limit",
			       ROWS_MAX_BYTES >> 20);
	return 0;
}

/* A copy of @len bytes that lives as long as the rows; NUL-terminated. */
static int keep(struct rows *rows, const void *bytes, size_t len, char **out, struct err *err)
{
	struct chunk *c = rows->chunks;

	if (!c || c->size - c->used < len + 1) {
		size_t size = len + 1 > CHUNK_BYTES ? len + 1 : CHUNK_BYTES;
		int ret = grow(rows, size, err);

		if (ret)
			return ret;
		c = malloc(sizeof(*c) + size);
		if (!c)
			return no_memory(err);
		*c = (struct chunk){.next = rows->chunks, .size = size};
		rows->chunks = c;
	}
	*out = c->bytes + c->used;
	if (len)
		memcpy(*out, bytes, len);
	(*out)[len] = '\0';
	c->used += len + 1;
	if (len > rows->longest)
		rows->longest = len;
	return 0;
}

static int add_cell(struct rows *rows, struct cell cell, struct err *err)
{
	if (rows->n_cells == rows->room) {
		size_t room = rows->room ? 2 * rows->room : 256;
		int ret = grow(rows, (room - rows->room) * sizeof(cell), err);
		struct cell *cells;

		if (ret)
			return ret;
		cells = realloc(rows->cells, room * sizeof(cell));
		if (!cells)
			return no_memory(err);
		rows->cells = cells;
		rows->room = room;
	}
	rows->cells[rows->n_cells++] = cell;
	rows->n_rows = rows->n_cells / (size_t)rows->n_columns;
	return 0;
}

static int add_bytes(struct rows *rows, int type, const void *bytes, size_t len, struct err *err)
{
	struct cell cell = {.type = type, .len = (uint32_t)len};
	char *copy;
	int ret = keep(rows, bytes, len, &copy, err);

	if (ret)
		return ret;
	cell.text = copy;
	return add_cell(rows, cell, err);
}

static int add_column(struct rows *rows, sqlite3_stmt *stmt, int i, struct err *err)
{
	struct cell cell = {.type = sqlite3_column_type(stmt, i)};
	const void *bytes;

	switch (cell.type) {
	case SQLITE_INTEGER:
		cell.number = sqlite3_column_int64(stmt, i);
		break;
	case SQLITE_FLOAT:
		cell.real = sqlite3_column_double(stmt, i);
		break;
	case SQLITE_NULL:
		break;
	default:
		bytes = sqlite3_column_blob(stmt, i);
		return add_bytes(rows, cell.type, bytes, (size_t)sqlite3_column_bytes(stmt, i),
				 err);
	}
	return add_cell(rows, cell, err);
}

int rows_new(int n_columns, const char *const names[], struct rows **out, struct err *err)
{
	struct rows *rows = calloc(1, sizeof(*rows));
	int ret = 0;

	if (!rows)
		return no_memory(err);
	rows->n_columns = n_columns;
	rows->names = calloc((size_t)n_columns, sizeof(*rows->names));
	if (!rows->names)
		ret = no_memory(err);
	for (int i = 0; i < n_columns && !ret; i++)
		ret = keep(rows, names[i], strlen(names[i]), &rows->names[i], err);
	if (ret) {
		rows_free(rows);
		return ret;
	}
	*out = rows;
	return 0;
}

int rows_add_text(struct rows *rows, const char *text, struct err *err)
{
	return add_bytes(rows, SQLITE_TEXT, text, strlen(text), err);
}

static int64_t monotonic_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

static int is_late(void *deadline_us)
{
	return monotonic_us() > *(const int64_t *)deadline_us;
}

static int fetch(sqlite3_stmt *stmt, struct rows **out, struct err *err)
{
	AUTO_ROWS *rows = NULL;
	const char **names;
	int n = sqlite3_column_count(stmt);
	int rc, ret;

	names = calloc((size_t)n, sizeof(*names));
	if (!names)
		return no_memory(err);
	for (int i = 0; i < n; i++) {
		names[i] = sqlite3_column_name(stmt, i);
		if (!names[i])
			names[i] = "";
	}
	ret = rows_new(n, names, &rows, err);
	free(names);
	if (ret)
		return ret;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		if (rows->n_rows == ROWS_MAX)
			return err_set(err, -E2BIG,
				       "more than %d rows; narrow the question, or use --limit",
				       ROWS_MAX);
		for (int i = 0; i < n; i++) {
			ret = add_column(rows, stmt, i, err);
			if (ret)
				return ret;
		}
	}
	if ((rc & 0xff) == SQLITE_INTERRUPT)
		return err_set(err, -ETIMEDOUT, "it took too long");
	if (rc != SQLITE_DONE)
		return err_set(err, db_errno(rc), "%s", sqlite3_errmsg(sqlite3_db_handle(stmt)));
	*out = rows;
	rows = NULL;
	return 0;
}

int rows_fetch(sqlite3_stmt *stmt, int64_t timeout_us, struct rows **out, struct err *err)
{
	sqlite3 *db = sqlite3_db_handle(stmt);
	int64_t deadline_us = monotonic_us() + timeout_us;
	int ret;

	if (timeout_us)
		sqlite3_progress_handler(db, OPS_PER_LOOK, is_late, &deadline_us);
	ret = fetch(stmt, out, err);
	if (ret == -ETIMEDOUT)
		err_set(err, ret, "stopped after %lld s; narrow the window, or raise --timeout",
			(long long)(timeout_us / US_PER_S));
	sqlite3_progress_handler(db, 0, NULL, NULL);
	sqlite3_reset(stmt);
	return ret;
}

void rows_free(struct rows *rows)
{
	if (!rows)
		return;
	while (rows->chunks) {
		struct chunk *next = rows->chunks->next;

		free(rows->chunks);
		rows->chunks = next;
	}
	free(rows->cells);
	free(rows->names);
	free(rows);
}

void rows_freep(struct rows **rows)
{
	rows_free(*rows);
}
