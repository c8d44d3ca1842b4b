#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "escape.h"
#include "fleet.h"
#include "fleet_columns.h"
#include "fleet_sql.h"
#include "text.h"
#include "timespec.h"

/* "web-1, db-2 and 3 more": those that come first are the longest behind. */
static void add_name(struct coverage *c, const char *name)
{
	size_t used = strlen(c->behind);
	char safe[ESCAPED_SIZE(64)];

	if (c->n_behind > 3)
		return;
	escape_stored(name, strnlen(name, 64), safe, sizeof(safe));
	snprintf(c->behind + used, sizeof(c->behind) - used, "%s%s", used ? ", " : "", safe);
}

static int find_nodes(const struct fleet *fleet, sqlite3 *db, struct coverage *c, struct err *err)
{
	const int64_t silent_us = fleet->now_us - COVERAGE_SILENCE_US;
	const int64_t late_us = fleet->until_us < silent_us ? fleet->until_us : silent_us;
	AUTO_STMT *stmt = NULL;
	int rc, ret = db_prepare(
			db,
			"SELECT node, sent_us, begin_us FROM fleet_nodes ORDER BY sent_us, node",
			&stmt, err);

	if (ret)
		return ret;
	for (; (rc = sqlite3_step(stmt)) == SQLITE_ROW; c->n_nodes++) {
		const char *name = (const char *)sqlite3_column_text(stmt, 0);
		int64_t sent_us = sqlite3_column_int64(stmt, 1);
		int64_t begin_us = sqlite3_column_int64(stmt, 2);

		if (sent_us < late_us) {
			c->n_behind++;
			add_name(c, name ? name : "");
		}
		if (c->n_nodes == 0)
			c->last_write_us = timespec_is_moment(sent_us) ? sent_us : 0;
		c->n_later += begin_us > fleet->since_us;
		if (timespec_is_moment(begin_us) && begin_us &&
		    (!c->begin_us || begin_us < c->begin_us))
			c->begin_us = begin_us;
	}
	return rc == SQLITE_DONE ? 0 : err_set(err, db_errno(rc), "%s", sqlite3_errmsg(db));
}

/* The server keeps rows for a time only, and does not tell since when. */
static int find_older(const struct fleet *fleet, struct coverage *c, struct err *err)
{
	struct fleet_answer answer;
	char *sql = NULL;
	size_t size;
	FILE *f = text_open(&sql, &size);
	int ret;

	if (!f)
		return err_set(err, -ENOMEM, "no memory for the statement");
	fprintf(f, "SELECT 1 FROM " FLEET_ENDED " WHERE id < %lld", (long long)fleet->since_us);
	if (fleet->scope)
		fleet_write_node(f, fleet->scope);
	fputs(" LIMIT 1 FORMAT TabSeparated", f);
	if (fclose(f)) {
		free(sql);
		return err_set(err, -ENOMEM, "no memory for the statement");
	}
	ret = fleet_server_ask(fleet->server, sql, &answer, err);
	free(sql);
	c->has_nothing = !ret && answer.n == 0;
	fleet_answer_clear(&answer);
	return ret;
}

int fleet_coverage(const struct fleet *fleet, sqlite3 *db, struct coverage *out, struct err *err)
{
	struct coverage c = {.is_fleet = true, .loser_uid = -1};
	int ret = coverage_find_gaps(db, fleet->since_us, fleet->until_us, &c, err);

	if (!ret)
		ret = find_nodes(fleet, db, &c, err);
	if (!ret && c.begin_us && c.begin_us < fleet->since_us)
		ret = find_older(fleet, &c, err);
	if (ret) {
		if (fleet->err.code)
			*err = fleet->err;
		return err->code;
	}
	c.is_running = c.is_fresh = c.n_nodes && c.n_behind == 0;
	*out = c;
	return 0;
}
