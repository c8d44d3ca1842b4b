#include "seen.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

struct name {
	unsigned look; /* in which it was there last */
	char text[];
};

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

/* What tsearch() keeps as its node. */
static struct name *name_in(const void *node)
{
	return *(struct name *const *)node;
}

int seen_add(struct seen *s, const char *text, bool *is_new, struct err *err)
{
	size_t size = strlen(text) + 1;
	struct name *name = malloc(sizeof(*name) + size);
	void *node;

	if (!name)
		return err_set(err, -ENOMEM, "no memory for what was seen");
	memcpy(name->text, text, size);
	node = tsearch(name, &s->names, by_text);
	if (!node) {
		free(name);
		return err_set(err, -ENOMEM, "no memory for what was seen");
	}
	*is_new = name_in(node) == name;
	if (!*is_new)
		free(name);
	name_in(node)->look = s->look;
	return 0;
}

/* For twalk_r(): those of an earlier look into a list. */
struct gone {
	unsigned look;
	size_t n, room;
	struct name **names;
};

static void collect_gone(const void *node, VISIT visit, void *closure)
{
	struct gone *gone = closure;

	if ((visit == postorder || visit == leaf) && name_in(node)->look != gone->look &&
	    gone->n < gone->room)
		gone->names[gone->n++] = name_in(node);
}

/* Some thousand at a time. */
void seen_forget(struct seen *s)
{
	struct name *names[4096];
	struct gone gone = {.look = s->look, .room = sizeof(names) / sizeof(names[0])};

	gone.names = names;
	do {
		gone.n = 0;
		twalk_r(s->names, collect_gone, &gone);
		for (size_t i = 0; i < gone.n; i++) {
			tdelete(names[i], &s->names, by_text);
			free(names[i]);
		}
	} while (gone.n == gone.room);
	s->look++;
}

static void free_name(void *name)
{
	free(name);
}

void seen_free(struct seen *s)
{
	tdestroy(s->names, free_name);
	*s = (struct seen){0};
}
