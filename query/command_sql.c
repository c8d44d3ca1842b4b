#include "ask.h"
#include "command.h"

int command_sql(const struct request *q, struct err *err)
{
	AUTO_ROWS *rows = NULL;
	int ret = ask_sql(q, q->statement, &rows, err);

	return ret ? ret : render_rows(q->renderer, rows, q->utc, stdout, err);
}
