#include "note.h"

#include <stdarg.h>
#include <stdio.h>

#define MAX_NOTE 1024

void note(const struct note *n, const char *fmt, ...)
{
	char text[MAX_NOTE];
	va_list ap;

	if (!n->say)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n->say(n->ctx, text);
}
