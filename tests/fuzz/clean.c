#include "clean.h"

#include <iconv.h>
#include <stdbool.h>

#include "must.h"

/* As escape.h lists what is unsafe, but said once more: what is tried does not judge itself. */
static bool is_safe(uint32_t point, const char *allowed)
{
	static const uint32_t unsafe[][2] = {{0x00, 0x1f},     {0x7f, 0x9f},	 {0x61c, 0x61c},
					     {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x2069},
					     {0xfeff, 0xfeff}};

	if (point == '\n' || (point && point < 0x80 && strchr(allowed, (int)point)))
		return true;
	for (size_t i = 0; i < sizeof(unsafe) / sizeof(unsafe[0]); i++)
		if (point >= unsafe[i][0] && point <= unsafe[i][1])
			return false;
	return true;
}

static void tell(const char *text, size_t len, size_t at)
{
	const size_t from = at > 40 ? at - 40 : 0, to = at + 40 < len ? at + 40 : len;

	dprintf(2, "what is not clean stands %zu bytes behind the begin, in: ", at);
	for (size_t i = from; i < to; i++)
		dprintf(2, text[i] >= ' ' && text[i] <= '~' ? "%c" : "\\x%02x",
			(unsigned char)text[i]);
	dprintf(2, "\n");
}

/* The C library takes it for UTF-8, character by character. */
void must_be_clean(const char *text, size_t len, const char *allowed)
{
	static iconv_t decoder;
	char *at = (char *)text;
	size_t left = len;

	if (!decoder)
		decoder = iconv_open("UTF-32LE", "UTF-8");
	must(decoder != (iconv_t)-1);
	while (left) {
		uint32_t points[256];
		char *out = (char *)points;
		size_t room = sizeof(points);
		const char *begin = at;
		const bool is_utf8 =
			iconv(decoder, &at, &left, &out, &room) != (size_t)-1 || room < 4;
		const size_t n = (sizeof(points) - room) / 4;

		if (!is_utf8)
			tell(text, len, (size_t)(at - text));
		must(is_utf8);
		for (size_t i = 0; i < n; i++) {
			if (!is_safe(points[i], allowed))
				tell(text, len, (size_t)(begin - text));
			must(is_safe(points[i], allowed));
		}
	}
}

void must_be_ascii(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		must((unsigned char)text[i] < 0x80);
}
