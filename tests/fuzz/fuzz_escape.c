/* Any bytes, escaped: nothing that a terminal obeys, that nobody sees or that is no UTF-8; and the
 * same bytes back. */
#include "escape.h"
#include "safe.h"
#include "script.h"

static void check_next(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint32_t point = 0;
		const size_t n = escape_next(text + i, len - i, &point);

		must(n == safe_utf8((const uint8_t *)text + i, len - i));
		must(n == 0 ||
		     escape_is_unsafe(point) == safe_is_hidden((const uint8_t *)text + i, n));
	}
}

/* @full is the escaped text; with less room there is a begin of it, between two characters. */
static void check_cut(const char *text, size_t len, const char *full, size_t size)
{
	char *out = malloc(size ? size : 1), *back;
	size_t n, n_back;

	must(out);
	n = escape_text(text, len, out, size);
	if (size > 0) {
		must(n < size && out[n] == '\0' && strlen(out) == n);
		must(memcmp(out, full, n) == 0);
		must(strlen(full) == n || n + 16 >= size); /* as much as there is room for */
		back = malloc(n + 1);
		must(back);
		n_back = escape_undo(out, n, back);
		must(n_back <= len && memcmp(back, text, n_back) == 0);
		must(n_back == len || !safe_utf8((const uint8_t *)text, len) || safe_text(out, n));
		free(back);
	}
	free(out);
}

/* Shown again, from a database: what is safe stays, what is not becomes so. */
static void check_stored(const char *text, size_t len, const char *escaped)
{
	char *out = malloc(ESCAPED_SIZE(len)), *again;
	size_t n = strlen(escaped), n_out;

	again = malloc(ESCAPED_SIZE(n));
	must(out && again);
	must(escape_stored(escaped, n, again, ESCAPED_SIZE(n)) == n);
	must(memcmp(again, escaped, n) == 0);
	free(again);

	n_out = escape_stored(text, len, out, ESCAPED_SIZE(len));
	must(n_out < ESCAPED_SIZE(len) && out[n_out] == '\0' && safe_text(out, n_out));
	if (safe_text(text, len))
		must(n_out == len && memcmp(out, text, len) == 0);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s = {data, size};
	const size_t cut = script_byte(&s);
	size_t len, n;
	char *text, *full, *back;

	len = s.left;
	text = malloc(len ? len : 1); /* its end is one */
	full = malloc(ESCAPED_SIZE(len));
	back = malloc(ESCAPED_SIZE(len));
	must(text && full && back);
	script_fill(&s, text, len);
	n = escape_text(text, len, full, ESCAPED_SIZE(len));
	must(n < ESCAPED_SIZE(len) && full[n] == '\0' && safe_text(full, n));
	must(escape_undo(full, n, back) == len && memcmp(back, text, len) == 0);
	must(escape_undo(text, len, back) <= len); /* what nobody has escaped */
	check_next(text, len);
	check_cut(text, len, full, cut);
	check_stored(text, len, full);
	free(text);
	free(full);
	free(back);
	return 0;
}
