#include "totals_lookup.h"

#include <string.h>

/* As the view ended_connections has them: it is tested that they are the same. */
const char lookup_outcome[] =
	"SELECT CASE ?1 WHEN 0 THEN 'connecting' WHEN 1 THEN 'open' WHEN 2 THEN "
	"'closed' WHEN 3 THEN 'reset_by_peer' WHEN 4 THEN 'reset_by_us' WHEN 5 "
	"THEN 'timed_out' WHEN 6 THEN 'never_accepted' WHEN 7 THEN 'killed' "
	"WHEN 8 THEN 'lost' WHEN 16 THEN 'refused' WHEN 17 THEN 'timeout' WHEN "
	"18 THEN 'unreachable' WHEN 19 THEN 'cancelled' WHEN 20 THEN 'no_port' "
	"WHEN 21 THEN 'denied' ELSE 'error' END, NULL, NULL, NULL";

const char lookup_error[] =
	"SELECT CASE ?1 WHEN 1 THEN 'EPERM' WHEN 11 THEN 'EAGAIN' WHEN 12 THEN "
	"'ENOMEM' WHEN 13 THEN 'EACCES' WHEN 22 THEN 'EINVAL' WHEN 32 THEN "
	"'EPIPE' WHEN 64 THEN 'ENONET' WHEN 71 THEN 'EPROTO' WHEN 90 THEN "
	"'EMSGSIZE' WHEN 92 THEN 'ENOPROTOOPT' WHEN 99 THEN 'EADDRNOTAVAIL' "
	"WHEN 100 THEN 'ENETDOWN' WHEN 101 THEN 'ENETUNREACH' WHEN 103 THEN "
	"'ECONNABORTED' WHEN 104 THEN 'ECONNRESET' WHEN 105 THEN 'ENOBUFS' WHEN "
	"110 THEN 'ETIMEDOUT' WHEN 111 THEN 'ECONNREFUSED' WHEN 112 THEN "
	"'EHOSTDOWN' WHEN 113 THEN 'EHOSTUNREACH' ELSE CAST(?1 AS TEXT) END, "
	"NULL, NULL, NULL";

int lookup_text(struct sums *sums, sqlite3_value *value, int64_t *code)
{
	const char *text = (const char *)sqlite3_value_text(value);

	if (text)
		return sums_text(sums, text, (size_t)sqlite3_value_bytes(value), code);
	*code = SUMS_NULL;
	return sqlite3_value_type(value) == SQLITE_NULL ? SQLITE_OK : SQLITE_NOMEM;
}

int64_t lookup_number(sqlite3_value *value)
{
	int64_t number = sqlite3_value_int64(value);

	if (number == 0 && sqlite3_value_type(value) == SQLITE_NULL)
		return SUMS_NULL;
	return number;
}

static int read_field(struct lookup *l, struct sums *sums, int i, int64_t *code)
{
	/* Safe in one thread only; whoever asks holds the connection meanwhile. */
	sqlite3_value *value = sqlite3_column_value(l->stmt, i);

	if (i < l->n_texts)
		return lookup_text(sums, value, code);
	*code = lookup_number(value);
	return SQLITE_OK;
}

static int find_names(struct lookup *l, struct sums *sums, int64_t id, struct lookup_entry *entry)
{
	int found, rc = SQLITE_OK;

	*entry = (struct lookup_entry){.field = {SUMS_NULL, SUMS_NULL, SUMS_NULL, SUMS_NULL}};
	sqlite3_bind_int64(l->stmt, 1, id);
	found = sqlite3_step(l->stmt);
	for (int i = 0; i < LOOKUP_FIELDS && found == SQLITE_ROW && rc == SQLITE_OK; i++)
		rc = read_field(l, sums, i, &entry->field[i]);
	sqlite3_reset(l->stmt);
	if (found != SQLITE_ROW && found != SQLITE_DONE)
		return found;
	entry->id = id;
	entry->used = rc == SQLITE_OK;
	return rc;
}

static int prepare(struct lookup *l, sqlite3 *db)
{
	size_t bytes = l->size * sizeof(*l->entries);

	l->entries = sqlite3_malloc64(bytes);
	if (!l->entries)
		return SQLITE_NOMEM;
	memset(l->entries, 0, bytes);
	return sqlite3_prepare_v2(db, l->sql, -1, &l->stmt, NULL);
}

static int find_code(struct lookup *l, sqlite3 *db, struct sums *sums, int64_t id, int field,
		     int64_t *code)
{
	struct lookup_entry *entry;
	int rc = SQLITE_OK;

	*code = SUMS_NULL;
	if (!l->entries)
		rc = prepare(l, db);
	if (rc != SQLITE_OK)
		return rc;
	entry = &l->entries[(uint64_t)id & (l->size - 1)];
	if (entry->id != id || !entry->used)
		rc = find_names(l, sums, id, entry);
	*code = entry->field[field];
	return rc;
}

int look_up(struct lookup *l, sqlite3 *db, struct sums *sums, int64_t id, int field, int64_t *code)
{
	*code = SUMS_NULL;
	return id ? find_code(l, db, sums, id, field, code) : SQLITE_OK;
}

int look_up_number(struct lookup *l, sqlite3 *db, struct sums *sums, sqlite3_value *value,
		   int64_t *code)
{
	int64_t number = lookup_number(value);

	*code = SUMS_NULL;
	return number != SUMS_NULL ? find_code(l, db, sums, number, 0, code) : SQLITE_OK;
}

void lookup_clear(struct lookup *l)
{
	sqlite3_finalize(l->stmt);
	sqlite3_free(l->entries);
}
