/*
 * --by, --sort and --having as anybody may write them: one line each. What is understood makes a
 * statement that SQLite understands; sorted it has the same rows, in that order; of each row it
 * is never true both that it passes and that it does not.
 */
#include "by.h"
#include "db.h"
#include "feed.h"
#include "functions.h"
#include "having.h"
#include "must.h"
#include "sort.h"

#define NOW_US INT64_C(1769860800000000)

static const char rows[] =
	"SELECT column1 AS id, column2 AS comm, column3 AS connections, column4 AS duration_us,"
	" column5 AS tx_bytes, column6 AS failed_pct, column7 AS last_at, column8 AS outcome,"
	" column9 AS \"a\"\"b\" FROM (VALUES"
	" (1, 'curl', 5, 1500, 1024, 0.5, '2026-01-31T11:00:00.000Z', 'closed', ''),"
	" (2, 'wget', 5, 90000000, 0, 100.0, 1769860800000000, 'refused', NULL),"
	" (4, NULL, -1, NULL, 5368709120, NULL, NULL, 'lost', 'x'),"
	" (8, '', 9223372036854775807, 0, NULL, 33.3, 0, NULL, X'00ff'),"
	" (16, 'a''b\"c--', 0, -5, 1, 0.0, 'never', 'timeout', 1.5)) ORDER BY id";

#define ALL 31 /* the sum of their ids */

static sqlite3 *db;

static sqlite3_stmt *compile(const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	struct err err = {0};

	if (!db) {
		must(sqlite3_open(":memory:", &db) == SQLITE_OK);
		must(functions_register(db, &err) == 0);
	}
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		dprintf(2, "%s: %s\n", sqlite3_errmsg(db), sql);
	must(stmt);
	return stmt;
}

/* ---- by ---- */

static void must_be_columns(const char *text)
{
	must(*text);
	must(strspn(text, "abcdefghijklmnopqrstuvwxyz_, ") == strlen(text));
}

static void check_by(const char *text)
{
	struct by by;
	struct err err = {0};
	char *sql = NULL, *names = NULL;
	size_t len;
	FILE *f;

	if (by_parse(text, &by, &err)) {
		must(err.code < 0 && err.msg[0]);
		return;
	}
	must(by.n >= 1 && by.n <= BY_MAX && by_bucket_us(&by) >= 0);
	f = open_memstream(&names, &len);
	must(f);
	by_write(&by, "{by}", f);
	fclose(f);
	must_be_columns(names);
	f = open_memstream(&sql, &len);
	must(f);
	fputs("SELECT peer_addr", f);
	by_write_columns(&by, "start", "start", f);
	fputs(" FROM (SELECT '10.0.0.1' AS peer_addr, 1 AS start)", f);
	fclose(f);
	sqlite3_finalize(compile(sql));
	free(names);
	free(sql);
}

/* ---- sort ---- */

/* As SQLite orders values: NULL, numbers, text, blobs; and NULL last, whichever way. */
static int compare(const sqlite3_value *a, const sqlite3_value *b)
{
	sqlite3_value *left = (sqlite3_value *)a, *right = (sqlite3_value *)b;
	static sqlite3_stmt *stmt;
	int result;

	if (!stmt)
		stmt = compile("SELECT CASE WHEN ?1 IS ?2 THEN 0 WHEN ?1 < ?2 THEN -1 ELSE 1 END");
	sqlite3_bind_value(stmt, 1, left);
	sqlite3_bind_value(stmt, 2, right);
	must(sqlite3_step(stmt) == SQLITE_ROW);
	result = sqlite3_column_int(stmt, 0);
	sqlite3_reset(stmt);
	return result;
}

static bool is_null(const sqlite3_value *value)
{
	return sqlite3_value_type((sqlite3_value *)value) == SQLITE_NULL;
}

static void must_be_sorted(sqlite3_stmt *stmt, int column, bool up)
{
	sqlite3_value *before = NULL, *value;
	int64_t sum = 0;

	while (sqlite3_step(stmt) == SQLITE_ROW) {
		sum += sqlite3_column_int64(stmt, 0);
		value = sqlite3_value_dup(sqlite3_column_value(stmt, column));
		must(value);
		if (before && is_null(before))
			must(is_null(value));
		else if (before && !is_null(value))
			must(up ? compare(before, value) <= 0 : compare(before, value) >= 0);
		sqlite3_value_free(before);
		before = value;
	}
	sqlite3_value_free(before);
	must(sum == ALL);
}

static void check_sort(const char *text)
{
	sqlite3_stmt *plain = compile(rows), *sorted;
	struct sort sort;
	struct err err = {0};
	char *sql = NULL;
	size_t len;
	FILE *f = open_memstream(&sql, &len);
	int column, ret = sort_parse(text, &sort, &err);

	must(f);
	if (!ret)
		ret = sort_write(&sort, plain, rows, f, &err);
	fclose(f);
	must(ret == err.code && !ret == !err.msg[0]);
	if (!ret) {
		must(sort.n >= 1 && sort.n <= SORT_MAX);
		must(column_find(plain, sort.keys[0].word, &column, &err) == 0);
		sorted = compile(sql);
		must_be_sorted(sorted, column,
			       sort.keys[0].order == SORT_UP ||
				       (sort.keys[0].order == SORT_NATURAL &&
					by_is_dimension(sqlite3_column_name(plain, column))));
		sqlite3_finalize(sorted);
	}
	sqlite3_finalize(plain);
	free(sql);
}

/* ---- having ---- */

/* The sum of the ids of those that pass; -1: it is not understood. */
static int64_t those_having(const char *text, int *n)
{
	sqlite3_stmt *plain = compile(rows), *chosen;
	struct having having;
	struct err err = {0};
	char *sql = NULL;
	size_t len;
	FILE *f = open_memstream(&sql, &len);
	int64_t sum = -1;
	int rc, ret = having_parse(text, NOW_US, &having, &err);

	must(f);
	if (!ret)
		ret = having_write(&having, plain, rows, f, &err);
	fclose(f);
	must(ret == err.code && !ret == !err.msg[0]);
	*n = having.n;
	if (!ret) {
		must(having.n >= 1 && having.n <= HAVING_MAX);
		chosen = compile(sql);
		must(having_bind(&having, chosen, &err) == 0);
		for (sum = 0; (rc = sqlite3_step(chosen)) == SQLITE_ROW;)
			sum += sqlite3_column_int64(chosen, 0);
		must(rc == SQLITE_DONE);
		sqlite3_finalize(chosen);
	}
	sqlite3_finalize(plain);
	free(sql);
	return sum;
}

static void check_having(const char *text)
{
	int n, ignored;
	const int64_t those = those_having(text, &n);
	char *negated;
	int64_t others;

	if (those < 0 || n + 3 > HAVING_MAX)
		return;
	must((those & ~(int64_t)ALL) == 0);
	must(asprintf(&negated, "not (%s)", text) > 0);
	others = those_having(negated, &ignored);
	must(others >= 0 && (those & others) == 0);
	free(negated);
}

/* Compared to a word, each row is on one side; but for a pattern, those that have no text. */
static void check_sides(const char *word)
{
	static const char *const pairs[][2] = {{"=", "!="}, {"==", "<>"}, {"~", "!~"}};
	const int64_t with_text = ALL - 4;
	int64_t sides[2];
	char *text;
	int ignored;

	if (strlen(word) > 20)
		return;
	for (int i = 0; i < 3; i++) {
		for (int k = 0; k < 2; k++) {
			text = sqlite3_mprintf("comm %s %Q", pairs[i][k], word);
			sides[k] = those_having(text, &ignored);
			sqlite3_free(text);
		}
		must(sides[0] >= 0 && sides[1] >= 0 && !(sides[0] & sides[1]));
		must((sides[0] | sides[1]) == (i < 2 ? ALL : with_text));
		must(!(sides[0] & 1) == (strcmp(word, "curl") != 0) || i == 2);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const checks[])(const char *) = {check_by, check_sort, check_having};
	size_t at = 0;

	for (int i = 0; i < 3; i++) {
		const uint8_t *end = memchr(data + at, '\n', size - at);
		const size_t len = end && i < 2 ? (size_t)(end - data) - at : size - at;
		char *text = must_text(data + at, len);

		checks[i](text);
		if (i == 1)
			check_sides(text);
		free(text);
		at += len + (at + len < size);
	}
	return 0;
}
