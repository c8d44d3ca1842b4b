#include "container_state.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * The files are JSON, and SQLite, which we link anyway, reads JSON well: each kind has a
 * statement that makes name and pod of the text ?1 and the container's id ?2.
 */
static const char *const statements[STATE_KINDS] = {
	/* Kubernetes names its containers to docker, too, by labels. */
	[STATE_DOCKER_CONFIG] =
		"SELECT coalesce(label ->> '$.\"io.kubernetes.container.name\"', ltrim(name, '/')),"
		" label ->> '$.\"io.kubernetes.pod.namespace\"' || '/' ||"
		" (label ->> '$.\"io.kubernetes.pod.name\"')"
		" FROM (SELECT ?1 ->> '$.Name' AS name, ?1 -> '$.Config.Labels' AS label)",
	/* Annotations of containerd's CRI, of CRI-O, of nerdctl. */
	[STATE_OCI_CONFIG] =
		"SELECT coalesce(a ->> '$.\"io.kubernetes.cri.container-name\"',"
		" a ->> '$.\"io.kubernetes.container.name\"', a ->> '$.\"nerdctl/name\"'),"
		" coalesce(a ->> '$.\"io.kubernetes.cri.sandbox-namespace\"' || '/' ||"
		" (a ->> '$.\"io.kubernetes.cri.sandbox-name\"'),"
		" a ->> '$.\"io.kubernetes.pod.namespace\"' || '/' ||"
		" (a ->> '$.\"io.kubernetes.pod.name\"'))"
		" FROM (SELECT ?1 -> '$.annotations' AS a)",
	[STATE_STORAGE_LIST] = ("SELECT value ->> '$.names[0]', NULL FROM json_each(?1)"
				" WHERE value ->> '$.id' = ?2"),
};

struct state_reader {
	sqlite3 *db; /* in memory and empty */
	sqlite3_stmt *stmts[STATE_KINDS];
};

struct state_reader *state_reader_new(void)
{
	struct state_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	if (sqlite3_open(":memory:", &r->db) != SQLITE_OK)
		goto fail;
	for (int i = 0; i < STATE_KINDS; i++)
		if (sqlite3_prepare_v2(r->db, statements[i], -1, &r->stmts[i], NULL) != SQLITE_OK)
			goto fail;
	return r;
fail:
	state_reader_free(r);
	return NULL;
}

void state_reader_free(struct state_reader *r)
{
	if (!r)
		return;
	for (int i = 0; i < STATE_KINDS; i++)
		sqlite3_finalize(r->stmts[i]);
	sqlite3_close(r->db);
	free(r);
}

static void copy_column(sqlite3_stmt *stmt, int column, char *to, size_t size)
{
	const unsigned char *text = sqlite3_column_text(stmt, column);

	if (text && *text)
		snprintf(to, size, "%s", (const char *)text);
}

bool state_read(struct state_reader *r, enum state_kind kind, const char *text, size_t len,
		struct container_facts *facts)
{
	sqlite3_stmt *stmt = r->stmts[kind];
	bool found;

	sqlite3_bind_text(stmt, 1, text, (int)len, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, facts->id, -1, SQLITE_STATIC);
	found = sqlite3_step(stmt) == SQLITE_ROW; /* an error: it is no JSON */
	if (found) {
		copy_column(stmt, 0, facts->name, sizeof(facts->name));
		copy_column(stmt, 1, facts->pod, sizeof(facts->pod));
	}
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return found;
}
