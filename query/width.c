/* width.c - the C library's table, asked in a locale where it knows all of Unicode. */
#include "width.h"

#include <locale.h>
#include <stdint.h>
#include <string.h>
#include <wchar.h>

#include "escape.h"

/* wcwidth() asks the locale; that of the user may be C, which knows ASCII alone. */
static int width_of_point(uint32_t point)
{
	static locale_t unicode;
	static bool tried;
	locale_t before;
	int width;

	if (point < 0x80)
		return 1;
	if (!tried)
		unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	tried = true;
	before = unicode ? uselocale(unicode) : (locale_t)0;
	width = wcwidth((wchar_t)point);
	if (before)
		uselocale(before);
	return width < 0 ? 1 : width; /* not assigned yet: a box or a question mark */
}

/* One character. */
static size_t step(const char *text, size_t len, int *width)
{
	uint32_t point = 0;
	size_t n = escape_next(text, len, &point);

	*width = n ? width_of_point(point) : 1;
	return n ? n : 1;
}

int width_of_bytes(const char *text, size_t len)
{
	int sum = 0, width;

	while (len) {
		size_t n = 1;

		if ((unsigned char)*text < 0x80)
			width = 1;
		else
			n = step(text, len, &width);
		sum += width;
		text += n;
		len -= n;
	}
	return sum;
}

int width_of(const char *text)
{
	return width_of_bytes(text, strlen(text));
}

size_t width_head(const char *text, int places)
{
	size_t len = strlen(text), used = 0;
	int width;

	while (used < len) {
		size_t n = step(text + used, len - used, &width);

		if (width > places)
			break;
		places -= width;
		used += n;
	}
	return used;
}

const char *width_tail(const char *text, int places)
{
	size_t len = strlen(text);
	int left = width_of(text), width;

	while (len) {
		size_t n = step(text, len, &width);

		if (left <= places && width > 0) /* an accent would stand on what is before */
			break;
		left -= width;
		text += n;
		len -= n;
	}
	return text;
}
