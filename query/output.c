#include "output.h"

#include <errno.h>
#include <unistd.h>

#include "page_facts.h"
#include "pager.h"
#include "remark.h"
#include "render_html.h"
#include "terminal.h"

static int render(const struct request *q, const struct rows *rows, const struct page *page,
		  const struct pager *pager, struct err *err)
{
	struct render_style style = {.utc = q->utc, .exact = q->exact, .page = page};

	terminal_style(STDOUT_FILENO, q->color, &style);
	if (q->color == TERMINAL_COLOR_AUTO)
		style.color &= pager_takes_color(pager);
	return render_rows(q->renderer, rows, &style, pager->out, err);
}

/* Why there are so many rows and no more, as far as it is not for lack of them. */
static void note_rows(struct page_facts *facts, const struct request *q, const struct rows *rows)
{
	const struct report_param *limit = q->report ? report_find_param(q->report, "limit") : NULL;
	const int64_t most = limit ? q->args.values[limit - q->report->params].number : 0;
	char words[400] = "";
	FILE *f;

	if (most > 0 && rows->n_rows == (size_t)most)
		page_facts_note(facts,
				"There may be more rows than these %lld: --limit 0 asks for all",
				(long long)most);
	if (!q->report || rows->n_rows > 0)
		return;
	f = fmemopen(words, sizeof(words) - 1, "w");
	if (!f)
		return;
	remark_tell_emptiness(f, q);
	fclose(f);
	page_facts_note(facts, "%s", words);
}

static int output(const struct request *q, const struct rows *rows, const struct page *page,
		  struct err *err)
{
	struct pager pager;
	struct err why = {0};
	int ret;

	if (q->no_pager || rows->n_rows == 0)
		pager_none(&pager);
	else
		pager_start(&pager);
	if (!pager.pid)
		return render(q, rows, page, &pager, err);
	ret = render(q, rows, page, &pager, &why);
	if (!pager_end(&pager))
		return render(q, rows, page, &pager, err);
	if (ret && ret != -EPIPE) /* else the reader has had enough */
		*err = why;
	return err->code;
}

int output_report(const struct request *q, const struct rows *rows, const struct coverage *coverage,
		  struct err *err)
{
	struct page_facts facts;

	if (q->renderer->write != render_html)
		return output(q, rows, NULL, err);
	page_facts_fill(&facts, q, coverage);
	if (coverage)
		note_rows(&facts, q, rows);
	if (rows->n_rows > RENDER_HTML_ROWS_MAX && !q->quiet)
		remark(render_html_cut);
	return output(q, rows, &facts.page, err);
}

int output_rows(const struct request *q, const struct rows *rows, struct err *err)
{
	return output_report(q, rows, NULL, err);
}
