/* Any arguments, joined to one line: a shell reads the same arguments from it. */
#include <stdbool.h>

#include "cmdline.h"
#include "decode.h"
#include "escape.h"
#include "proc_text.h"
#include "safe.h"
#include "script.h"

static const char plain[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@%_+=:,./-";

/* As a shell reads the word at *@at of @line: plain characters, and what stands in quotes. */
static size_t read_word(const char *line, size_t len, size_t *at, char *out)
{
	size_t n = 0;
	const size_t start = *at;
	bool quoted = false;

	for (; *at < len && (quoted || line[*at] != ' '); ++*at) {
		const char c = line[*at];

		if (c == '\'') {
			quoted = !quoted;
		} else if (!quoted && c == '\\') {
			must(++*at < len && line[*at] == '\'');
			out[n++] = '\'';
		} else {
			must(quoted || memchr(plain, c, sizeof(plain) - 1));
			out[n++] = c;
		}
	}
	must(!quoted && *at > start); /* of nothing it makes no word */
	return n;
}

/* Each argument has a NUL behind it; the last of @len bytes may have none. */
static void check(const char *line, size_t len, const char *args, size_t args_len, bool cut)
{
	char *word = malloc(len + 1);
	size_t at = 0;

	must(word);
	if (cut) {
		must(len >= 3 && memcmp(line + len - 3, "...", 3) == 0);
		len -= 3;
		if (args[args_len - 1] == '\0')
			must(len > 0 && line[--len] == ' ');
	} else {
		must(len < 3 || memcmp(line + len - 3, "...", 3) != 0); /* nobody can feign it */
	}
	for (size_t arg = 0; arg < args_len;) {
		const size_t n = strnlen(args + arg, args_len - arg);

		must(arg == 0 || line[at++] == ' ');
		must(read_word(line, len, &at, word) == n && memcmp(word, args + arg, n) == 0);
		arg += n + 1;
	}
	must(at == len);
	free(word);
}

static void check_escaped(char *escaped, const char *args, size_t len, bool cut)
{
	char *line;

	must((escaped != NULL) == (len > 0));
	if (!escaped)
		return;
	must(safe_text(escaped, strlen(escaped)));
	line = malloc(strlen(escaped) + 1);
	must(line);
	check(line, escape_undo(escaped, strlen(escaped), line), args, len, cut);
	free(line);
	free(escaped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s = {data, size};
	const bool cut = script_byte(&s) & 1;
	size_t len, got;
	char *args = script_text(&s, ARGS_LEN + 1, &got);

	len = got;
	if (len <= ARGS_LEN)
		check_escaped(cmdline_join(args, len, cut), args, len, cut);
	/* As /proc has them: behind the last there may be any number of NULs, and one is one. */
	while (got <= ARGS_LEN && got > 1 && args[got - 1] == '\0' && args[got - 2] == '\0')
		got--;
	check_escaped(proc_cmdline_read(args, len), args, got < ARGS_LEN ? got : ARGS_LEN,
		      len > ARGS_LEN);
	free(args);
	return 0;
}
