/* safe.h - what escaped text may hold, told in another way than by schema/escape.c. */
#ifndef CONNMON_SAFE_H
#define CONNMON_SAFE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The table of RFC 3629, section 4: how many bytes the character at @s has; 0: it is none. */
static inline size_t safe_utf8(const uint8_t *s, size_t len)
{
	static const struct {
		uint8_t from, to, second_from, second_to;
		size_t len;
	} rows[] = {
		{0x00, 0x7f, 0, 0, 1},	     {0xc2, 0xdf, 0x80, 0xbf, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (*s < rows[i].from || *s > rows[i].to)
			continue;
		if (rows[i].len > len)
			return 0;
		if (rows[i].len > 1 && (s[1] < rows[i].second_from || s[1] > rows[i].second_to))
			return 0;
		for (size_t k = 2; k < rows[i].len; k++)
			if (s[k] < 0x80 || s[k] > 0xbf)
				return 0;
		return rows[i].len;
	}
	return 0;
}

/* Characters that a terminal obeys, that nobody sees or that turn the text around, as the bytes
 * they have: from the first to the last of each row. */
static inline bool safe_is_hidden(const uint8_t *s, size_t len)
{
	static const char *const rows[][2] = {
		{"\x01", "\x1f"},
		{"\x7f", "\x7f"},
		{"\xc2\x80", "\xc2\x9f"},	  /* C1 */
		{"\xd8\x9c", "\xd8\x9c"},	  /* Arabic letter mark */
		{"\xe2\x80\x8b", "\xe2\x80\x8f"}, /* zero width, marks of direction */
		{"\xe2\x80\xa8", "\xe2\x80\xae"}, /* separators, embeddings, overrides */
		{"\xe2\x81\xa0", "\xe2\x81\xa9"}, /* invisible operators, isolates */
		{"\xef\xbb\xbf", "\xef\xbb\xbf"}, /* byte order mark */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (len == strlen(rows[i][0]) && memcmp(s, rows[i][0], len) >= 0 &&
		    memcmp(s, rows[i][1], len) <= 0)
			return true;
	return *s == 0;
}

/* Whether a terminal shows these @len bytes as they are. */
static inline bool safe_text(const char *text, size_t len)
{
	const uint8_t *s = (const uint8_t *)text;

	while (len) {
		const size_t n = safe_utf8(s, len);

		if (n == 0 || safe_is_hidden(s, n))
			return false;
		s += n;
		len -= n;
	}
	return true;
}

#endif
