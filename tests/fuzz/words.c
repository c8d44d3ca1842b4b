#include "words.h"

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION

#include <sqlite3.h>

#include "db.h"
#include "functions.h"
#include "history.h"
#include "must.h"

#define WORDS_MAX 2000

static struct {
	char *word[WORDS_MAX];
	unsigned n;
} words;

/* What keywords alone do not bring about. */
static const char *const phrases[] = {
	"(",
	")",
	",",
	"*",
	"=",
	"<",
	"||",
	"->>",
	"'a'",
	"''",
	"x'00ff'",
	"NULL",
	"1",
	"-1",
	"1e999",
	"9223372036854775807",
	"0.1",
	"?",
	":since",
	"SELECT ",
	"SELECT * FROM connections",
	"FROM connections",
	"FROM (SELECT ",
	" AS x",
	"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL "
	"SELECT x + 1 FROM c LIMIT 100) SELECT * FROM c",
	"totals(ago('1h'), ago('0s'))",
	"OVER (PARTITION BY comm ORDER BY id)",
	"FILTER (WHERE pid > 1)",
	"GROUP BY 1",
	"ORDER BY 1",
	"LIMIT 5",
	"CASE WHEN 1 THEN 2 ELSE 3 END",
	"EXISTS (SELECT 1)",
	"IN (1, 2)",
	"COLLATE NOCASE",
	"PRAGMA ",
	"pragma_table_info('connection')",
	"ATTACH 'x' AS y",
	"VACUUM INTO 'x'",
	"CREATE TEMP TABLE x AS SELECT 1",
	"DELETE FROM gap",
	"UPDATE gap SET count = 1",
	"INSERT INTO gap DEFAULT VALUES",
	"REINDEX",
	"DROP TABLE gap",
	"BEGIN IMMEDIATE",
	"PRAGMA writable_schema=1",
	"PRAGMA journal_mode=DELETE",
	"PRAGMA wal_checkpoint",
	"load_extension('x')",
	"writefile('x', 'y')",
	"zeroblob(16000000)",
	"randomblob(9)",
	"printf('%.*c', 9, 'x')",
	"'10.0.0.0/8'",
	"'2001:db8::/32'",
	"'2026-01-31T11:00:00.000Z'",
	";",
	"--",
	"/*",
	"*/",
	"\"",
	"fts3_tokenizer('x', x'00')",
	"EXPLAIN ",
	"EXPLAIN QUERY PLAN ",
};

static void add(const char *word, size_t len)
{
	if (words.n < WORDS_MAX)
		must(words.word[words.n++] = strndup(word, len));
}

/* The names of tables, columns and functions. */
static void add_names(void)
{
	static const char sql[] =
		"SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite%' UNION"
		" SELECT c.name FROM sqlite_schema s, pragma_table_info(s.name) c UNION"
		" SELECT name || '(' FROM pragma_function_list";
	AUTO_DB *db = NULL;
	AUTO_STMT *stmt = NULL;
	struct err err = {0};

	must(db_open_reader(history_path(), &db, &err) == 0);
	must(functions_register(db, &err) == 0);
	must(db_prepare(db, sql, &stmt, &err) == 0);
	while (sqlite3_step(stmt) == SQLITE_ROW)
		add((const char *)sqlite3_column_text(stmt, 0),
		    (size_t)sqlite3_column_bytes(stmt, 0));
}

static void begin(void)
{
	const char *keyword;
	int len;

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		for (int often = 0; often < 4; often++)
			add(phrases[i], strlen(phrases[i]));
	for (int i = 0; i < sqlite3_keyword_count(); i++)
		if (sqlite3_keyword_name(i, &keyword, &len) == SQLITE_OK)
			add(keyword, (size_t)len);
	history_make(4096);
	add_names();
}

static unsigned draw(unsigned *seed, size_t n)
{
	*seed = *seed * 1664525 + 1013904223;
	return (unsigned)((*seed >> 8) % n);
}

static int is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80 ||
	       (c >= '0' && c <= '9');
}

/* Of a word, or of what stands between two: @at is in it. */
static void find_word(const uint8_t *data, size_t size, size_t at, size_t *from, size_t *to)
{
	const int letter = size && is_letter(data[at]);

	for (*from = at; *from > 0 && letter && is_letter(data[*from - 1]);)
		(*from)--;
	for (*to = at; *to < size && is_letter(data[*to]) && letter;)
		(*to)++;
	if (*to == at && at < size)
		(*to)++;
}

/* Puts @word in place of the bytes from @from to @to. */
static size_t replace(uint8_t *data, size_t size, size_t max, size_t from, size_t to,
		      const char *word)
{
	const size_t len = strlen(word), rest = size - to;

	if (from + len + 1 + rest > max)
		return size;
	memmove(data + from + len + 1, data + to, rest);
	memcpy(data + from, word, len);
	data[from + len] = ' ';
	return from + len + 1 + rest;
}

size_t words_mutate(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	size_t from, to;

	if (!words.n)
		begin();
	if (!size || draw(&seed, 4) == 0)
		return LLVMFuzzerMutate(data, size, max);
	for (unsigned n = 1 + draw(&seed, 4); n > 0 && size; n--) {
		const char *word = words.word[draw(&seed, words.n)];

		find_word(data, size, draw(&seed, size), &from, &to);
		switch (draw(&seed, 4)) {
		case 0:
			size = replace(data, size, max, from, to, "");
			break;
		case 1:
			size = replace(data, size, max, from, to, word);
			break;
		default:
			size = replace(data, size, max, to, to, word);
		}
	}
	return size;
}

#endif
