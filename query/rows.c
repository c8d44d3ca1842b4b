/* rows.c - a row in the spool: the bytes that follow in 32 bits, then cell after cell: its type
 * in one byte; a number in 8; a text or blob with its length in 32 bits before and a NUL behind. */
#include "rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"

#define ROW_MAX_BYTES (64u << 20)
#define BLOCK_BYTES   65536 /* read at once */

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "no memory for the result; narrow it, or use --limit");
}

/* ---- adding ---- */

/* Room for @len bytes more. */
static char *extend_row(struct rows *rows, size_t len, struct err *err)
{
	size_t room = rows->row.room ? rows->row.room : 256;
	char *bytes;

	while (room < rows->row.used + len)
		room *= 2;
	if (room != rows->row.room) {
		bytes = realloc(rows->row.bytes, room);
		if (!bytes) {
			no_memory(err);
			return NULL;
		}
		rows->row.bytes = bytes;
		rows->row.room = room;
	}
	bytes = rows->row.bytes + rows->row.used;
	rows->row.used += len;
	return bytes;
}

static int end_row(struct rows *rows, struct err *err)
{
	uint32_t len = (uint32_t)(rows->row.used - sizeof(len));
	int ret;

	memcpy(rows->row.bytes, &len, sizeof(len));
	if (spool_size(&rows->spool) + rows->row.used > ROWS_MAX_BYTES)
		return err_set(err, -E2BIG,
			       "the result is larger than %llu GiB; narrow it, or use --limit",
			       ROWS_MAX_BYTES >> 30);
	ret = spool_add(&rows->spool, rows->row.bytes, rows->row.used, err);
	if (ret)
		return ret;
	rows->row.used = 0;
	rows->row.n_cells = 0;
	rows->n_rows++;
	return 0;
}

static int add_cell(struct rows *rows, int type, const void *bytes, size_t len, struct err *err)
{
	bool text = type == SQLITE_TEXT || type == SQLITE_BLOB;
	uint32_t text_len = (uint32_t)len;
	size_t size = 1 + len + (text ? sizeof(text_len) + 1 : 0);
	char *p;

	if (rows->row.used + size > ROW_MAX_BYTES)
		return err_set(err, -E2BIG, "a row is larger than %u MiB", ROW_MAX_BYTES >> 20);
	if (rows->row.n_cells == 0 && !extend_row(rows, sizeof(uint32_t), err))
		return err->code;
	p = extend_row(rows, size, err);
	if (!p)
		return err->code;
	*p++ = (char)type;
	if (text) {
		memcpy(p, &text_len, sizeof(text_len));
		p += sizeof(text_len);
		if (len > rows->longest)
			rows->longest = len;
		p[len] = '\0';
	}
	if (len)
		memcpy(p, bytes, len);
	rows->types[rows->row.n_cells] |= 1u << type;
	return ++rows->row.n_cells == rows->n_columns ? end_row(rows, err) : 0;
}

static int add_column(struct rows *rows, sqlite3_stmt *stmt, int i, struct err *err)
{
	int type = sqlite3_column_type(stmt, i);
	const void *bytes;
	double real;

	switch (type) {
	case SQLITE_INTEGER:
		return rows_add_number(rows, sqlite3_column_int64(stmt, i), err);
	case SQLITE_FLOAT:
		real = sqlite3_column_double(stmt, i);
		return add_cell(rows, type, &real, sizeof(real), err);
	case SQLITE_NULL:
		return rows_add_null(rows, err);
	default:
		bytes = sqlite3_column_blob(stmt, i);
		return add_cell(rows, type, bytes, (size_t)sqlite3_column_bytes(stmt, i), err);
	}
}

int rows_add_text(struct rows *rows, const char *text, struct err *err)
{
	return add_cell(rows, SQLITE_TEXT, text, strlen(text), err);
}

int rows_add_number(struct rows *rows, int64_t number, struct err *err)
{
	return add_cell(rows, SQLITE_INTEGER, &number, sizeof(number), err);
}

int rows_add_real(struct rows *rows, double real, struct err *err)
{
	return add_cell(rows, SQLITE_FLOAT, &real, sizeof(real), err);
}

int rows_add_null(struct rows *rows, struct err *err)
{
	return add_cell(rows, SQLITE_NULL, NULL, 0, err);
}

bool rows_is_number(const struct rows *rows, int column)
{
	unsigned numbers = 1u << SQLITE_INTEGER | 1u << SQLITE_FLOAT;
	unsigned others = 1u << SQLITE_TEXT | 1u << SQLITE_BLOB;

	return (rows->types[column] & numbers) && !(rows->types[column] & others);
}

static int name_columns(struct rows *rows, int n_columns, const char *const names[],
			struct err *err)
{
	rows->names = calloc((size_t)n_columns, sizeof(*rows->names));
	rows->types = calloc((size_t)n_columns, sizeof(*rows->types));
	if (!rows->names || !rows->types)
		return no_memory(err);
	for (; rows->n_columns < n_columns; rows->n_columns++) {
		char *name = strdup(names[rows->n_columns]);

		if (!name)
			return no_memory(err);
		rows->names[rows->n_columns] = name;
		if (strlen(name) > rows->longest)
			rows->longest = strlen(name);
	}
	return 0;
}

int rows_new(int n_columns, const char *const names[], struct rows **out, struct err *err)
{
	struct rows *rows = calloc(1, sizeof(*rows));
	int ret;

	if (!rows)
		return no_memory(err);
	rows->spool = SPOOL_EMPTY;
	ret = name_columns(rows, n_columns, names, err);
	if (ret)
		rows_free(rows);
	else
		*out = rows;
	return ret;
}

/* ---- fetching ---- */

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
		for (int i = 0; i < n; i++) {
			ret = add_column(rows, stmt, i, err);
			if (ret)
				return ret;
		}
	}
	if (rc != SQLITE_DONE)
		return err_set(err, db_errno(rc), "%s", sqlite3_errmsg(sqlite3_db_handle(stmt)));
	*out = rows;
	rows = NULL;
	return 0;
}

int rows_fetch(sqlite3_stmt *stmt, struct rows **out, struct err *err)
{
	int ret = fetch(stmt, out, err);

	sqlite3_reset(stmt);
	return ret;
}

void rows_free(struct rows *rows)
{
	if (!rows)
		return;
	for (int i = 0; i < rows->n_columns; i++)
		free(rows->names[i]);
	spool_release(&rows->spool);
	free(rows->row.bytes);
	free(rows->names);
	free(rows->types);
	free(rows);
}

void rows_freep(struct rows **rows)
{
	rows_free(*rows);
}

/* ---- reading ---- */

int rows_begin(const struct rows *rows, struct rows_cursor *out, struct err *err)
{
	*out = (struct rows_cursor){.rows = rows};
	out->cells = calloc((size_t)rows->n_columns, sizeof(*out->cells));
	return out->cells ? 0 : no_memory(err);
}

/* Has @len bytes of the spool in the block. They are there: the spool has whole rows. */
static int need(struct rows_cursor *c, size_t len, struct err *err)
{
	size_t have = c->end - c->begin, more;
	uint64_t left = spool_size(&c->rows->spool) - c->at;
	int ret;

	if (have >= len)
		return 0;
	if (len > c->room) {
		size_t room = len > BLOCK_BYTES ? len : BLOCK_BYTES;
		char *block = malloc(room);

		if (!block)
			return no_memory(err);
		if (have)
			memcpy(block, c->block + c->begin, have);
		free(c->block);
		c->block = block;
		c->room = room;
	} else if (have) {
		memmove(c->block, c->block + c->begin, have);
	}
	c->begin = 0;
	c->end = have;
	more = c->room - have < left ? c->room - have : (size_t)left;
	ret = spool_read(&c->rows->spool, c->at, c->block + have, more, err);
	if (ret)
		return ret;
	c->at += more;
	c->end += more;
	return 0;
}

static const char *take_cell(const char *p, struct cell *cell)
{
	cell->type = *p++;
	switch (cell->type) {
	case SQLITE_INTEGER:
	case SQLITE_FLOAT:
		memcpy(&cell->number, p, sizeof(cell->number));
		return p + sizeof(cell->number);
	case SQLITE_NULL:
		return p;
	default:
		memcpy(&cell->len, p, sizeof(cell->len));
		cell->text = p + sizeof(cell->len);
		return cell->text + cell->len + 1;
	}
}

int rows_next(struct rows_cursor *c, struct err *err)
{
	const char *p;
	uint32_t len;
	int ret;

	if (c->begin == c->end && c->at == spool_size(&c->rows->spool))
		return 0;
	ret = need(c, sizeof(len), err);
	if (ret)
		return ret;
	memcpy(&len, c->block + c->begin, sizeof(len));
	ret = need(c, sizeof(len) + len, err);
	if (ret)
		return ret;
	p = c->block + c->begin + sizeof(len);
	for (int i = 0; i < c->rows->n_columns; i++)
		p = take_cell(p, &c->cells[i]);
	c->begin += sizeof(len) + len;
	return 1;
}

const struct cell *rows_cell(const struct rows_cursor *cursor, const char *name)
{
	static const struct cell null = {.type = SQLITE_NULL};

	for (int i = 0; i < cursor->rows->n_columns; i++)
		if (!strcmp(cursor->rows->names[i], name))
			return &cursor->cells[i];
	return &null;
}

int64_t rows_number(const struct rows_cursor *cursor, const char *name)
{
	const struct cell *cell = rows_cell(cursor, name);

	return cell->type == SQLITE_INTEGER ? cell->number : 0;
}

void rows_rewind(struct rows_cursor *c)
{
	c->at = 0;
	c->begin = c->end = 0;
}

void rows_end(struct rows_cursor *c)
{
	free(c->cells);
	free(c->block);
	*c = (struct rows_cursor){0};
}
