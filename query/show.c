#include "show.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "db.h"
#include "escape.h"

#define DEPTH_MAX 32

static bool is_safe(const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint32_t point;
		size_t n = escape_next(text + i, len - i, &point);

		if (n == 0 || escape_is_unsafe(point))
			return false;
		i += n;
	}
	return true;
}

/* The bytes of @p, which begins with a quote, up to the one that closes it: '' is none. */
static size_t quoted_length(const char *p)
{
	size_t len = 1;

	for (; p[len]; len++) {
		if (p[len] != p[0])
			continue;
		if (p[len + 1] != p[0])
			return len + 1;
		len++;
	}
	return len;
}

static void write_literal(const char *p, size_t len, FILE *out)
{
	if (is_safe(p, len)) {
		fwrite(p, 1, len, out);
		return;
	}
	fputs("CAST(x'", out);
	for (size_t i = 1; i + 1 < len; i++) {
		fprintf(out, "%02x", (unsigned char)p[i]);
		i += p[i] == '\'';
	}
	fputs("' AS TEXT)", out);
}

void show_sql(const char *sql, FILE *out)
{
	size_t len = strlen(sql);

	while (len && strchr(" \t\n;", sql[len - 1]))
		len--;
	for (const char *p = sql; p < sql + len;) {
		size_t n = 1;

		if (*p == '\'' || *p == '"')
			n = quoted_length(p);
		else if (!strncmp(p, "--", 2))
			n = strcspn(p, "\n");
		if (*p == '\'')
			write_literal(p, n, out);
		else
			fwrite(p, 1, n, out);
		p += n;
	}
	fputs(";\n", out);
}

/* The steps above the last one that was read, and how deep it is. */
struct tree {
	int ids[DEPTH_MAX];
	int depth;
};

static int add_step(struct tree *t, sqlite3_stmt *plan, struct rows *rows, struct err *err)
{
	int parent = sqlite3_column_int(plan, 1);
	char line[1024];

	while (t->depth > 0 && t->ids[t->depth - 1] != parent)
		t->depth--;
	snprintf(line, sizeof(line), "%*s%s", 2 * t->depth, "",
		 (const char *)sqlite3_column_text(plan, 3));
	if (t->depth < DEPTH_MAX)
		t->ids[t->depth++] = sqlite3_column_int(plan, 0);
	return rows_add_text(rows, line, err);
}

int show_plan(sqlite3 *db, const char *sql, struct rows **out, struct err *err)
{
	static const char *const names[] = {"plan"};
	AUTO_STMT *plan = NULL;
	AUTO_ROWS *rows = NULL;
	struct tree tree = {.depth = 0};
	char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
	int rc, ret;

	if (!explain)
		return err_set(err, -ENOMEM, "no memory for the statement");
	ret = db_prepare(db, explain, &plan, err);
	sqlite3_free(explain);
	if (!ret)
		ret = rows_new(1, names, &rows, err);
	while (!ret && (rc = sqlite3_step(plan)) == SQLITE_ROW)
		ret = add_step(&tree, plan, rows, err);
	if (!ret && rc != SQLITE_DONE)
		ret = err_set(err, db_errno(rc), "%s", sqlite3_errmsg(db));
	if (ret)
		return ret;
	*out = rows;
	rows = NULL;
	return 0;
}
