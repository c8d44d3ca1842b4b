/*
 * A whole command line, a word a line, put to an invented history. It is refused as a usage
 * error; or answered, for nothing is wrong with the history. The history stays as it is.
 */
#include "feed.h"
#include "history.h"
#include "must.h"
#include "program.h"

#define WORDS_MAX 24

/* The ends of questions that are understood, and cannot be answered. */
static const char *const reasons[] = {
	"stopped after 0 s",	     /* half of one is what they have here */
	"checks failed; the remedy", /* of the doctor: there is no collector */
	"check failed; the remedy",
	"no recipe says", /* of the cookbook */
	"no such table",  /* of a statement, as are the next */
	"only one SELECT can be asked",
	"writing the output: No space left",
};

static bool is_reason(const char *text)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strstr(text, reasons[i]))
			return true;
	return false;
}

static void must_be_answered(const char *const argv[])
{
	struct answer a;
	const bool is_sql = argv[1] && strstr(argv[1], "sql");

	program_ask(argv, &a);
	if (a.status == 2)
		must(a.out_len == 0);
	if (a.status == 1 && !is_sql && !is_reason(a.err)) {
		dprintf(2, "%s", a.err);
		must(!"a question that was understood is answered");
	}
	program_forget(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bytes history;
	const char *argv[WORDS_MAX + 2] = {"connmon-query"};
	char *text = must_text(data, size), *line = text;

	if (!history.at) {
		history_make(4096);
		history = history_read();
	}
	for (int i = 1; i <= WORDS_MAX && line; i++)
		argv[i] = strsep(&line, "\n");
	if (program_may_ask(argv)) {
		must_be_answered(argv);
		history_must_be(history);
	}
	free(text);
	return 0;
}
