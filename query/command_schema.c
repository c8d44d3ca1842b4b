#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "command.h"
#include "db.h"
#include "escape.h"
#include "fleet_schema.h"
#include "help.h"
#include "meaning.h"
#include "output.h"
#include "report.h"
#include "suggest.h"
#include "text.h"

#define COLUMN_WIDTH 17
#define TYPE_WIDTH   7
#define MEANING_AT   (2 + COLUMN_WIDTH + 2 + TYPE_WIDTH + 2)

/* What is shown: rows for a program, or a text. */
struct listing {
	const char *name; /* of what is asked for; NULL: all */
	struct suggestion nearest;
	char near[64];
	const struct meanings *meanings;
	bool found, is_fleet;
	struct rows *rows;
	FILE *text;
};

static const char *text_of(sqlite3_stmt *stmt, int i)
{
	const char *text = (const char *)sqlite3_column_text(stmt, i);

	return text ? text : "";
}

static int add_row(struct listing *l, const char *const cells[6], struct err *err)
{
	int ret = 0;

	for (int i = 0; i < 6 && !ret; i++)
		ret = rows_add_text(l->rows, cells[i], err);
	return ret;
}

/* A name or a type, which the file may have made anything of. */
static int write_padded(FILE *out, const char *name, int width)
{
	char safe[256];

	escape_stored(name, strlen(name), safe, sizeof(safe));
	return fprintf(out, "%-*s", width, safe);
}

/* On one line, for whoever looks for it with grep. */
static void write_object(struct listing *l, const char *name, const char *kind, const char *meaning)
{
	fprintf(l->text, "%s", l->found ? "\n" : "");
	write_padded(l->text, name, 0);
	fprintf(l->text, " (%s)%s%s\n", kind, meaning[0] ? ": " : "", meaning);
}

static void write_column(struct listing *l, const char *name, const char *type, const char *unit,
			 const char *meaning)
{
	char text[1024];
	int used = fprintf(l->text, "  ");

	if (!meaning[0] && !type[0]) {
		write_padded(l->text, name, 0);
		fprintf(l->text, "\n");
		return;
	}
	used += write_padded(l->text, name, COLUMN_WIDTH) + fprintf(l->text, "  ");
	if (!meaning[0]) {
		write_padded(l->text, type, 0);
		fprintf(l->text, "\n");
		return;
	}
	used += write_padded(l->text, type, TYPE_WIDTH) + fprintf(l->text, "  ");
	snprintf(text, sizeof(text), "%s%s%s%s", unit[0] ? "[" : "", unit, unit[0] ? "] " : "",
		 meaning);
	help_fold(l->text, text, used, MEANING_AT);
}

static int add_object(struct listing *l, const char *name, const char *kind, struct err *err)
{
	const char *meaning = l->is_fleet ? fleet_schema_is(name) : NULL;

	if (!meaning)
		meaning =
			meaning_of(l->meanings, l->is_fleet ? fleet_schema_like(name) : name, NULL);

	if (!meaning)
		meaning = "";
	if (l->text)
		write_object(l, name, kind, meaning);
	l->found = true;
	return l->rows ? add_row(l, (const char *const[]){name, kind, "", "", "", meaning}, err)
		       : 0;
}

/* A fleet's tables are called otherwise, and some have the columns of others. */
static const char *find_meaning(const struct listing *l, const char *object, const char *column)
{
	const char *meaning = l->is_fleet ? fleet_schema_says(column) : NULL;

	if (!meaning)
		meaning = meaning_of(l->meanings, l->is_fleet ? fleet_schema_like(object) : object,
				     column);
	return meaning;
}

static int add_column(struct listing *l, const char *object, const char *kind, sqlite3_stmt *column,
		      struct err *err)
{
	const char *name = text_of(column, 0), *type = text_of(column, 1);
	const char *meaning = find_meaning(l, object, name);
	const char *said = type[0] ? NULL : meaning_type(l->meanings, object, name);
	/* Of a strange column its ending says nothing. */
	const char *unit = meaning ? meaning_unit(name) : "";

	if (!meaning)
		meaning = "";
	if (said)
		type = said;
	if (l->text)
		write_column(l, name, type, unit, meaning);
	return l->rows ? add_row(l, (const char *const[]){object, kind, name, type, unit, meaning},
				 err)
		       : 0;
}

/* A view of a strange file may have no columns that can be told: it is shown without. */
static int add_columns(struct listing *l, sqlite3 *db, const char *object, const char *kind,
		       struct err *err)
{
	AUTO_STMT *stmt = NULL;
	int rc, ret = 0;

	rc = sqlite3_prepare_v2(db, "SELECT name, type FROM pragma_table_xinfo(?1)", -1, &stmt,
				NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(stmt, 1, object, -1, SQLITE_STATIC);
	while (rc == SQLITE_OK && !ret && sqlite3_step(stmt) == SQLITE_ROW)
		ret = add_column(l, object, kind, stmt, err);
	rc = sqlite3_errcode(db) & 0xff;
	if (!ret && (rc == SQLITE_INTERRUPT || rc == SQLITE_NOMEM || rc == SQLITE_CORRUPT))
		return err_set(err, db_errno(rc), "%s", sqlite3_errmsg(db));
	return ret;
}

static bool is_wanted(struct listing *l, const char *name)
{
	struct suggestion before = l->nearest;

	if (!l->name || !strcmp(l->name, name))
		return true;
	if (strlen(name) < sizeof(l->near)) {
		suggest_try(&l->nearest, name);
		if (l->nearest.best != before.best) {
			snprintf(l->near, sizeof(l->near), "%s", name);
			l->nearest.best = l->near;
		}
	}
	return false;
}

/* What to ask comes first: the views, and of them the one over all. */
static int list(sqlite3 *db, void *ctx, struct err *err)
{
	struct listing *l = ctx;
	AUTO_STMT *stmt = NULL;
	int rc, ret;

	ret = db_prepare(db,
			 "SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view')"
			 " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
			 " ORDER BY name <> 'connections', type = 'table', rowid",
			 &stmt, err);
	while (!ret && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const char *name = text_of(stmt, 0), *kind = text_of(stmt, 1);

		if (!is_wanted(l, name))
			continue;
		ret = add_object(l, name, kind, err);
		if (!ret)
			ret = add_columns(l, db, name, kind, err);
	}
	if (!ret && rc != SQLITE_DONE)
		return err_set(err, db_errno(rc), "%s", sqlite3_errmsg(db));
	return ret;
}

/* Of the fleet's tables, which ClickHouse tells. */
static int list_fleet(struct fleet *fleet, sqlite3 *db, void *ctx, struct err *err)
{
	AUTO_DB *tables = NULL;
	int ret = fleet_schema(fleet, &tables, err);

	(void)db;
	return ret ? ret : list(tables, ctx, err);
}

static int list_all(const struct request *q, struct listing *l, struct err *err)
{
	AUTO_MEANINGS *meanings = NULL;
	int ret = meanings_read(&meanings, err);

	if (ret)
		return ret;
	l->name = l->nearest.word = q->statement;
	l->meanings = meanings;
	l->is_fleet = q->fleet_url;
	ret = q->fleet_url ? ask_with_fleet(q, list_fleet, l, err) : ask_with(q, list, l, err);
	if (ret || !l->name || l->found)
		return ret;
	suggest_error(&l->nearest, err, "table or view", "connmon-query schema lists them");
	err->code = REPORT_USAGE;
	return err->code;
}

static int print_text(const struct request *q, struct err *err)
{
	char *text = NULL;
	size_t size;
	struct listing l = {.text = text_open(&text, &size)};
	int ret;

	if (!l.text)
		return err_set(err, -ENOMEM, "no memory for the schema");
	ret = list_all(q, &l, err);
	if (fclose(l.text) && !ret)
		ret = err_set(err, -ENOMEM, "no memory for the schema");
	if (!ret)
		fputs(text, stdout);
	free(text);
	return ret ? ret : command_flush(err);
}

/* The layout of a table does not suit long texts: what would be one is folded. */
int command_schema(const struct request *q, struct err *err)
{
	static const char *const names[] = {"object", "kind", "column", "type", "unit", "meaning"};
	AUTO_ROWS *rows = NULL;
	struct listing l = {0};
	int ret;

	if (!strcmp(q->renderer->name, "table"))
		return print_text(q, err);
	ret = rows_new(6, names, &rows, err);
	if (ret)
		return ret;
	l.rows = rows;
	ret = list_all(q, &l, err);
	return ret ? ret : output_rows(q, rows, err);
}
