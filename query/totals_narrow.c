#include "totals_narrow.h"

#include <string.h>

#include "totals_column.h"

/* A value of another type than the column's may still be equal: SQLite looks at each row. */
void totals_narrow(struct totals_question *q, int column, sqlite3_value *value)
{
	int type = sqlite3_value_type(value);
	const char *text = type == SQLITE_TEXT ? (const char *)sqlite3_value_text(value) : NULL;

	if (column == TOTALS_DIRECTION && text && (!strcmp(text, "out") || !strcmp(text, "in"))) {
		q->direction = value;
		q->direction_number = !strcmp(text, "in");
	} else if (column == TOTALS_PEER_ADDR && text) {
		q->peer_addr = value;
	} else if (type == SQLITE_INTEGER) {
		if (column == TOTALS_SERVICE_PORT)
			q->service_port = value;
		else if (column == TOTALS_LOOPBACK)
			q->loopback = value;
		else if (column == TOTALS_FAILED)
			q->failed = sqlite3_value_int64(value) == 1;
	}
}

/* As many as are sought quicker than all are read. */
#define PEERS_MAX 1000

int totals_narrow_peers(struct totals_question *q, struct totals_peers *out, sqlite3_value *list)
{
	sqlite3_value *peer = NULL;
	int rc = SQLITE_OK;

	out->values = sqlite3_malloc64(PEERS_MAX * sizeof(*out->values));
	if (!out->values)
		return SQLITE_NOMEM;
	for (rc = sqlite3_vtab_in_first(list, &peer); rc == SQLITE_OK && peer;
	     rc = sqlite3_vtab_in_next(list, &peer)) {
		/* What is no text may still be equal to one. */
		if (out->n == PEERS_MAX || sqlite3_value_type(peer) != SQLITE_TEXT)
			return SQLITE_OK;
		out->values[out->n] = sqlite3_value_dup(peer);
		if (!out->values[out->n])
			return SQLITE_NOMEM;
		out->n++;
	}
	if (rc != SQLITE_DONE)
		return rc;
	q->peers = out->values;
	q->n_peers = out->n;
	return SQLITE_OK;
}

void totals_peers_clear(struct totals_peers *peers)
{
	for (int i = 0; i < peers->n; i++)
		sqlite3_value_free(peers->values[i]);
	sqlite3_free(peers->values);
	*peers = (struct totals_peers){0};
}
