/*
 * A statement of anybody, as connmon-query sql takes it: behind a first line that names a format.
 * It is refused, or answered, or stopped; the history has the same bytes then, there is no file
 * that was not there, and it took no more time and memory than allowed (see program.c).
 */
#include "feed.h"
#include "history.h"
#include "must.h"
#include "program.h"
#include "words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bytes history;
	char *text = must_text(data, size), *sql = strchr(text, '\n');
	struct answer a;

	if (!history.at) {
		history_make(4096);
		history = history_read();
	}
	if (sql) {
		*sql++ = '\0';
		program_ask((const char *const[]){"connmon-query", "--format", text, "sql", "--",
						  sql, NULL},
			    &a);
		program_forget(&a);
		history_must_be(history);
	}
	free(text);
	return 0;
}

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	return words_mutate(data, size, max, seed);
}
#endif
