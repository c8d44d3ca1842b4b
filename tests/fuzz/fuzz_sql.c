/*
 * A statement of anybody, as connmon-query sql takes it: behind a first line that names a format.
 * It is refused, or answered, or stopped; the history has the same bytes then, there is no file
 * that was not there, and it took no more time and memory than allowed (see program.c).
 */
#include <strings.h>

#include "feed.h"
#include "history.h"
#include "must.h"
#include "program.h"
#include "words.h"

/* Behind blanks, comments and the semicolons of nothing. */
static const char *skip_nothing(const char *sql)
{
	for (;;) {
		const char *end = NULL;

		sql += strspn(sql, " \t\n\f\r;");
		if (!strncmp(sql, "--", 2))
			end = strchr(sql, '\n');
		else if (!strncmp(sql, "/*", 2))
			end = strstr(sql + 2, "*/");
		if (!end)
			return sql;
		sql = end + (*end == '*' ? 2 : 1);
	}
}

/* What was answered is no statement that would write, nor one that opens another file. */
static void must_read_only(const char *sql)
{
	static const char *const reading[] = {"SELECT", "WITH", "VALUES", "EXPLAIN", "PRAGMA"};
	bool reads = false;

	sql = skip_nothing(sql);
	if (!strncmp(sql, "\xef\xbb\xbf", 3)) /* a mark of UTF-8 */
		sql = skip_nothing(sql + 3);
	for (size_t i = 0; i < sizeof(reading) / sizeof(reading[0]); i++)
		reads |= !strncasecmp(sql, reading[i], strlen(reading[i]));
	must(reads);
}

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
		if (a.status == 0)
			must_read_only(sql);
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
