#include "text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 512

struct text {
	char **out;
	size_t *size, room;
	bool lost;
};

static bool make_room(struct text *t, size_t n)
{
	size_t room = t->room ? t->room : FIRST_ROOM;
	char *more;

	while (room - *t->size <= n) /* and a NUL */
		room *= 2;
	if (room == t->room)
		return true;
	more = realloc(*t->out, room);
	if (!more)
		return false;
	*t->out = more;
	t->room = room;
	return true;
}

/* fopencookie(3): 0 is a failure. */
static ssize_t write_text(void *cookie, const char *bytes, size_t n)
{
	struct text *t = cookie;

	if (t->lost || !make_room(t, n)) {
		t->lost = true;
		errno = ENOMEM;
		return 0;
	}
	memcpy(*t->out + *t->size, bytes, n);
	*t->size += n;
	(*t->out)[*t->size] = '\0';
	return (ssize_t)n;
}

static int close_text(void *cookie)
{
	struct text *t = cookie;
	bool lost = t->lost || !make_room(t, 0); /* an empty text is one, too */

	if (!lost)
		(*t->out)[*t->size] = '\0';
	free(t);
	errno = ENOMEM;
	return lost ? EOF : 0;
}

FILE *text_open(char **text, size_t *size)
{
	const cookie_io_functions_t functions = {.write = write_text, .close = close_text};
	struct text *t = calloc(1, sizeof(*t));
	FILE *f;

	*text = NULL;
	*size = 0;
	if (!t)
		return NULL;
	t->out = text;
	t->size = size;
	f = fopencookie(t, "w", functions);
	if (!f)
		free(t);
	return f;
}
