#include "fleet_failure.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "fleet_server.h"

int fleet_failure_too_long(struct err *err)
{
	return err_set(err, -E2BIG,
		       "the fleet's answer is larger than %lld MiB; narrow the window or the "
		       "filters",
		       (long long)(FLEET_ANSWER_MAX_BYTES >> 20));
}

/* ClickHouse's own numbers: dbms/src/Common/ErrorCodes.cpp. What has no words here is told in
 * the server's. */
static const struct {
	int code, err;
	const char *words;
} failures[] = {
	{81, -ENOENT, "there is no such database; name one with ?database=NAME"},
	{60, -ENOENT,
	 "the database has none of connmon's tables; connmon-forward --init makes them, or name "
	 "another with ?database=NAME"},
	{47, -EPROTO, "its tables are of another version of connmon"},
	{16, -EPROTO, "its tables are of another version of connmon"},
	{8, -EPROTO, "its tables are of another version of connmon"},
	{192, -EACCES,
	 "user or password is wrong; write http://USER@HOST, or set CLICKHOUSE_USER "
	 "and CLICKHOUSE_PASSWORD"},
	{193, -EACCES, "user or password is wrong; set CLICKHOUSE_USER and CLICKHOUSE_PASSWORD"},
	{194, -EACCES, "the user needs a password; set CLICKHOUSE_PASSWORD"},
	{516, -EACCES, "user or password is wrong; set CLICKHOUSE_USER and CLICKHOUSE_PASSWORD"},
	{195, -EACCES, "the user may not come from this address"},
	{291, -EACCES, "the user may not read this database"},
	{497, -EACCES, "the user may not read connmon's tables"},
	{159, -ETIMEDOUT, "it took too long; narrow the window, or raise --timeout"},
	{160, -ETIMEDOUT, "it would take too long; narrow the window, or raise --timeout"},
	{202, -EBUSY, "the server is too busy; ask again later"},
	{201, -EBUSY, "the user's quota is used up; ask again later"},
	{241, -ENOMEM, "it needs more memory than the server gives; narrow the window"},
	{164, -EPERM, "only what reads can be asked; the history is read-only"},
	{396, -E2BIG, NULL},
};

/* "Code: 60, e.displayText() = DB::Exception: Table default.x doesn't exist., e.what() = ..." */
static void own_words(const char *text, char *out, size_t size)
{
	static const char before[] = "DB::Exception: ";
	const char *at = strstr(text, before), *end;

	at = at ? at + strlen(before) : text;
	if (!strncmp(at, before, strlen(before)))
		at += strlen(before);
	end = strstr(at, ", e.what()");
	if (!end)
		end = at + strcspn(at, "\n");
	snprintf(out, size, "%.*s", (int)(end - at < 380 ? end - at : 380), at);
	for (char *p = out; *p; p++)
		if (*p == '\n' || *p == '\r' || *p == '\t')
			*p = ' ';
}

/* No such table, no such column: those of ours, or what the user wrote. */
static bool is_of_names(int code)
{
	return code == 60 || code == 47 || code == 16 || code == 8;
}

int fleet_failure(const char *server, const char *text, int code, bool is_own, struct err *err)
{
	char words[400];

	own_words(text, words, sizeof(words));
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		if (failures[i].code != code || (is_own && is_of_names(code)))
			continue;
		if (failures[i].words)
			return err_set(err, failures[i].err, "%s: %s", server, failures[i].words);
		/* The bound in rows is not ours, but the profile's. */
		if (!strstr(words, "max rows"))
			return fleet_failure_too_long(err);
		return err_set(err, -E2BIG, "%s: %s; narrow the window or the filters", server,
			       words);
	}
	return err_set(err, -EINVAL, "%s: %s", server, words);
}
