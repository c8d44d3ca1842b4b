#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "command.h"
#include "escape.h"

/* The DDL as it is stored, comments included, and safe line by line. */
int command_schema(const struct request *q, struct err *err)
{
	AUTO_ROWS *rows = NULL;
	AUTO_CURSOR cursor = {0};
	char line[1024];
	int ret = ask_sql(q,
			  "SELECT sql || ';' FROM sqlite_schema WHERE sql NOT NULL"
			  " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid",
			  &rows, err);

	if (!ret)
		ret = rows_begin(rows, &cursor, err);
	while (!ret && (ret = rows_next(&cursor, err)) > 0) {
		for (const char *p = cursor.cells[0].text; *p;) {
			size_t len = strcspn(p, "\n");

			escape_stored(p, len, line, sizeof(line));
			puts(line);
			p += len + (p[len] == '\n');
		}
		puts("");
		ret = 0;
	}
	return ret ? ret : command_flush(err);
}
