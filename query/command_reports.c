#include "command.h"
#include "output.h"
#include "rows.h"

int command_reports(const struct request *q, struct err *err)
{
	static const char *const names[] = {"report", "title"};
	AUTO_ROWS *rows = NULL;
	int ret = rows_new(2, names, &rows, err);

	for (int i = 0; i < q->n_reports && !ret; i++) {
		ret = rows_add_text(rows, q->reports[i].name, err);
		if (!ret)
			ret = rows_add_text(rows, q->reports[i].title, err);
	}
	return ret ? ret : output_rows(q, rows, err);
}
