#include "totals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "totals_list.h"
#include "totals_narrow.h"
#include "totals_read.h"

struct table {
	sqlite3_vtab base;
	sqlite3 *db;
	struct list_book *book; /* the module's */
};

struct cursor {
	sqlite3_vtab_cursor base;
	struct totals_shape shape;
	struct sums sums;
	sqlite3_value *arguments[TOTALS_N_ARGUMENTS]; /* copies; NULL when not given */
	struct totals_peers peers;
	size_t at;
};

/*
 * What xBestIndex tells xFilter in idxStr, "SET:VALUES:ORDER": the set of columns that are
 * used; of each value that xFilter gets, the column that it is for, as a letter; the
 * columns by which the rows are sorted, likewise. PEERS stands for a list of addresses.
 */
#define PEERS	       '~'
#define LETTER(column) ((char)('0' + (column)))
#define COLUMN(letter) ((letter) - '0')
#define VALUES_AT      17

static int connect_table(sqlite3 *db, void *aux, int argc, const char *const *argv,
			 sqlite3_vtab **out, char **message)
{
	struct table *table;
	sqlite3_stmt *stmt = NULL;
	char *declaration = totals_declaration();
	int rc = declaration ? sqlite3_declare_vtab(db, declaration) : SQLITE_NOMEM;

	(void)argc, (void)argv;
	sqlite3_free(declaration);
	/* A view that reads it could be what it reads. */
	if (rc == SQLITE_OK)
		rc = sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY);
	/* Said when a statement is compiled, not in the middle of it. */
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(db, "SELECT totals_until_hour FROM main.extent", -1, &stmt,
					NULL);
	sqlite3_finalize(stmt);
	if (rc != SQLITE_OK) {
		*message = sqlite3_mprintf("totals: %s", sqlite3_errmsg(db));
		return rc;
	}
	table = sqlite3_malloc64(sizeof(*table));
	if (!table)
		return SQLITE_NOMEM;
	*table = (struct table){.db = db, .book = aux};
	*out = &table->base;
	return SQLITE_OK;
}

static int disconnect_table(sqlite3_vtab *base)
{
	sqlite3_free(base);
	return SQLITE_OK;
}

/* Which columns' equality to a value narrows what is read. */
static bool is_narrowing(const sqlite3_index_info *info, int i)
{
	switch (info->aConstraint[i].iColumn) {
	case TOTALS_DIRECTION:
	case TOTALS_PEER_ADDR:
		return !strcmp(sqlite3_vtab_collation((sqlite3_index_info *)info, i), "BINARY");
	case TOTALS_SERVICE_PORT:
	case TOTALS_LOOPBACK:
	case TOTALS_FAILED:
		return true;
	default:
		return false;
	}
}

/*
 * Whether rows differ in what they are to be grouped by: each column of the key that is
 * used is either among those, or the same in all rows.
 */
static bool groups_are_rows(sqlite3_index_info *info, uint64_t fixed)
{
	uint64_t grouped = fixed;

	for (int i = 0; i < info->nOrderBy; i++)
		if (info->aOrderBy[i].iColumn >= 0)
			grouped |= UINT64_C(1) << info->aOrderBy[i].iColumn;
	for (int i = 0; i < totals_n_columns; i++)
		if (totals_has(info->colUsed, i) && totals_is_key(i) && !totals_has(grouped, i))
			return false;
	return true;
}

static bool groups_by_keys(const sqlite3_index_info *info)
{
	for (int i = 0; i < info->nOrderBy; i++)
		if (info->aOrderBy[i].iColumn < 0 || !totals_is_key(info->aOrderBy[i].iColumn))
			return false;
	return true;
}

/*
 * For DISTINCT (2) it is enough that equal rows are neighbours. For GROUP BY (1) SQLite 3.40
 * says so, too, but takes the rows to be sorted when an ORDER BY asks for the same columns.
 */
static void promise_order(sqlite3_index_info *info, uint64_t fixed, sqlite3_str *plan)
{
	int distinct = sqlite3_vtab_distinct(info);

	sqlite3_str_appendall(plan, ":");
	if (info->nOrderBy == 0 || (distinct != 1 && distinct != 2) || !groups_by_keys(info))
		return;
	info->orderByConsumed = distinct == 1 || groups_are_rows(info, fixed);
	for (int i = 0; i < info->nOrderBy && distinct == 1; i++)
		sqlite3_str_appendf(plan, "%s%c", info->aOrderBy[i].desc ? "-" : "",
				    LETTER(info->aOrderBy[i].iColumn));
}

/* An argument that another table gives is known only when that one is read first. */
static bool lacks_argument(const sqlite3_index_info *info)
{
	for (int i = 0; i < info->nConstraint; i++)
		if (info->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_EQ &&
		    info->aConstraint[i].iColumn >= totals_first_argument() &&
		    !info->aConstraint[i].usable)
			return true;
	return false;
}

static int best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
	sqlite3_str *plan;
	uint64_t fixed = 0;
	int n = 0;

	(void)base;
	if (lacks_argument(info))
		return SQLITE_CONSTRAINT;
	info->estimatedCost = 1e6;
	info->estimatedRows = 10000;
	plan = sqlite3_str_new(NULL);
	sqlite3_str_appendf(plan, "%016llx:", (unsigned long long)info->colUsed);
	for (int i = 0; i < info->nConstraint; i++) {
		int column = info->aConstraint[i].iColumn;
		bool argument = column >= totals_first_argument();

		if (info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ ||
		    !info->aConstraint[i].usable || (!argument && !is_narrowing(info, i)))
			continue;
		info->aConstraintUsage[i].argvIndex = ++n;
		info->aConstraintUsage[i].omit = argument;
		/* All at once, not one after the other: else what has no totals is read for each.
		 */
		if (column == TOTALS_PEER_ADDR && sqlite3_vtab_in(info, i, 1)) {
			sqlite3_str_appendchar(plan, 1, PEERS);
			continue;
		}
		sqlite3_str_appendchar(plan, 1, LETTER(column));
		if (argument)
			continue;
		fixed |= UINT64_C(1) << column;
		info->estimatedCost /= 2;
		info->estimatedRows /= 2;
	}
	promise_order(info, fixed, plan);
	info->idxStr = sqlite3_str_finish(plan);
	info->needToFreeIdxStr = 1;
	return info->idxStr ? SQLITE_OK : SQLITE_NOMEM;
}

static int open_cursor(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
	struct cursor *c = sqlite3_malloc64(sizeof(*c));

	(void)base;
	if (!c)
		return SQLITE_NOMEM;
	memset(c, 0, sizeof(*c));
	*out = &c->base;
	return SQLITE_OK;
}

static void clear_cursor(struct cursor *c)
{
	list_book_remove(((struct table *)c->base.pVtab)->book, &c->sums);
	sums_clear(&c->sums);
	for (int i = 0; i < TOTALS_N_ARGUMENTS; i++) {
		sqlite3_value_free(c->arguments[i]);
		c->arguments[i] = NULL;
	}
	totals_peers_clear(&c->peers);
	c->at = 0;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
	clear_cursor((struct cursor *)base);
	sqlite3_free(base);
	return SQLITE_OK;
}

/* A time or a length, in microseconds; NULL leaves *out as it is. */
static bool read_us(sqlite3_value *value, const char *name, int64_t *out, char **message)
{
	int type = value ? sqlite3_value_numeric_type(value) : SQLITE_NULL;

	if (type == SQLITE_NULL)
		return true;
	if (type != SQLITE_INTEGER && type != SQLITE_FLOAT) {
		*message = sqlite3_mprintf("%s is \"%.40s\", and must be a number of microseconds",
					   name, sqlite3_value_text(value));
		return false;
	}
	*out = sqlite3_value_int64(value);
	return true;
}

static bool read_window(sqlite3_value *value, enum totals_window *out, char **message)
{
	static const char *const names[] = {
		[WINDOW_ACTIVE] = "active", [WINDOW_STARTED] = "started", [WINDOW_ENDED] = "ended"};
	const char *text = value ? (const char *)sqlite3_value_text(value) : NULL;

	if (!text)
		return true;
	for (int i = WINDOW_ACTIVE; i <= WINDOW_ENDED; i++) {
		if (!strcmp(text, names[i])) {
			*out = (enum totals_window)i;
			return true;
		}
	}
	*message = sqlite3_mprintf(
		"there is no window \"%.40s\"; write 'active', 'started' or 'ended'", text);
	return false;
}

static int64_t clamp(int64_t us)
{
	return us < 0 ? 0 : us;
}

static int ask_now(sqlite3 *db, int64_t *now_us)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(
		db, "SELECT CAST((julianday('now') - 2440587.5) * 86400e6 AS INTEGER)", -1, &stmt,
		NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*now_us = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int read_arguments(sqlite3 *db, struct cursor *c, struct totals_question *q, char **message)
{
	int rc = ask_now(db, &q->until_us);

	if (rc != SQLITE_OK)
		return rc;
	if (!read_us(c->arguments[0], "since_us", &q->since_us, message) ||
	    !read_us(c->arguments[1], "until_us", &q->until_us, message) ||
	    !read_window(c->arguments[2], &q->window, message) ||
	    !read_us(c->arguments[3], "bucket_us", &q->bucket_us, message))
		return SQLITE_ERROR;
	if (q->bucket_us < 0) {
		*message = sqlite3_mprintf("bucket_us is %lld, and must not be negative",
					   (long long)q->bucket_us);
		return SQLITE_ERROR;
	}
	q->since_us = clamp(q->since_us);
	q->until_us = clamp(q->until_us);
	return SQLITE_OK;
}

/* @order: letters, the columns that come first in the key; a - is before those that go down. */
static void init_shape(struct totals_shape *shape, uint64_t columns, const char *order)
{
	*shape = (struct totals_shape){0};
	for (; *order; order++) {
		bool down = *order == '-';

		order += down;
		/* It is kept as a number, 0 for out and 1 for in. */
		down ^= COLUMN(*order) == TOTALS_DIRECTION;
		shape->down |= (uint64_t)down << shape->n_keys;
		shape->keys[shape->n_keys++] = COLUMN(*order);
		columns &= ~(UINT64_C(1) << COLUMN(*order));
	}
	shape->n_order = shape->n_keys;
	for (int i = 0; i < totals_n_columns; i++) {
		if (totals_has(columns, i) && totals_is_key(i))
			shape->keys[shape->n_keys++] = i;
		if (totals_has(columns, i) && totals_is_value(i))
			shape->values[shape->n_values++] = i;
	}
}

static int filter(sqlite3_vtab_cursor *base, int number, const char *plan, int argc,
		  sqlite3_value **argv)
{
	struct cursor *c = (struct cursor *)base;
	struct table *table = (struct table *)base->pVtab;
	struct totals_question q = {.columns = strtoull(plan, NULL, 16)};
	char *message = NULL;
	int rc = SQLITE_OK;

	(void)number;
	clear_cursor(c);
	for (int i = 0; i < argc && rc == SQLITE_OK; i++) {
		int column = COLUMN(plan[VALUES_AT + i]),
		    argument = column - totals_first_argument();

		if (plan[VALUES_AT + i] == PEERS)
			rc = totals_narrow_peers(&q, &c->peers, argv[i]);
		else if (argument < 0)
			totals_narrow(&q, column, argv[i]);
		else if (!(c->arguments[argument] = sqlite3_value_dup(argv[i])))
			rc = SQLITE_NOMEM;
	}
	if (rc == SQLITE_OK)
		rc = read_arguments(table->db, c, &q, &message);
	if (rc == SQLITE_OK) {
		c->sums.max_bytes = TOTALS_MAX_BYTES;
		init_shape(&c->shape, q.columns, plan + VALUES_AT + argc + 1);
		rc = totals_read(table->db, &q, &c->shape, &c->sums, &message);
	}
	if (rc == SQLITE_OK) {
		list_book_add(table->book, &c->sums);
		return rc;
	}
	/* For want of memory and after an interrupt SQLite's own words are better. */
	if (rc != SQLITE_NOMEM && (rc & 0xff) != SQLITE_INTERRUPT) {
		sqlite3_free(base->pVtab->zErrMsg);
		base->pVtab->zErrMsg =
			sqlite3_mprintf("totals: %s",
					message ? message : sqlite3_errmsg(table->db));
	}
	sqlite3_free(message);
	return rc;
}

static int next(sqlite3_vtab_cursor *base)
{
	((struct cursor *)base)->at++;
	return SQLITE_OK;
}

static int at_end(sqlite3_vtab_cursor *base)
{
	struct cursor *c = (struct cursor *)base;

	return c->at >= c->sums.n;
}

static int rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
	*out = (sqlite3_int64)((struct cursor *)base)->at;
	return SQLITE_OK;
}

static int index_of(const int *columns, int n, int column)
{
	int i = 0;

	while (i < n && columns[i] != column)
		i++;
	return i;
}

static void give_key(sqlite3_context *ctx, const struct cursor *c, int column)
{
	int64_t code = sums_key(&c->sums, c->at)[index_of(c->shape.keys, c->shape.n_keys, column)];
	const struct sums_text *text;

	if (code == SUMS_NULL)
		return;
	if (totals_columns[column].kind == COLUMN_DIRECTION) {
		sqlite3_result_text(ctx, code ? "in" : "out", -1, SQLITE_STATIC);
	} else if (totals_is_text(column)) {
		text = &c->sums.texts[code];
		sqlite3_result_text(ctx, c->sums.text_bytes + text->at, (int)text->len,
				    SQLITE_TRANSIENT);
	} else {
		sqlite3_result_int64(ctx, code);
	}
}

static void give_value(sqlite3_context *ctx, const struct cursor *c, int column)
{
	int i = index_of(c->shape.values, c->shape.n_values, column);
	int64_t number = sums_values(&c->sums, c->at)[i];
	enum sum_kind kind = c->sums.kinds[i];

	if ((kind == SUM_MIN && number == SUMS_NO_MIN) ||
	    (kind == SUM_MAX && number == SUMS_NO_MAX))
		return;
	if (kind == SUM_LIST)
		list_give(ctx, &c->sums, number);
	else
		sqlite3_result_int64(ctx, number);
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int i)
{
	struct cursor *c = (struct cursor *)base;

	if (totals_is_key(i))
		give_key(ctx, c, i);
	else if (totals_is_value(i))
		give_value(ctx, c, i);
	else if (c->arguments[i - totals_first_argument()])
		sqlite3_result_value(ctx, c->arguments[i - totals_first_argument()]);
	return SQLITE_OK;
}

int totals_register(sqlite3 *db, struct err *err)
{
	/* Without xCreate it is there without CREATE VIRTUAL TABLE. */
	static const sqlite3_module module = {
		.iVersion = 1,
		.xConnect = connect_table,
		.xDisconnect = disconnect_table,
		.xBestIndex = best_index,
		.xOpen = open_cursor,
		.xClose = close_cursor,
		.xFilter = filter,
		.xNext = next,
		.xEof = at_end,
		.xColumn = column,
		.xRowid = rowid,
	};

	struct list_book *book = list_book_new();

	if (!book)
		return err_set(err, -ENOMEM, "no memory for the functions");
	/* SQLite frees the book, in any case. */
	if (sqlite3_create_module_v2(db, "totals", &module, book, sqlite3_free) != SQLITE_OK ||
	    totals_read_register(db) != SQLITE_OK || list_register(db, book) != SQLITE_OK)
		return err_set(err, -EIO, "function totals: %s", sqlite3_errmsg(db));
	return 0;
}
