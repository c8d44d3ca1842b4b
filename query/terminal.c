#include "terminal.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "suggest.h"

#define WIDTH_MAX 10000

const char *const terminal_colors[] = {
	[TERMINAL_COLOR_AUTO] = "auto",
	[TERMINAL_COLOR_ALWAYS] = "always",
	[TERMINAL_COLOR_NEVER] = "never",
	NULL,
};

int terminal_parse_color(const char *word, enum terminal_color *out, struct err *err)
{
	struct suggestion s = {.word = word};

	for (int i = 0; terminal_colors[i]; i++) {
		if (!strcmp(word, terminal_colors[i])) {
			*out = (enum terminal_color)i;
			return 0;
		}
		suggest_try(&s, terminal_colors[i]);
	}
	return suggest_error(&s, err, "word for --color", "it is auto, always or never");
}

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && value[0] ? value : NULL;
}

/* What the environment names counts, also where that locale is not installed. */
static bool is_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
	const char *named = NULL;
	bool utf8;

	if (locale) {
		utf8 = !strcmp(nl_langinfo_l(CODESET, locale), "UTF-8");
		freelocale(locale);
		return utf8;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !named; i++)
		named = variable(names[i]);
	return named && (strcasestr(named, "utf-8") || strcasestr(named, "utf8"));
}

static bool is_dumb(void)
{
	const char *term = variable("TERM");

	return !term || !strcmp(term, "dumb");
}

bool terminal_is_smart(int fd)
{
	return isatty(fd) && !is_dumb();
}

static int width_of_terminal(int fd)
{
	const char *columns = variable("COLUMNS");
	struct winsize size = {0};
	int width = columns ? atoi(columns) : 0;

	if (width <= 0 && ioctl(fd, TIOCGWINSZ, &size) == 0)
		width = size.ws_col;
	if (width <= 0)
		width = 80;
	return width < WIDTH_MAX ? width : WIDTH_MAX;
}

void terminal_style(int fd, enum terminal_color color, struct render_style *out)
{
	bool terminal = isatty(fd), utf8 = is_utf8();

	out->lines = terminal && utf8;
	out->blocks = utf8;
	out->ascii = terminal && !utf8;
	out->width = terminal ? width_of_terminal(fd) : 0;
	out->color = color == TERMINAL_COLOR_AUTO ? terminal && !is_dumb() && !variable("NO_COLOR")
						  : color == TERMINAL_COLOR_ALWAYS;
}
