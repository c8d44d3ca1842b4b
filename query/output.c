#include "output.h"

#include <errno.h>
#include <unistd.h>

#include "pager.h"
#include "terminal.h"

static int render(const struct request *q, const struct rows *rows, const struct pager *pager,
		  struct err *err)
{
	struct render_style style = {.utc = q->utc, .exact = q->exact};

	terminal_style(STDOUT_FILENO, q->color, &style);
	if (q->color == TERMINAL_COLOR_AUTO)
		style.color &= pager_takes_color(pager);
	return render_rows(q->renderer, rows, &style, pager->out, err);
}

int output_rows(const struct request *q, const struct rows *rows, struct err *err)
{
	struct pager pager;
	struct err why = {0};
	int ret;

	if (q->no_pager || rows->n_rows == 0)
		pager_none(&pager);
	else
		pager_start(&pager);
	if (!pager.pid)
		return render(q, rows, &pager, err);
	ret = render(q, rows, &pager, &why);
	if (!pager_end(&pager))
		return render(q, rows, &pager, err);
	if (ret && ret != -EPIPE) /* else the reader has had enough */
		*err = why;
	return err->code;
}
