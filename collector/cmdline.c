#include "cmdline.h"

#include <string.h>

#include "decode.h"
#include "escape.h"

/* Each byte a quote in quotes, or each argument empty. */
#define JOINED_LEN (ARGS_LEN * 4 + (ARGS_LEN + 1) * 3 + 4)

static bool is_plain(const char *arg, size_t len)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789@%_+=:,./-";

	if (len == 0 || (len >= 3 && memcmp(arg + len - 3, "...", 3) == 0))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!memchr(plain, arg[i], sizeof(plain) - 1))
			return false;
	return true;
}

static size_t put(char *out, const char *text, size_t len)
{
	memcpy(out, text, len);
	return len;
}

static size_t put_quoted(char *out, const char *arg, size_t len)
{
	size_t used = put(out, "'", 1);

	for (size_t i = 0; i < len; i++)
		used += arg[i] == '\'' ? put(out + used, "'\\''", 4) : put(out + used, arg + i, 1);
	return used + put(out + used, "'", 1);
}

char *cmdline_join(const char *args, size_t len, bool cut)
{
	char joined[JOINED_LEN], safe[ESCAPED_SIZE(JOINED_LEN)];
	size_t used = 0;

	if (len == 0 || len > ARGS_LEN)
		return NULL;
	for (size_t at = 0; at < len;) {
		size_t n = strnlen(args + at, len - at);

		if (at > 0)
			joined[used++] = ' ';
		if (is_plain(args + at, n))
			used += put(joined + used, args + at, n);
		else
			used += put_quoted(joined + used, args + at, n);
		at += n + 1;
	}
	if (cut && args[len - 1] == '\0')
		joined[used++] = ' ';
	if (cut)
		used += put(joined + used, "...", 3);
	escape_text(joined, used, safe, sizeof(safe));
	return strdup(safe);
}
