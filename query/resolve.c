#include "resolve.h"

#include <errno.h>
#include <string.h>

/* To add one, write a row: a column with addresses, and that of their names. Beside what is no
 * address, as a program's name, is none. */
static const struct address {
	const char *column, *name;
	bool in_graph;
	const char *beside; /* there only beside this one; NULL: anywhere */
} addresses[] = {
	{"peer_addr", "peer_name", false, NULL},
	{"local_addr", "local_name", false, NULL},
	{"last_client", "last_client_name", false, NULL},
	{"source", "source_name", true, NULL},
	{"target", "target_name", true, NULL},
	{"name", "peer_name", false, "what"}, /* of what is a destination or client */
};

/* When, best first: what it is in terms of the columns it needs. */
static const struct {
	const char *sql, *column, *other;
} moments[] = {
	{"last_at", "last_at", "last_at"},
	{"id - duration_us", "id", "duration_us"}, /* started_at tells milliseconds only */
	{"started_at", "started_at", "started_at"},
	{"first_at", "first_at", "first_at"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool has_column(sqlite3_stmt *stmt, const char *name)
{
	for (int i = 0; i < sqlite3_column_count(stmt); i++) {
		const char *column = sqlite3_column_name(stmt, i);

		if (column && !strcmp(column, name))
			return true;
	}
	return false;
}

static const struct address *find(sqlite3_stmt *stmt, const char *column)
{
	for (size_t i = 0; column && i < COUNT(addresses); i++)
		if (!strcmp(addresses[i].column, column) &&
		    (!addresses[i].beside || has_column(stmt, addresses[i].beside)))
			return &addresses[i];
	return NULL;
}

bool resolve_is_needed(const struct resolve *resolve, sqlite3_stmt *stmt)
{
	for (int i = 0; resolve->is_on && i < sqlite3_column_count(stmt); i++)
		if (find(stmt, sqlite3_column_name(stmt, i)))
			return true;
	return false;
}

static const char *moment(sqlite3_stmt *stmt)
{
	for (size_t i = 0; i < COUNT(moments); i++)
		if (has_column(stmt, moments[i].column) && has_column(stmt, moments[i].other))
			return moments[i].sql;
	return ":until";
}

/* The names of our own reports' columns need no more than quotes, if that. */
static void write_column(const struct resolve *resolve, const struct address *a, const char *column,
			 const char *at, FILE *f)
{
	if (a && a->in_graph && resolve->in_graph)
		fprintf(f, "ifnull(name_of(%s, %s) || ' (' || %s || ')', %s) AS %s", column, at,
			column, column, column);
	else if (a)
		fprintf(f, "%s, name_of(%s, %s) AS %s", column, column, at, a->name);
	else
		fprintf(f, "\"%s\"", column);
}

int resolve_write(const struct resolve *resolve, sqlite3_stmt *stmt, const char *select, FILE *f,
		  struct err *err)
{
	const char *at = moment(stmt);

	fputs("SELECT ", f);
	for (int i = 0; i < sqlite3_column_count(stmt); i++) {
		const char *column = sqlite3_column_name(stmt, i);

		if (!column)
			return err_set(err, -ENOMEM, "no memory for the names of the columns");
		fputs(i ? ", " : "", f);
		write_column(resolve, find(stmt, column), column, at, f);
	}
	fprintf(f, "\n  FROM (\n%s\nLIMIT :limit)", select);
	return 0;
}
