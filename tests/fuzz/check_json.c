#include <math.h>

#include "check.h"
#include "escape.h"
#include "must.h"

static sqlite3_stmt *compile(const char *sql)
{
	static sqlite3 *db;
	sqlite3_stmt *stmt = NULL;

	if (!db)
		must(sqlite3_open(":memory:", &db) == SQLITE_OK);
	must(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK);
	return stmt;
}

static bool is_plain_text(const char *text, size_t len)
{
	for (size_t at = 0; at < len;) {
		uint32_t point = 0;
		const size_t n = escape_next(text + at, len - at, &point);

		if (n == 0 || point == 0)
			return false;
		at += n;
	}
	return true;
}

static bool is_same(sqlite3_stmt *stmt, int column, const char *text, size_t len)
{
	return (size_t)sqlite3_column_bytes(stmt, column) == len &&
	       !memcmp(sqlite3_column_text(stmt, column), text, len);
}

static void must_be_value(sqlite3_stmt *stmt, int column, const struct cell *cell)
{
	const int type = sqlite3_column_type(stmt, column);

	switch (cell->type) {
	case SQLITE_TEXT:
		must(type == SQLITE_TEXT);
		if (is_plain_text(cell->text, cell->len))
			must(is_same(stmt, column, cell->text, cell->len));
		return;
	case SQLITE_INTEGER: /* or a moment */
		must(type == SQLITE_TEXT || sqlite3_column_int64(stmt, column) == cell->number);
		return;
	case SQLITE_FLOAT:
		must(isfinite(cell->real) ? type == SQLITE_FLOAT : type == SQLITE_NULL);
		return;
	default:
		must(type == (cell->type == SQLITE_NULL ? SQLITE_NULL : SQLITE_TEXT));
	}
}

/* The members of the object, of which there are as many as columns. */
static void check_object(const struct rows *rows, const struct rows_cursor *cursor,
			 const char *object, int len)
{
	static sqlite3_stmt *stmt;

	if (!stmt)
		stmt = compile("SELECT key, atom FROM json_each(?1)");
	sqlite3_bind_text(stmt, 1, object, len, SQLITE_STATIC);
	for (int i = 0; i < rows->n_columns; i++) {
		const char *name = rows->names[i];

		must(sqlite3_step(stmt) == SQLITE_ROW);
		if (is_plain_text(name, strlen(name)))
			must(is_same(stmt, 0, name, strlen(name)));
		must_be_value(stmt, 1, &cursor->cells[i]);
	}
	must(sqlite3_step(stmt) == SQLITE_DONE);
	sqlite3_reset(stmt);
}

static void must_be_json(const char *text, size_t len)
{
	static sqlite3_stmt *stmt;

	if (!stmt)
		stmt = compile("SELECT json_valid(?1)");
	sqlite3_bind_text(stmt, 1, text, (int)len, SQLITE_STATIC);
	must(sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int(stmt, 0) == 1);
	sqlite3_reset(stmt);
}

/* One object a line: @p is the first, behind @indent blanks. */
static void check_objects(const struct rows *rows, const char *p, size_t indent)
{
	struct rows_cursor cursor;
	struct err err = {0};

	must(rows_begin(rows, &cursor, &err) == 0);
	for (size_t row = 0; row < rows->n_rows; row++) {
		size_t len = strcspn(p, "\n");

		must(rows_next(&cursor, &err) == 1);
		must(len > indent && p[indent] == '{' && p[len] == '\n');
		p += indent;
		len -= indent;
		check_object(rows, &cursor, p, (int)len - (p[len - 1] == ','));
		p += len + 1;
	}
	must(indent ? !strcmp(p, "]\n") : !*p);
	rows_end(&cursor);
}

void check_jsonl(const struct rows *rows, const char *text)
{
	check_objects(rows, text, 0);
}

void check_json(const struct rows *rows, const char *text, size_t len)
{
	must_be_json(text, len);
	must(skip(&text, "[\n"));
	check_objects(rows, text, 1);
}
