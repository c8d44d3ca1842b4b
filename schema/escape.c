#include "escape.h"

/* RFC 3629: no overlong form, no surrogate, at most U+10FFFF. */
size_t escape_next(const char *text, size_t len, uint32_t *point)
{
	const unsigned char *s = (const unsigned char *)text;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = s[0] < 0x80	       ? 1
		   : s[0] >> 5 == 0x06 ? 2
		   : s[0] >> 4 == 0x0e ? 3
		   : s[0] >> 3 == 0x1e ? 4
				       : 0;
	uint32_t c;

	if (n == 0 || n > len)
		return 0;
	c = n == 1 ? s[0] : s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*point = c;
	return n;
}

bool escape_is_unsafe(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x2069) || c == 0xfeff;
}

static size_t escape(const char *text, size_t len, char *out, size_t size, bool double_backslash)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *s = (const unsigned char *)text;
	size_t used = 0;

	if (size == 0)
		return 0;
	for (size_t i = 0; i < len;) {
		uint32_t c = 0;
		size_t n = escape_next(text + i, len - i, &c);
		bool hide = n == 0 || escape_is_unsafe(c);
		bool twice = c == '\\' && double_backslash;
		size_t need;

		if (n == 0)
			n = 1;
		need = hide ? 4 * n : n + twice;
		if (used + need >= size)
			break;
		for (size_t k = 0; k < n; k++) {
			if (hide) {
				out[used++] = '\\';
				out[used++] = 'x';
				out[used++] = hex[s[i + k] >> 4];
				out[used++] = hex[s[i + k] & 15];
			} else {
				out[used++] = text[i + k];
			}
		}
		if (twice)
			out[used++] = '\\';
		i += n;
	}
	out[used] = '\0';
	return used;
}

size_t escape_text(const char *text, size_t len, char *out, size_t size)
{
	return escape(text, len, out, size, true);
}

size_t escape_stored(const char *text, size_t len, char *out, size_t size)
{
	return escape(text, len, out, size, false);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

size_t escape_undo(const char *text, size_t len, char *out)
{
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\' && i + 3 < len && text[i + 1] == 'x' &&
		    hex_value(text[i + 2]) >= 0 && hex_value(text[i + 3]) >= 0) {
			out[used++] = (char)(hex_value(text[i + 2]) << 4 | hex_value(text[i + 3]));
			i += 3;
		} else {
			if (text[i] == '\\' && i + 1 < len && text[i + 1] == '\\')
				i++;
			out[used++] = text[i];
		}
	}
	return used;
}
