#include "prompt_words.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ask.h"
#include "db.h"

#define WORDS_MAX 5000 /* a strange file may have more names than anybody wants to see */

struct words {
	char **word;
	size_t n;
};

static bool is_plain(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";

	return name[0] && strchr(letters, name[0]) &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789(") ==
		       strlen(name);
}

static int add(struct words *w, const char *text, size_t len, struct err *err)
{
	if (w->n == WORDS_MAX)
		return 0;
	w->word[w->n] = strndup(text, len);
	if (!w->word[w->n])
		return err_set(err, -ENOMEM, "no memory for the words to complete");
	w->n++;
	return 0;
}

/* Hidden are what only internal functions are called, and aliases such as ->. A view that cannot
 * be read ends the columns. */
static int add_names(sqlite3 *db, void *ctx, struct err *err)
{
	static const char *const statements[] = {
		"SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')",
		"SELECT DISTINCT name || '(' FROM pragma_function_list",
		"SELECT 'totals('",
		("SELECT DISTINCT c.name FROM sqlite_schema s JOIN pragma_table_xinfo(s.name) c"
		 " WHERE s.type IN ('table', 'view')"),
	};
	int ret = 0;

	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]) && !ret; i++) {
		AUTO_STMT *stmt = NULL;

		if (sqlite3_prepare_v2(db, statements[i], -1, &stmt, NULL) != SQLITE_OK)
			continue;
		while (!ret && sqlite3_step(stmt) == SQLITE_ROW) {
			const char *name = (const char *)sqlite3_column_text(stmt, 0);

			if (name && is_plain(name))
				ret = add(ctx, name, strlen(name), err);
		}
	}
	return ret;
}

static int by_text(const void *a, const void *b)
{
	return strcasecmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct words *w)
{
	size_t n = 0;

	qsort(w->word, w->n, sizeof(*w->word), by_text);
	for (size_t i = 0; i < w->n; i++) {
		if (n && !strcasecmp(w->word[n - 1], w->word[i]))
			free(w->word[i]);
		else
			w->word[n++] = w->word[i];
	}
	w->word[n] = NULL;
	w->n = n;
}

int prompt_words(const struct request *q, const char *const commands[], char ***out,
		 struct err *err)
{
	struct words w = {.word = calloc(WORDS_MAX + 1, sizeof(*w.word))};
	const char *keyword;
	int len, ret = 0;

	if (!w.word)
		return err_set(err, -ENOMEM, "no memory for the words to complete");
	for (; *commands && !ret; commands++)
		ret = add(&w, *commands, strlen(*commands), err);
	for (int i = 0; i < sqlite3_keyword_count() && !ret; i++)
		if (sqlite3_keyword_name(i, &keyword, &len) == SQLITE_OK)
			ret = add(&w, keyword, (size_t)len, err);
	if (!ret)
		ret = ask_with(q, add_names, &w, err);
	if (ret) {
		prompt_words_free(w.word);
		return ret;
	}
	sort(&w);
	*out = w.word;
	return 0;
}

void prompt_words_free(char **words)
{
	for (char **w = words; w && *w; w++)
		free(*w);
	free(words);
}
