#include "sheet.h"

#include "must.h"

#define COLUMNS_MAX 6
#define ROWS_MAX    16
#define TEXT_MAX    64

uint8_t take_byte(struct taken *t)
{
	if (!t->left)
		return 0;
	t->left--;
	return *t->at++;
}

size_t take_bytes(struct taken *t, size_t most, const uint8_t **out)
{
	size_t len = take_byte(t) % (most + 1);

	if (len > t->left)
		len = t->left;
	*out = t->at;
	t->at += len;
	t->left -= len;
	return len;
}

/* Those whose ending or self tells something, or anything. */
static void take_name(struct taken *t, char name[TEXT_MAX + 1])
{
	static const char *const known[] = {
		"connections", "duration_us",	"tx_bytes",  "last_at",	   "failed_pct",
		"conn_per_s",  "b_bytes_per_s", "share_bar", "comm",	   "peer_addr",
		"exe",	       "outcome",	"failed",    "remedy",	   "state",
		"error",       "started_at",	"rx_bytes",  "connect_us", "verdict",
	};
	const uint8_t first = take_byte(t);
	const uint8_t *bytes;
	size_t len;

	if (first & 1) {
		strcpy(name, known[first / 2 % (sizeof(known) / sizeof(known[0]))]);
		return;
	}
	len = take_bytes(t, TEXT_MAX, &bytes);
	memcpy(name, bytes, len);
	name[len] = '\0';
}

static int64_t take_number(struct taken *t)
{
	static const int64_t special[] = {
		0,	   1,	    INT64_MAX,		INT64_MIN,
		-1,	   999999,  1769860800000000,	253402300799999999,
		1000,	   1048576, 253402300800000000, 59999999,
		UINT32_MAX};
	const uint8_t first = take_byte(t);
	int64_t number = 0;

	if (first & 1)
		return special[first / 2 % (sizeof(special) / sizeof(special[0]))];
	for (int i = 0; i < 8; i++)
		number = (int64_t)((uint64_t)number << 8 | take_byte(t));
	return first & 2 ? number : number >> (first >> 2);
}

static void bind(sqlite3_stmt *stmt, int at, struct taken *t)
{
	const uint8_t *bytes;
	int64_t number;
	double real;
	size_t len;

	switch (take_byte(t) % 6) {
	case 0:
		sqlite3_bind_int64(stmt, at, take_number(t));
		return;
	case 1:
		number = take_number(t);
		memcpy(&real, &number, sizeof(real));
		sqlite3_bind_double(stmt, at, real);
		return;
	case 2:
		len = take_bytes(t, TEXT_MAX, &bytes);
		sqlite3_bind_blob(stmt, at, bytes, (int)len, SQLITE_TRANSIENT);
		return;
	case 3:
		return; /* NULL */
	default:
		len = take_bytes(t, TEXT_MAX, &bytes);
		sqlite3_bind_text(stmt, at, (const char *)bytes, (int)len, SQLITE_TRANSIENT);
	}
}

static char *write_select(struct taken *t, int n_columns, int n_rows, bool is_graph)
{
	static const char *const parts[] = {"source", "target", "label"};
	sqlite3_str *sql = sqlite3_str_new(NULL);
	char name[TEXT_MAX + 1], *text;

	for (int row = 0; row < n_rows; row++) {
		sqlite3_str_appendall(sql, row ? " UNION ALL SELECT " : "SELECT ");
		for (int i = 0; i < n_columns; i++) {
			sqlite3_str_appendall(sql, i ? ", ?" : "?");
			if (row)
				continue;
			take_name(t, name);
			if (is_graph && i < 3)
				strcpy(name, parts[i]);
			sqlite3_str_appendf(sql, " AS \"%w\"", name);
		}
	}
	text = sqlite3_str_finish(sql);
	must(text);
	return text;
}

struct rows *sheet_make(struct taken *t, bool is_graph)
{
	static sqlite3 *db;
	const int n_columns =
		is_graph ? 3 + take_byte(t) % (COLUMNS_MAX - 2) : 1 + take_byte(t) % COLUMNS_MAX;
	const int n_rows = 1 + take_byte(t) % ROWS_MAX;
	char *sql = write_select(t, n_columns, n_rows, is_graph);
	sqlite3_stmt *stmt = NULL;
	struct rows *rows = NULL;
	struct err err = {0};

	if (!db)
		must(sqlite3_open(":memory:", &db) == SQLITE_OK);
	must(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK);
	sqlite3_free(sql);
	for (int i = 0; i < n_columns * n_rows; i++)
		bind(stmt, i + 1, t);
	must(rows_fetch(stmt, &rows, &err) == 0);
	must(rows->n_rows == (size_t)n_rows && rows->n_columns == n_columns);
	sqlite3_finalize(stmt);
	return rows;
}
