#include "fleet_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fleet_binary.h"
#include "fleet_late.h"
#include "fleet_statement.h"

struct table {
	sqlite3_vtab base;
	struct fleet *fleet;
	const struct fleet_relation *relation;
};

struct module {
	struct fleet *fleet;
	const struct fleet_relation *relation;
};

#define MAX_COLUMNS 60

struct cursor {
	sqlite3_vtab_cursor base;
	uint64_t columns;
	struct fleet_answer answer;
	struct binary left; /* of it */
	struct sums lists;  /* those of all rows, as totals_list.h has them */
	size_t lists_at, lists_room;
	bool has_row;
	int64_t n;
	struct cell cells[MAX_COLUMNS];
};

/* ---- what SQLite asks for ---- */

static int connect_table(sqlite3 *db, void *aux, int argc, const char *const *argv,
			 sqlite3_vtab **out, char **message)
{
	static const char *const arguments = ", since_us HIDDEN, until_us HIDDEN, window HIDDEN,"
					     " bucket_us HIDDEN, but_fate HIDDEN";
	const struct module *m = aux;
	sqlite3_str *sql = sqlite3_str_new(db);
	struct table *table;
	char *declaration;
	int rc;

	(void)argc, (void)argv, (void)message;
	sqlite3_str_appendall(sql, "CREATE TABLE x(");
	for (int i = 0; i < fleet_n_columns(m->relation); i++)
		sqlite3_str_appendf(sql, "%s\"%s\" %s", i ? ", " : "",
				    fleet_column_name(m->relation, i),
				    fleet_column_is_text(m->relation, i) ? "TEXT" : "INTEGER");
	sqlite3_str_appendf(sql, "%s)", m->relation->kind == FLEET_TALLY ? arguments : "");
	declaration = sqlite3_str_finish(sql);
	rc = declaration ? sqlite3_declare_vtab(db, declaration) : SQLITE_NOMEM;
	sqlite3_free(declaration);
	/* The views over it are our own: the database is in memory. */
	if (rc == SQLITE_OK)
		rc = sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS);
	if (rc != SQLITE_OK)
		return rc;
	table = sqlite3_malloc64(sizeof(*table));
	if (!table)
		return SQLITE_NOMEM;
	*table = (struct table){.fleet = m->fleet, .relation = m->relation};
	*out = &table->base;
	return SQLITE_OK;
}

static int disconnect_table(sqlite3_vtab *base)
{
	sqlite3_free(base);
	return SQLITE_OK;
}

/* How the server is to be told of a comparison; 0: it is not. */
static char operator_of(sqlite3_index_info *info, int i, bool text)
{
	static const struct {
		unsigned char op;
		char letter;
	} operators[] = {
		{SQLITE_INDEX_CONSTRAINT_EQ, '='}, {SQLITE_INDEX_CONSTRAINT_GT, '>'},
		{SQLITE_INDEX_CONSTRAINT_LT, '<'}, {SQLITE_INDEX_CONSTRAINT_GE, 'g'},
		{SQLITE_INDEX_CONSTRAINT_LE, 'l'},
	};

	if (text && strcmp(sqlite3_vtab_collation(info, i), "BINARY") != 0)
		return 0;
	for (size_t k = 0; k < sizeof(operators) / sizeof(operators[0]); k++)
		if (operators[k].op == info->aConstraint[i].op)
			return operators[k].letter;
	return 0;
}

static bool lacks_argument(const sqlite3_index_info *info, int n_columns)
{
	for (int i = 0; i < info->nConstraint; i++)
		if (info->aConstraint[i].iColumn >= n_columns && !info->aConstraint[i].usable)
			return true;
	return false;
}

static bool is_limit(const sqlite3_index_info *info, int i)
{
	return info->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_LIMIT ||
	       info->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_OFFSET;
}

/* What of the conditions the server gets, one word for each value: its letter and the column's
 * number. False when some are SQLite's alone, so that a LIMIT is, too. */
static bool plan_conditions(const struct table *t, sqlite3_index_info *info, sqlite3_str *plan,
			    int *n)
{
	int n_columns = fleet_n_columns(t->relation), n_given = 0;
	bool all = true;

	for (int i = 0; i < info->nConstraint; i++) {
		int column = info->aConstraint[i].iColumn;
		bool argument = column >= n_columns && !is_limit(info, i);
		char op = 0;

		if (is_limit(info, i))
			continue;
		if (!argument && info->aConstraint[i].usable && column >= 0 &&
		    n_given < FLEET_MAX_GIVEN && fleet_column_is_key(t->relation, column))
			op = operator_of(info, i, fleet_column_is_text(t->relation, column));
		if (!argument && !op) {
			all = false;
			continue;
		}
		if (op == '=' && sqlite3_vtab_in(info, i, 1))
			op = 'I';
		n_given += op != 0;
		info->aConstraintUsage[i].argvIndex = ++*n;
		info->aConstraintUsage[i].omit = argument;
		sqlite3_str_appendf(plan, "%c%02d", argument ? 'A' : op,
				    argument ? column - n_columns : column);
	}
	return all;
}

/* An order is the server's only where it saves rows from travelling. */
static void plan_order(const struct table *t, sqlite3_index_info *info, sqlite3_str *plan, int *n)
{
	int limit = -1;

	if (t->relation->kind == FLEET_TALLY || info->nOrderBy > FLEET_MAX_ORDER ||
	    sqlite3_vtab_distinct(info))
		return;
	for (int i = 0; i < info->nConstraint; i++) {
		if (info->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_OFFSET)
			return;
		if (info->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_LIMIT &&
		    info->aConstraint[i].usable)
			limit = i;
	}
	for (int i = 0; i < info->nOrderBy; i++)
		if (info->aOrderBy[i].iColumn < 0)
			return;
	if (limit < 0)
		return;
	info->aConstraintUsage[limit].argvIndex = ++*n;
	sqlite3_str_appendall(plan, "M00");
	sqlite3_str_appendall(plan, ";");
	for (int i = 0; i < info->nOrderBy; i++)
		sqlite3_str_appendf(plan, "%c%02d", info->aOrderBy[i].desc ? '-' : '+',
				    info->aOrderBy[i].iColumn);
	info->orderByConsumed = info->nOrderBy > 0;
}

static int best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
	const struct table *t = (const struct table *)base;
	sqlite3_str *plan;
	int n = 0;

	if (lacks_argument(info, fleet_n_columns(t->relation)))
		return SQLITE_CONSTRAINT;
	/* Each time it is asked, the server is: rather once for all than for each row. */
	info->estimatedCost = 1e9;
	info->estimatedRows = 1000000;
	plan = sqlite3_str_new(NULL);
	sqlite3_str_appendf(plan, "%016llx:", (unsigned long long)info->colUsed);
	if (plan_conditions(t, info, plan, &n))
		plan_order(t, info, plan, &n);
	info->idxStr = sqlite3_str_finish(plan);
	info->needToFreeIdxStr = 1;
	return info->idxStr ? SQLITE_OK : SQLITE_NOMEM;
}

#define WORDS_AT 17

static void read_plan(const char *words, sqlite3_value **argv, struct fleet_plan *out)
{
	int n_columns = fleet_n_columns(out->relation);
	int arg = 0;

	out->columns = strtoull(words, NULL, 16) & ((UINT64_C(1) << n_columns) - 1);
	out->limit = -1;
	for (words += WORDS_AT; *words && *words != ';'; words += 3, arg++) {
		int column = (words[1] - '0') * 10 + words[2] - '0';
		if (*words == 'M') {
			out->limit = sqlite3_value_int64(argv[arg]);
		} else if (*words == 'A') {
			out->arguments[column] = argv[arg];
		} else {
			out->given[out->n_given].column = column;
			out->given[out->n_given].op = *words;
			out->given[out->n_given++].value = argv[arg];
		}
	}
	for (words += *words == ';'; *words; words += 3) {
		out->order[out->n_order].column = (words[1] - '0') * 10 + words[2] - '0';
		out->order[out->n_order++].down = *words == '-';
	}
}

/* ---- what the server answers ---- */

/* Where it will be among the packed ones. */
static bool take_list(struct cursor *c, struct cell *out)
{
	if (!binary_list(&c->left, out))
		return false;
	out->number = (int64_t)c->lists_at;
	c->lists_at += out->len ? out->len + 1 : 0;
	return true;
}

static void rewind_rows(struct cursor *c)
{
	c->left = (struct binary){c->answer.bytes, c->answer.n};
	c->lists_at = 0;
}

static int wrong(struct cursor *c, const char *words)
{
	sqlite3_vtab *base = c->base.pVtab;

	sqlite3_free(base->zErrMsg);
	base->zErrMsg = sqlite3_mprintf("%s", words);
	return SQLITE_ERROR;
}

static int fail(struct cursor *c, int code, const char *words)
{
	struct fleet *fleet = ((struct table *)c->base.pVtab)->fleet;

	err_set(&fleet->err, code, "%s", words);
	return wrong(c, words);
}

/* The next row into cells; has_row is false behind the last. */
static int take_row(struct cursor *c)
{
	const struct fleet_relation *r = ((struct table *)c->base.pVtab)->relation;
	bool ok = true, any = false;
	struct cell none;

	c->has_row = c->left.n > 0;
	for (int i = 0; c->has_row && ok && i < fleet_n_columns(r); i++) {
		if (!(c->columns >> i & 1))
			continue;
		any = true;
		ok = fleet_column_is_list(r, i)
			     ? take_list(c, &c->cells[i])
			     : binary_cell(&c->left, fleet_column_is_text(r, i), &c->cells[i]);
	}
	if (c->has_row && !any)
		ok = binary_cell(&c->left, false, &none);
	c->n++;
	return ok ? SQLITE_OK : fail(c, -EPROTO, "the fleet's answer is not what was asked for");
}

static bool has_lists(const struct cursor *c)
{
	const struct fleet_relation *r = ((struct table *)c->base.pVtab)->relation;

	for (int i = 0; i < fleet_n_columns(r); i++)
		if ((c->columns >> i & 1) && fleet_column_is_list(r, i))
			return true;
	return false;
}

static int pack(struct cursor *c, const struct cell *list)
{
	struct sums *s = &c->lists;
	size_t need = s->n_packed + list->len + 1;

	if (need > c->lists_room) {
		size_t room = 2 * need;
		int64_t *packed = sqlite3_realloc64(s->packed, room * sizeof(*packed));

		if (!packed)
			return SQLITE_NOMEM;
		s->packed = packed;
		c->lists_room = room;
	}
	s->packed[s->n_packed] = (int64_t)list->len;
	memcpy(s->packed + s->n_packed + 1, list->text, list->len * sizeof(int64_t));
	s->n_packed = need;
	return need > UINT32_MAX ? fail(c, -E2BIG, "more values than can be sorted; narrow it")
				 : SQLITE_OK;
}

/* All lists, before the first row is given: what sorts rows adds their lists up later. */
static int pack_lists(struct cursor *c)
{
	const struct table *t = (const struct table *)c->base.pVtab;
	int rc = take_row(c);

	for (; rc == SQLITE_OK && c->has_row; rc = rc == SQLITE_OK ? take_row(c) : rc)
		for (int i = 0; i < fleet_n_columns(t->relation) && rc == SQLITE_OK; i++)
			if ((c->columns >> i & 1) && fleet_column_is_list(t->relation, i) &&
			    !c->cells[i].is_null)
				rc = pack(c, &c->cells[i]);
	rewind_rows(c);
	if (rc == SQLITE_OK)
		list_book_add(t->fleet->book, &c->lists);
	return rc;
}

/* The next row for SQLite. Behind the last the answer goes, as SQLite may keep cursors till the end
 * of a statement; lists stay. */
static int step(struct cursor *c)
{
	int rc = take_row(c);

	if (rc == SQLITE_OK && !c->has_row) {
		c->left = (struct binary){0};
		fleet_answer_clear(&c->answer);
	}
	return rc;
}

/* ---- the cursor ---- */

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
	list_book_remove(((struct table *)c->base.pVtab)->fleet->book, &c->lists);
	sqlite3_free(c->lists.packed);
	c->lists = (struct sums){0};
	c->lists_room = c->lists_at = 0;
	c->left = (struct binary){0};
	c->n = 0;
	fleet_answer_clear(&c->answer);
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
	clear_cursor((struct cursor *)base);
	sqlite3_free(base);
	return SQLITE_OK;
}

/* Of a window that ends in the past: what ended after it. */
static int find_late(struct fleet *fleet, struct fleet_plan *plan)
{
	int64_t until_us = fleet_until_us(fleet, plan);

	return until_us < 0 ? 0 : fleet_late(fleet, until_us, &plan->late, &fleet->err);
}

/* Of a tally: what need not be read one by one. */
static int find_hours(struct fleet *fleet, struct fleet_plan *plan)
{
	int64_t since_us, until_us;

	return fleet_knows_hours(fleet, plan, &since_us, &until_us)
		       ? fleet_hours(fleet, since_us, until_us, &plan->hours, &fleet->err)
		       : 0;
}

static int ask(struct cursor *c, struct fleet *fleet, struct fleet_plan *plan)
{
	char *sql;
	int ret;

	fleet->err = (struct err){0};
	ret = find_late(fleet, plan);
	if (!ret)
		ret = find_hours(fleet, plan);
	if (ret)
		return wrong(c, fleet->err.msg);
	sql = fleet_statement(fleet, plan);
	if (!sql)
		return SQLITE_NOMEM;
	ret = fleet_server_ask(fleet->server, sql, &c->answer, &fleet->err);
	free(sql);
	return ret ? wrong(c, fleet->err.msg) : SQLITE_OK;
}

static int filter(sqlite3_vtab_cursor *base, int number, const char *words, int argc,
		  sqlite3_value **argv)
{
	struct cursor *c = (struct cursor *)base;
	struct table *t = (struct table *)base->pVtab;
	struct fleet_plan plan = {.relation = t->relation};
	int rc;

	(void)number, (void)argc;
	clear_cursor(c);
	read_plan(words, argv, &plan);
	c->columns = plan.columns;
	rc = ask(c, t->fleet, &plan);
	rewind_rows(c);
	if (rc == SQLITE_OK && has_lists(c))
		rc = pack_lists(c);
	return rc == SQLITE_OK ? step(c) : rc;
}

static int next(sqlite3_vtab_cursor *base)
{
	return step((struct cursor *)base);
}

static int at_end(sqlite3_vtab_cursor *base)
{
	return !((struct cursor *)base)->has_row;
}

static int rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
	*out = ((struct cursor *)base)->n;
	return SQLITE_OK;
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int i)
{
	struct cursor *c = (struct cursor *)base;
	const struct fleet_relation *r = ((struct table *)base->pVtab)->relation;
	const struct cell *cell = &c->cells[i];

	if (i >= fleet_n_columns(r) || !(c->columns >> i & 1) || cell->is_null)
		return SQLITE_OK;
	if (fleet_column_is_list(r, i))
		list_give(ctx, &c->lists, cell->number);
	else if (fleet_column_is_text(r, i))
		sqlite3_result_text64(ctx, cell->text, cell->len, SQLITE_TRANSIENT, SQLITE_UTF8);
	else
		sqlite3_result_int64(ctx, cell->number);
	return SQLITE_OK;
}

int fleet_table_register(sqlite3 *db, struct fleet *fleet, struct err *err)
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

	for (int i = 0; i < fleet_n_relations; i++) {
		struct module *m = sqlite3_malloc64(sizeof(*m));

		if (!m)
			return err_set(err, -ENOMEM, "no memory for the fleet's tables");
		*m = (struct module){fleet, &fleet_relations[i]};
		/* SQLite frees it, in any case. */
		if (sqlite3_create_module_v2(db, fleet_relations[i].name, &module, m,
					     sqlite3_free) != SQLITE_OK)
			return err_set(err, -EIO, "table %s: %s", fleet_relations[i].name,
				       sqlite3_errmsg(db));
	}
	fleet->book = list_book_new();
	if (!fleet->book || list_register(db, fleet->book) != SQLITE_OK)
		return err_set(err, -ENOMEM, "no memory for the fleet's lists");
	return 0;
}
