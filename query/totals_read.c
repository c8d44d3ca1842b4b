#include "totals_read.h"

#include <stdio.h>
#include <string.h>

#include "totals_list.h"
#include "totals_lookup.h"

/* Of the pointer to a reader that ADD_ROW is given, which no SQL text can make. */
#define READER	"struct reader"
#define ADD_ROW "totals_add_row"

/* How a column comes out of the arguments of ADD_ROW. */
struct input {
	enum input_kind {
		INPUT_NUMBER,
		INPUT_TEXT,
		INPUT_TRUTH,
		INPUT_LOOKUP,
		INPUT_NAME,  /* of a number, from a lookup */
		INPUT_COUNT, /* 1 unless NULL */
	} kind;
	enum sum_kind sum;     /* of a value */
	struct lookup *lookup; /* of an INPUT_LOOKUP or _NAME, and what of it */
	int field;
	int at;	  /* the argument */
	int list; /* of a SUM_LIST, which */
};

struct reader {
	sqlite3 *db;
	const struct totals_question *q;
	const struct totals_shape *shape;
	struct sums *sums;
	enum source source;
	sqlite3_stmt *stmt;
	struct input keys[64], values[64];
	/* Of the last row; the key is here for it would be zeroed on the stack each time. */
	int64_t key[64];
	int rc;
	struct lookup process, program, container, local, outcome, error;
};

static int read_key(struct reader *r, const struct input *in, sqlite3_value *value, int64_t *code)
{
	switch (in->kind) {
	case INPUT_TEXT:
		return lookup_text(r->sums, value, code);
	case INPUT_LOOKUP:
		return look_up(in->lookup, r->db, r->sums, sqlite3_value_int64(value), in->field,
			       code);
	case INPUT_NAME:
		return look_up_number(in->lookup, r->db, r->sums, value, code);
	case INPUT_TRUTH:
		*code = sqlite3_value_int64(value) != 0;
		return SQLITE_OK;
	default:
		*code = lookup_number(value);
		return SQLITE_OK;
	}
}

static int add_value(const struct input *in, sqlite3_value *value, int64_t *sum)
{
	int64_t number = sqlite3_value_int64(value);

	if (in->kind == INPUT_COUNT)
		number = sqlite3_value_type(value) != SQLITE_NULL;
	switch (in->sum) {
	case SUM_LIST:
		return SQLITE_INTERNAL;
	case SUM_ADD:
		return __builtin_add_overflow(*sum, number, sum) ? SQLITE_RANGE : SQLITE_OK;
	case SUM_MIN:
		if (number < *sum && sqlite3_value_type(value) != SQLITE_NULL)
			*sum = number;
		return SQLITE_OK;
	case SUM_MAX:
		if (number > *sum && sqlite3_value_type(value) != SQLITE_NULL)
			*sum = number;
		return SQLITE_OK;
	}
	return SQLITE_INTERNAL;
}

static int add_row(struct reader *r, sqlite3_value **row)
{
	int64_t *sums = NULL;
	int rc = SQLITE_OK;

	for (int i = 0; i < r->shape->n_keys && rc == SQLITE_OK; i++)
		rc = read_key(r, &r->keys[i], row[r->keys[i].at], &r->key[i]);
	if (rc == SQLITE_OK)
		rc = sums_group(r->sums, r->key, &sums);
	for (int i = 0; i < r->shape->n_values && rc == SQLITE_OK; i++) {
		const struct input *in = &r->values[i];

		rc = in->sum == SUM_LIST ? list_add(r->sums, in->list, row[in->at], sums, &sums[i])
					 : add_value(in, row[in->at], &sums[i]);
	}
	return rc;
}

/*
 * The aggregate in which the statements end. Being called by SQLite for each row takes
 * a quarter less time in all than asking it for each.
 */
static void step(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct reader *r = argc ? sqlite3_value_pointer(argv[0], READER) : NULL;

	if (!r) {
		sqlite3_result_error(ctx, ADD_ROW " is for totals only", -1);
		return;
	}
	r->rc = add_row(r, argv);
	/* Not that code itself: SQLITE_FULL would end the asker's transaction. */
	if (r->rc != SQLITE_OK)
		sqlite3_result_error_code(ctx, SQLITE_ABORT);
}

static void finish(sqlite3_context *ctx)
{
	(void)ctx;
}

int totals_read_register(sqlite3 *db)
{
	return sqlite3_create_function_v2(db, ADD_ROW, -1, SQLITE_UTF8 | SQLITE_DIRECTONLY, NULL,
					  NULL, step, finish, NULL);
}

static struct input input_of(struct reader *r, int column)
{
	struct input in = {.kind = totals_is_text(column) ? INPUT_TEXT : INPUT_NUMBER,
			   .field = totals_columns[column].field};

	switch (totals_columns[column].kind) {
	case COLUMN_DIRECTION:
		in.kind = INPUT_TRUTH;
		break;
	case COLUMN_PROGRAM:
		in.lookup = r->source == SOURCE_TOTALS ? &r->program : &r->process;
		break;
	case COLUMN_CONTAINER:
		in.lookup = &r->container;
		break;
	case COLUMN_LOCAL:
		in.lookup = &r->local;
		break;
	case COLUMN_OUTCOME:
		in.lookup = &r->outcome;
		break;
	case COLUMN_ERROR:
		in.lookup = &r->error;
		break;
	case COLUMN_COUNT:
		if (r->source != SOURCE_TOTALS)
			in.kind = INPUT_COUNT;
		break;
	default:
		break;
	}
	if (in.lookup && r->source != SOURCE_VIEW) /* which says the names itself */
		in.kind = in.lookup == &r->outcome || in.lookup == &r->error ? INPUT_NAME
									     : INPUT_LOOKUP;
	return in;
}

/* Of one direction only, the port need not be chosen in each row. */
static const char *column_sql(const struct reader *r, int column)
{
	if (column == TOTALS_SERVICE_PORT && r->source == SOURCE_ROW && r->q->direction)
		return r->q->direction_number ? "c.local_port" : "c.peer_port";
	return totals_columns[column].sql[r->source];
}

/* The argument for @column, which may be that of another: three of a program are one id. */
static int append_argument(sqlite3_str *sql, const struct reader *r, int column,
			   const char **arguments, int *n)
{
	const char *argument = column_sql(r, column);
	int at = 1;

	while (at < *n && strcmp(arguments[at], argument) != 0)
		at++;
	if (at < *n)
		return at;
	sqlite3_str_appendf(sql, ", %s", argument);
	arguments[(*n)++] = argument;
	return at;
}

static void append_columns(sqlite3_str *sql, struct reader *r)
{
	const struct totals_shape *s = r->shape;
	const char *arguments[128];
	int n = 1, n_lists = 0;

	sqlite3_str_appendall(sql, "SELECT " ADD_ROW "(:reader");
	for (int i = 0; i < s->n_keys; i++) {
		r->keys[i] = input_of(r, s->keys[i]);
		r->keys[i].at = append_argument(sql, r, s->keys[i], arguments, &n);
	}
	for (int i = 0; i < s->n_values; i++) {
		r->values[i] = input_of(r, s->values[i]);
		r->values[i].at = append_argument(sql, r, s->values[i], arguments, &n);
		r->values[i].sum = r->sums->kinds[i];
		if (r->values[i].sum == SUM_LIST)
			r->values[i].list = n_lists++;
	}
	sqlite3_str_appendall(sql, ")");
}

static void append_condition(sqlite3_str *sql, const struct reader *r, int column, const char *name,
			     bool wanted)
{
	if (wanted)
		sqlite3_str_appendf(sql, " AND (%s) = %s", totals_columns[column].sql[r->source],
				    name);
}

/* ":peer_0, :peer_1"; of none, nothing. */
static void append_peers(sqlite3_str *sql, const struct reader *r)
{
	sqlite3_str_appendf(sql, " AND %s IN (", totals_columns[TOTALS_PEER_ADDR].sql[r->source]);
	for (int i = 0; i < r->q->n_peers; i++)
		sqlite3_str_appendf(sql, "%s:peer_%d", i ? ", " : "", i);
	sqlite3_str_appendall(sql, ")");
}

static char *statement(struct reader *r, const char *from, const char *where)
{
	const struct totals_question *q = r->q;
	sqlite3_str *sql = sqlite3_str_new(r->db);

	append_columns(sql, r);
	sqlite3_str_appendf(sql, " FROM %s WHERE %s", from, where);
	/* What comes next in the key of totals is of use only after a direction. */
	if (r->source == SOURCE_TOTALS && !q->direction &&
	    (q->peer_addr || q->peers || q->service_port))
		sqlite3_str_appendall(sql, " AND direction IN (0, 1)");
	append_condition(sql, r, TOTALS_DIRECTION, ":direction", q->direction);
	append_condition(sql, r, TOTALS_PEER_ADDR, ":peer_addr", q->peer_addr);
	if (q->peers)
		append_peers(sql, r);
	append_condition(sql, r, TOTALS_SERVICE_PORT, ":service_port", q->service_port);
	append_condition(sql, r, TOTALS_LOOPBACK, ":loopback", q->loopback);
	if (q->failed)
		sqlite3_str_appendf(sql, " AND %s", totals_columns[TOTALS_FAILED].sql[r->source]);
	return sqlite3_str_finish(sql);
}

static void bind_number(sqlite3_stmt *stmt, const char *name, int64_t number)
{
	sqlite3_bind_int64(stmt, sqlite3_bind_parameter_index(stmt, name), number);
}

static void bind_value(sqlite3_stmt *stmt, const char *name, sqlite3_value *value)
{
	if (value)
		sqlite3_bind_value(stmt, sqlite3_bind_parameter_index(stmt, name), value);
}

/* A name that the statement does not have has index 0, and binding that does nothing. */
static int prepare(struct reader *r, enum source source, const char *from, const char *where)
{
	const struct totals_question *q = r->q;
	char *sql;
	int rc;

	r->source = source;
	sql = statement(r, from, where);
	if (!sql)
		return SQLITE_NOMEM;
	rc = sqlite3_prepare_v2(r->db, sql, -1, &r->stmt, NULL);
	sqlite3_free(sql);
	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_pointer(r->stmt, sqlite3_bind_parameter_index(r->stmt, ":reader"), r, READER,
			     NULL);
	bind_number(r->stmt, ":since", q->since_us);
	bind_number(r->stmt, ":until", q->until_us);
	bind_number(r->stmt, ":starts_from", totals_starts_from(q));
	bind_number(r->stmt, ":starts_to", totals_starts_to(q));
	if (q->bucket_us)
		bind_number(r->stmt, ":bucket", q->bucket_us);
	bind_number(r->stmt, ":direction", q->direction_number);
	bind_value(r->stmt, ":peer_addr", q->peer_addr);
	for (int i = 0; i < q->n_peers && q->peers; i++) {
		char name[24];

		snprintf(name, sizeof(name), ":peer_%d", i);
		bind_value(r->stmt, name, q->peers[i]);
	}
	bind_value(r->stmt, ":service_port", q->service_port);
	bind_value(r->stmt, ":loopback", q->loopback);
	return SQLITE_OK;
}

static int drain(struct reader *r)
{
	int rc = sqlite3_step(r->stmt);

	sqlite3_reset(r->stmt);
	if (r->rc != SQLITE_OK)
		return r->rc;
	return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int done(struct reader *r, int rc)
{
	sqlite3_finalize(r->stmt);
	r->stmt = NULL;
	return rc;
}

#define STARTED_IN_WINDOW                                                                          \
	" AND :begin + start_us >= :starts_from AND :begin + start_us + start_span_us < :starts_to"

static const struct {
	const char *by_peer, *by_program, *all, *part;
} series[N_SERIES] = {
	[SERIES_HOURS] = {"main.hourly", "main.hourly_program", "hour = :at",
			  "hour = :at" STARTED_IN_WINDOW},
	[SERIES_RECENT] = {"main.recent", "main.recent_program", "slot = :at",
			   "slot = :at" STARTED_IN_WINDOW},
};

/* Interval by interval: only then is the direction a part of the key's range. */
static int read_intervals(struct reader *r, const struct totals_step *step)
{
	enum totals_series s = step->series;
	int rc = prepare(r, SOURCE_TOTALS,
			 totals_asks_for_peer(r->q) ? series[s].by_peer : series[s].by_program,
			 step->kind == STEP_TOTALS ? series[s].all : series[s].part);

	for (int64_t i = step->from; i < step->to && rc == SQLITE_OK; i++) {
		bind_number(r->stmt, ":at", i);
		bind_number(r->stmt, ":begin", i * totals_width_us[s]);
		rc = drain(r);
	}
	return done(r, rc);
}

static int read_range(struct reader *r, int64_t from, int64_t to, const char *where)
{
	int rc;

	if (from >= to)
		return SQLITE_OK;
	rc = prepare(r, SOURCE_ROW, "main.connection c", where);
	if (rc == SQLITE_OK) {
		bind_number(r->stmt, ":from", from);
		bind_number(r->stmt, ":to", to);
		rc = drain(r);
	}
	return done(r, rc);
}

#define STARTED_IN_TIME                                                                            \
	" AND c.id - c.duration_us >= :starts_from AND c.id - c.duration_us < :starts_to"

/* What ended before until_us started before it, too: nothing to be asked of each row. */
static int read_rows(struct reader *r, const struct totals_step *step)
{
	static const char all[] = "c.id >= :from AND c.id < :to";
	static const char part[] = "c.id >= :from AND c.id < :to" STARTED_IN_TIME;
	int64_t sure_to = step->to;
	int rc = SQLITE_OK;

	if (r->q->window == WINDOW_STARTED)
		sure_to = step->from;
	else if (r->q->window == WINDOW_ACTIVE && r->q->until_us < sure_to)
		sure_to = r->q->until_us > step->from ? r->q->until_us : step->from;
	rc = read_range(r, step->from, sure_to, all);
	return rc == SQLITE_OK ? read_range(r, sure_to, step->to, part) : rc;
}

/* As the view connections has them: their id is the moment of asking. */
static int read_open(struct reader *r)
{
	static const char like_connection[] =
		"(SELECT CAST((julianday('now') - 2440587.5) * 86400e6 AS INTEGER) AS id,"
		" CAST((julianday('now') - 2440587.5) * 86400e6 - start_us AS INTEGER)"
		" AS duration_us, direction, outcome, flags, peer_addr, peer_port, local_port,"
		" process_id, container_id, tx_bytes, rx_bytes, connect_us, retransmits"
		" FROM main.open_connection) c";
	int rc = SQLITE_OK;

	if (r->q->window == WINDOW_ENDED)
		return SQLITE_OK;
	rc = prepare(r, SOURCE_ROW, like_connection, "c.id >= :since" STARTED_IN_TIME);
	return done(r, rc == SQLITE_OK ? drain(r) : rc);
}

/* What no totals know: from the rows. What is open tells its names itself. */
static int read_all_rows(struct reader *r)
{
	static const char *const windows[] = {
		[WINDOW_ACTIVE] = "id >= :since AND id - duration_us < :until",
		[WINDOW_STARTED] = ("id >= :since AND id - duration_us >= :since"
				    " AND id - duration_us < :until"),
	};
	const struct totals_step all = {
		.kind = STEP_ROWS,
		.from = r->q->since_us,
		.to = r->q->window == WINDOW_ENDED ? r->q->until_us : INT64_MAX,
	};
	int rc = read_rows(r, &all);

	if (rc != SQLITE_OK || r->q->window == WINDOW_ENDED)
		return rc;
	rc = prepare(r, SOURCE_VIEW, "main.open_connections", windows[r->q->window]);
	return done(r, rc == SQLITE_OK ? drain(r) : rc);
}

static int read_plan(struct reader *r, char **message)
{
	struct totals_plan plan = {0};
	int rc = totals_plan(r->db, r->q, &plan, message);

	for (size_t i = 0; i < plan.n && rc == SQLITE_OK; i++)
		rc = plan.steps[i].kind == STEP_ROWS ? read_rows(r, &plan.steps[i])
						     : read_intervals(r, &plan.steps[i]);
	totals_plan_clear(&plan);
	return rc == SQLITE_OK ? read_open(r) : rc;
}

static void init_sums(struct sums *sums, const struct totals_shape *shape)
{
	sums->n_keys = shape->n_keys;
	sums->n_values = shape->n_values;
	for (int i = 0; i < shape->n_keys; i++)
		if (totals_is_text(shape->keys[i]) && shape->keys[i] != TOTALS_DIRECTION)
			sums->text_keys |= UINT64_C(1) << i;
	for (int i = 0; i < shape->n_values; i++) {
		enum column_kind kind = totals_columns[shape->values[i]].kind;

		sums->kinds[i] = kind == COLUMN_MIN    ? SUM_MIN
				 : kind == COLUMN_MAX  ? SUM_MAX
				 : kind == COLUMN_LIST ? SUM_LIST
						       : SUM_ADD;
	}
}

int totals_read(sqlite3 *db, const struct totals_question *q, const struct totals_shape *shape,
		struct sums *sums, char **message)
{
	struct reader r = {
		.db = db,
		.q = q,
		.shape = shape,
		.sums = sums,
		.process = {.size = 1 << 16,
			    .n_texts = 2,
			    .sql = "SELECT comm, exe, uid, p.pid FROM main.process p"
				   " LEFT JOIN main.program g ON g.id = p.program_id"
				   " WHERE p.id = ?1"},
		.program = {.size = 1 << 12,
			    .n_texts = 2,
			    .sql = "SELECT comm, exe, uid, NULL FROM main.program WHERE id = ?1"},
		.container = {.size = 1 << 12,
			      .n_texts = 3,
			      .sql = "SELECT name, container_id, pod, NULL FROM main.container"
				     " WHERE id = ?1"},
		.local = {.size = 1 << 8,
			  .n_texts = 1,
			  .sql = "SELECT addr, netns, NULL, NULL FROM main.local_address"
				 " WHERE id = ?1"},
		.outcome = {.size = 1 << 6, .n_texts = 1, .sql = lookup_outcome},
		.error = {.size = 1 << 8, .n_texts = 1, .sql = lookup_error},
	};
	int rc;

	init_sums(sums, shape);
	rc = totals_needs_rows(q->columns) ? read_all_rows(&r) : read_plan(&r, message);
	lookup_clear(&r.process);
	lookup_clear(&r.program);
	lookup_clear(&r.container);
	lookup_clear(&r.local);
	lookup_clear(&r.outcome);
	lookup_clear(&r.error);
	if (rc == SQLITE_OK)
		rc = lists_pack(sums);
	if (rc == SQLITE_OK)
		rc = sums_sort(sums, shape->n_order, shape->down);
	if (rc == SQLITE_RANGE)
		*message = sqlite3_mprintf("a sum is larger than 2^63");
	if (rc == SQLITE_FULL && sums->bytes) /* nothing is written here */
		*message = sqlite3_mprintf("the groups take more than %lld MiB of memory;"
					   " narrow the window, or use fewer columns",
					   (long long)(sums->max_bytes >> 20));
	return rc;
}
