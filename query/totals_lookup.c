#include "totals_lookup.h"

#include <string.h>

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

	*entry = (struct lookup_entry){.field = {SUMS_NULL, SUMS_NULL, SUMS_NULL}};
	sqlite3_bind_int64(l->stmt, 1, id);
	found = sqlite3_step(l->stmt);
	for (int i = 0; i < LOOKUP_FIELDS && found == SQLITE_ROW && rc == SQLITE_OK; i++)
		rc = read_field(l, sums, i, &entry->field[i]);
	sqlite3_reset(l->stmt);
	if (found != SQLITE_ROW && found != SQLITE_DONE)
		return found;
	if (rc == SQLITE_OK)
		entry->id = id;
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

int look_up(struct lookup *l, sqlite3 *db, struct sums *sums, int64_t id, int field, int64_t *code)
{
	struct lookup_entry *entry;
	int rc = SQLITE_OK;

	*code = SUMS_NULL;
	if (id == 0)
		return SQLITE_OK;
	if (!l->entries)
		rc = prepare(l, db);
	if (rc != SQLITE_OK)
		return rc;
	entry = &l->entries[(uint64_t)id & (l->size - 1)];
	if (entry->id != id)
		rc = find_names(l, sums, id, entry);
	*code = entry->field[field];
	return rc;
}

void lookup_clear(struct lookup *l)
{
	sqlite3_finalize(l->stmt);
	sqlite3_free(l->entries);
}
