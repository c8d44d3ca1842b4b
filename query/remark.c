#include "remark.h"

#include <stdio.h>
#include <string.h>

#include "escape.h"
#include "timespec.h"

void remark(const char *text)
{
	char safe[ESCAPED_SIZE(sizeof(((struct err *)0)->msg))];

	escape_stored(text, strlen(text), safe, sizeof(safe));
	fprintf(stderr, "connmon-query: %s\n", safe);
}

void remark_on(const struct request *q, const struct rows *rows, const struct gaps *gaps)
{
	const struct report *report = q->report;
	char from[TIMESPEC_SIZE];
	struct err text;

	if (rows->n_rows == 0)
		remark(report->filtered
			       ? "no such connections in this window; --since looks further back"
			       : "nothing in this window");
	if (!report->filtered)
		return;
	if (q->args.since_us < gaps->rows_from_us) {
		err_set(&text, 0, "connections that ended before %s are deleted (--retain)",
			timespec_format(gaps->rows_from_us, q->utc ? TIMESPEC_UTC : TIMESPEC_LOCAL,
					from));
		remark(text.msg);
	}
	if (gaps->n == 0)
		return;
	err_set(&text, 0,
		"connections may be missing: %lld gap%s in this window (%s); see connmon-query gaps",
		(long long)gaps->n, gaps->n == 1 ? "" : "s", gaps->reasons);
	remark(text.msg);
}
