#include "column.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "suggest.h"

static const char *const units[] = {"_us", "_bytes", "_at", "_pct", "_bar", "_per_s"};

bool column_ends_with(const char *name, const char *ending)
{
	size_t len = strlen(name), n = strlen(ending);

	return len >= n && !strcmp(name + len - n, ending);
}

/* Whether @name is @word and a unit. */
static bool is_short_for(const char *word, const char *name)
{
	size_t len = strlen(word);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strncmp(word, name, len) && !strcmp(name + len, units[i]))
			return true;
	return false;
}

int column_find(sqlite3_stmt *stmt, struct word word, int *out, struct err *err)
{
	char text[64], list[400] = "its columns are ";
	struct suggestion s = {.word = text};
	int n = sqlite3_column_count(stmt), nearest = -1;

	snprintf(text, sizeof(text), "%.*s", word.len, word.text);
	for (int i = 0; i < n; i++) {
		const char *name = sqlite3_column_name(stmt, i);

		if (!name)
			return err_set(err, -ENOMEM, "no memory for the names of the columns");
		if (!strcmp(name, text)) {
			*out = i;
			return 0;
		}
		if (is_short_for(text, name))
			nearest = i;
		suggest_try(&s, name);
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i ? ", " : "",
			 name);
	}
	if (nearest < 0)
		return suggest_error(&s, err, "column", list);
	*out = nearest;
	return 0;
}
