#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "command.h"
#include "embed.h"

/* A recipe begins with a line like this. */
static const char heading[] = "\n## ";

extern const struct embed query_cookbook[]; /* generated */

static size_t recipe_length(const char *recipe)
{
	const char *next = strstr(recipe, heading);

	return next ? (size_t)(next + 1 - recipe) : strlen(recipe);
}

static bool says(const char *text, size_t len, const char *word)
{
	size_t n = strlen(word);

	for (; len >= n; text++, len--)
		if (!strncasecmp(text, word, n))
			return true;
	return false;
}

/* All of it, or the recipes that say the word. */
int command_cookbook(const struct request *q, struct err *err)
{
	const char *recipe = query_cookbook[0].text;
	bool found = false;

	if (!q->statement) {
		fputs(recipe, stdout);
		return command_flush(err);
	}
	for (recipe += recipe_length(recipe); *recipe; recipe += recipe_length(recipe)) {
		if (!says(recipe, recipe_length(recipe), q->statement))
			continue;
		fwrite(recipe, 1, recipe_length(recipe), stdout);
		found = true;
	}
	if (!found)
		return err_set(err, -ENOENT,
			       "no recipe says \"%s\"; connmon-query cookbook shows all of them",
			       q->statement);
	return command_flush(err);
}
