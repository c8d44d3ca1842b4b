#include "chart.h"

#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "html.h"
#include "width.h"

/* U+2068 and U+2069: first strong isolate, and its end. */
#define ISOLATE "&#x2068;"
#define END	"&#x2069;"

/* Of a name no more than this can be seen, however narrow. */
#define NAME_BYTES 1024

void chart_put_text(FILE *out, const char *text, int places)
{
	char safe[ESCAPED_SIZE(NAME_BYTES)];
	size_t len = strnlen(text, NAME_BYTES), shown;

	len = escape_stored(text, len, safe, sizeof(safe));
	fputs(ISOLATE, out);
	shown = width_head(safe, places);
	if (shown == len) {
		html_text(out, safe, len);
	} else {
		html_text(out, safe, width_head(safe, places - 1));
		fputs("\u2026", out);
	}
	fputs(END, out);
}
