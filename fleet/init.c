#include "init.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES 64 /* of a table, or of a column: our own */

struct run {
	struct server *server;
	const char *database;
	enum answer answer;
};

static enum answer ask(struct server *server, const char *sql, bool in_database, char **text,
		       struct err *err)
{
	enum answer answer = server_ask(server, sql, in_database, text, err);

	if (answer == ANSWER_FINE)
		(*text)[strcspn(*text, "\n")] = '\0';
	return answer;
}

static enum answer check_cluster(struct server *server, const char *cluster, struct err *err)
{
	char sql[200], *text = NULL;
	enum answer answer;

	snprintf(sql, sizeof(sql), "SELECT count() FROM system.clusters WHERE cluster = '%.100s'",
		 cluster);
	answer = ask(server, sql, false, &text, err);
	if (answer == ANSWER_FINE && strcmp(text, "0") == 0) {
		err_set(err, -ENOENT,
			"%s: knows no cluster '%s'; its configuration (remote_servers) names them",
			server_url(server), cluster);
		answer = ANSWER_WRONG;
	}
	free(text);
	return answer;
}

/* Whether @sql adds a column that is there: an earlier version's table lacks it. */
static bool is_done(struct run *run, const char *sql, struct err *err)
{
	char table[NAME_BYTES], column[NAME_BYTES], question[400], *text = NULL;
	bool is_there;

	if (sscanf(sql, "ALTER TABLE %63[a-z_] ADD COLUMN %63[a-z_]", table, column) != 2)
		return false;
	snprintf(question, sizeof(question),
		 "SELECT count() FROM system.columns WHERE database = '%.100s' AND table = '%s'"
		 " AND name = '%s'",
		 run->database, table, column);
	run->answer = ask(run->server, question, true, &text, err);
	is_there = run->answer == ANSWER_FINE && strcmp(text, "0") != 0;
	free(text);
	return is_there;
}

static int run_one(void *ctx, const char *sql, struct err *err)
{
	struct run *run = ctx;
	char *text = NULL;

	if (is_done(run, sql, err))
		return 0;
	if (run->answer != ANSWER_FINE)
		return err->code;
	run->answer = server_ask(run->server, sql, true, &text, err);
	free(text);
	return run->answer == ANSWER_FINE ? 0 : err->code;
}

static enum answer make_database(struct server *server, const char *name, struct err *err)
{
	char sql[200], *text = NULL;
	enum answer answer;

	snprintf(sql, sizeof(sql), "CREATE DATABASE IF NOT EXISTS %.100s", name);
	answer = ask(server, sql, false, &text, err);
	free(text);
	return answer;
}

/* The tables of a newer program are not this one's to change. */
static enum answer check_version(struct server *server, struct err *err)
{
	char *text = NULL;
	enum answer answer;
	int version;

	answer = ask(server,
		     "SELECT count() FROM system.tables WHERE database = currentDatabase()"
		     " AND name = 'schema'",
		     true, &text, err);
	if (answer == ANSWER_FINE && strcmp(text, "0") != 0) {
		free(text);
		answer = ask(server, "SELECT version FROM schema", true, &text, err);
	}
	version = answer == ANSWER_FINE ? atoi(text) : 0;
	free(text);
	if (answer != ANSWER_FINE || version <= INIT_SCHEMA_VERSION)
		return answer;
	err_set(err, -EPROTO,
		"%s: the tables of database '%s' are of version %d, this program's of %d; run --init "
		"of the newer connmon-forward",
		server_url(server), server_database(server), version, INIT_SCHEMA_VERSION);
	return ANSWER_WRONG;
}

enum answer init_run(struct server *server, struct dialect *layout, struct err *err)
{
	struct run run = {server, server_database(server), ANSWER_FINE};
	char *version = NULL;
	int ret;

	layout->database = server_database(server);
	if (dialect_check_name("database", layout->database, err) ||
	    (layout->cluster && dialect_check_name("cluster", layout->cluster, err)))
		return ANSWER_WRONG;
	run.answer = ask(server, "SELECT version()", false, &version, err);
	if (run.answer != ANSWER_FINE)
		return run.answer;
	ret = dialect_of(version, layout, err);
	free(version);
	if (ret) {
		err_wrap(err, "%s", server_url(server));
		return ANSWER_WRONG;
	}
	if (layout->cluster)
		run.answer = check_cluster(server, layout->cluster, err);
	if (run.answer == ANSWER_FINE)
		run.answer = make_database(server, layout->database, err);
	if (run.answer == ANSWER_FINE)
		run.answer = check_version(server, err);
	if (run.answer == ANSWER_FINE && dialect_statements(layout, run_one, &run, err) &&
	    run.answer == ANSWER_FINE)
		run.answer = ANSWER_LATER;
	return run.answer;
}
