#include "nearest.h"

#include <stdio.h>
#include <string.h>

#include "db.h"
#include "suggest.h"

/* How SQLite begins what it says of an unknown name, and what has such names. */
static const struct {
	const char *words, *names;
} kinds[] = {
	{"no such table: ", "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')"},
	{"no such function: ", "SELECT DISTINCT name FROM pragma_function_list"},
	{"no such column: ",
	 "SELECT c.name FROM sqlite_schema s JOIN pragma_table_xinfo(s.name) c"
	 " WHERE s.type IN ('table', 'view') ORDER BY s.name <> 'connections', s.rowid, c.cid"},
};

/* Candidates come and go with the rows: the best one is kept in @best. */
static void try_names(sqlite3 *db, const char *names, struct suggestion *s, char *best, size_t size)
{
	AUTO_STMT *stmt = NULL;

	if (sqlite3_prepare_v2(db, names, -1, &stmt, NULL) != SQLITE_OK)
		return;
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(stmt, 0);
		const char *before = s->best;

		if (!name || strlen(name) >= size)
			continue;
		suggest_try(s, name);
		if (s->best != before) {
			snprintf(best, size, "%s", name);
			s->best = best;
		}
	}
}

int nearest_name(sqlite3 *db, struct err *err)
{
	char word[64], best[64];
	struct suggestion s = {.word = word};
	const char *name, *dot;
	size_t used;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t len = strlen(kinds[i].words);

		if (strncmp(err->msg, kinds[i].words, len) != 0)
			continue;
		dot = strrchr(err->msg + len, '.');
		name = dot ? dot + 1 : err->msg + len;
		if (strlen(name) >= sizeof(word))
			break;
		snprintf(word, sizeof(word), "%s", name);
		try_names(db, kinds[i].names, &s, best, sizeof(best));
	}
	used = strlen(err->msg);
	if (s.best)
		snprintf(err->msg + used, sizeof(err->msg) - used, "; did you mean \"%s\"?",
			 s.best);
	return err->code;
}
