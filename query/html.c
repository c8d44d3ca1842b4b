#include "html.h"

#include <stdarg.h>
#include <string.h>

#include "escape.h"

static const char *entity(uint32_t point)
{
	switch (point) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

void html_text(FILE *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint32_t point = 0;
		size_t n = escape_next(text + i, len - i, &point);
		const char *instead = n ? entity(point) : NULL;

		if (instead)
			fputs(instead, out);
		else if (n && !escape_is_unsafe(point))
			fwrite(text + i, 1, n, out);
		else
			for (size_t k = 0; k < (n ? n : 1); k++)
				fprintf(out, "\\x%02x", (unsigned char)text[i + k]);
		i += n ? n : 1;
	}
}

void html_string(FILE *out, const char *text)
{
	html_text(out, text, strlen(text));
}
