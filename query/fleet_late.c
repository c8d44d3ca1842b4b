#include "fleet_late.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fleet_columns.h"
#include "fleet_sql.h"
#include "text.h"
#include "timespec.h"

/* A server takes 256 KiB of a statement, and a key is some 56 bytes. */
#define LATE_MAX 2000

#define RECENT_US (INT64_C(600) * US_PER_S)

int64_t fleet_recent_us(const struct fleet *fleet)
{
	return fleet->now_us - RECENT_US;
}

static char *statement(const struct fleet *fleet, int64_t until_us)
{
	char *sql = NULL;
	size_t size;
	FILE *f = text_open(&sql, &size);

	if (!f)
		return NULL;
	/* Twice is no harm: without FINAL it is quicker. */
	fprintf(f,
		"SELECT DISTINCT hex(toString(node_id)), toInt64(id) FROM " FLEET_ENDED
		" WHERE id >= %lld AND id < %lld AND id - duration_us < %lld",
		(long long)until_us, (long long)fleet_recent_us(fleet), (long long)until_us);
	if (fleet->scope)
		fleet_write_node(f, fleet->scope);
	fprintf(f, " LIMIT %d FORMAT TabSeparated", LATE_MAX + 1);
	if (fclose(f)) {
		free(sql);
		return NULL;
	}
	return sql;
}

/* Lines of a text in hexadecimal, a tab and a number: "('...',N),...". False when they
 * are something else. */
static bool write_keys(FILE *f, const char *line, int *n)
{
	static const char hex[] = "0123456789ABCDEF";

	for (*n = 0; *line; ++*n) {
		size_t len = strspn(line, hex), digits = 0;

		if (line[len] == '\t')
			digits = strspn(line + len + 1, "0123456789");
		if (!digits || line[len + 1 + digits] != '\n')
			return false;
		fputs(*n ? ",(" : "(", f);
		fleet_write_hex(f, line, len);
		fprintf(f, ",%.*s)", (int)digits, line + len + 1);
		line += len + digits + 2;
	}
	return true;
}

static int read_keys(struct fleet *fleet, const char *answer, struct err *err)
{
	size_t size;
	FILE *f;
	bool ok;
	int n;

	free(fleet->late);
	fleet->late = NULL;
	f = text_open(&fleet->late, &size);
	if (!f)
		return err_set(err, -ENOMEM, "no memory for the keys of connections");
	ok = write_keys(f, answer, &n);
	if (fclose(f))
		return err_set(err, -ENOMEM, "no memory for the keys of connections");
	if (!ok)
		return err_set(err, -EPROTO, "the fleet's answer is not what was asked for");
	if (n > LATE_MAX) {
		free(fleet->late);
		fleet->late = NULL;
	}
	return 0;
}

int fleet_late(struct fleet *fleet, int64_t until_us, const char **out, struct err *err)
{
	struct fleet_answer answer;
	char *sql;
	int ret = 0;

	if (!fleet->late_known || fleet->late_until_us != until_us) {
		sql = statement(fleet, until_us);
		if (!sql)
			return err_set(err, -ENOMEM, "no memory for the statement");
		ret = fleet_server_ask(fleet->server, sql, &answer, err);
		free(sql);
		if (!ret)
			ret = read_keys(fleet, answer.bytes, err);
		fleet_answer_clear(&answer);
		fleet->late_known = !ret;
		fleet->late_until_us = until_us;
	}
	*out = fleet->late;
	return ret;
}
