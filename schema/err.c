#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;

	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return code;
}

/* How much of the words in front has room: what went wrong matters more than where. */
static size_t room_before(const char *inner, size_t size)
{
	const size_t needed = strlen(inner) + sizeof(": ");

	return needed < size / 2 ? size - needed : size / 2;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	char inner[sizeof(err->msg)];
	va_list ap;
	size_t used, room;

	memcpy(inner, err->msg, sizeof(inner));
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	used = strlen(err->msg);
	room = room_before(inner, sizeof(err->msg));
	if (used > room) {
		strcpy(err->msg + room - strlen("..."), "...");
		used = room;
	}
	/* The precision says to compilers what room_before() has seen to. */
	room = sizeof(err->msg) - used;
	snprintf(err->msg + used, room, ": %.*s", room > 3 ? (int)(room - 3) : 0, inner);
	return err->code;
}
