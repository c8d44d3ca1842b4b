#include "ask.h"
#include "command.h"
#include "output.h"

int command_sql(const struct request *q, struct err *err)
{
	AUTO_ROWS *rows = NULL;
	int ret = ask_sql(q, q->statement, &rows, err);

	return ret ? ret : output_rows(q, rows, err);
}
