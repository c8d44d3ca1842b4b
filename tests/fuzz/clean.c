#include "clean.h"

#include "escape.h"
#include "must.h"

static void tell(const char *text, size_t len, size_t at)
{
	const size_t from = at > 40 ? at - 40 : 0, to = at + 40 < len ? at + 40 : len;

	dprintf(2, "what is not clean stands %zu bytes behind the begin, in: ", at);
	for (size_t i = from; i < to; i++)
		dprintf(2, text[i] >= ' ' && text[i] <= '~' ? "%c" : "\\x%02x",
			(unsigned char)text[i]);
	dprintf(2, "\n");
}

void must_be_clean(const char *text, size_t len, const char *allowed)
{
	for (size_t at = 0; at < len;) {
		uint32_t point = 0;
		const size_t n = escape_next(text + at, len - at, &point);
		const bool is_allowed =
			point == '\n' || (point && point < 0x80 && strchr(allowed, (int)point));
		const bool is_clean = n > 0 && (is_allowed || !escape_is_unsafe(point));

		if (!is_clean)
			tell(text, len, at);
		must_hold(is_clean);
		at += n;
	}
}

void must_be_ascii(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		must_hold((unsigned char)text[i] < 0x80);
}
