/* The first questions to a server: is it one of ours, how far is this node, is there another one
 * of the same id. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "forward_parts.h"
#include "init.h"

#define UNKEPT_US   (60 * US_PER_S) /* a row of nodes sent before a crash, its state not written */
#define ID_BYTES    64
#define NAME_BYTES  256
#define OPEN_PAGE   50000 /* rows: some 2 MiB */
#define OPEN_OLD_US (12 * 3600 * US_PER_S)
#define SHOWN_BYTES 64 /* of a name */

static enum forward_step ask_version(struct forward *f, struct err *err)
{
	char *text = NULL, *tab;
	int64_t before_us = forward_now_us(), after_us;
	enum answer answer =
		server_ask(f->server,
			   "SELECT version(), toUnixTimestamp(now()) FORMAT TabSeparated", false,
			   &text, err);
	int ret;

	if (answer != ANSWER_FINE)
		return forward_judge(f, answer);
	after_us = forward_now_us();
	tab = strchr(text, '\t');
	ret = dialect_of(text, &f->dialect, err);
	if (ret || !tab) {
		free(text);
		err_wrap(err, "%s", server_url(f->server));
		return FORWARD_WRONG;
	}
	/* The server's is cut to a second. */
	f->state.skew_us =
		strtoll(tab, NULL, 10) * US_PER_S + US_PER_S / 2 - (before_us + after_us) / 2;
	free(text);
	return FORWARD_IDLE;
}

/* One number, 0 when nothing is answered. */
static enum forward_step ask_number(struct forward *f, const char *sql, int64_t *out,
				    struct err *err)
{
	char *text = NULL;
	enum answer answer = server_ask(f->server, sql, true, &text, err);

	if (answer != ANSWER_FINE)
		return forward_judge(f, answer);
	*out = strtoll(text, NULL, 10);
	free(text);
	return FORWARD_IDLE;
}

static enum forward_step check_schema(struct forward *f, struct err *err)
{
	int64_t version = 0;
	enum forward_step step = ask_number(f, "SELECT version FROM schema", &version, err);

	if (step != FORWARD_IDLE || version == INIT_SCHEMA_VERSION)
		return step;
	err_set(err, -EPROTO,
		"%s: the tables of database '%s' are of version %" PRId64
		", this program's of %d; %s",
		server_url(f->server), server_database(f->server), version, INIT_SCHEMA_VERSION,
		version < INIT_SCHEMA_VERSION ? "run connmon-forward --init, which keeps their rows"
					      : "install a newer connmon here");
	return FORWARD_WRONG;
}

/* ---- two of one id ---- */

struct twin {
	char name[NAME_BYTES], boot_id[ID_BYTES], instance[ID_BYTES];
	int64_t at_us, now_s; /* by the server's clock */
	int64_t version_us;   /* by its own */
};

/* Of hex digits; what does not fit is left out. */
static void parse_name(const char *hex, char out[NAME_BYTES])
{
	size_t n = 0;
	unsigned byte;

	for (; n < NAME_BYTES - 1 && hex[2 * n] != '\t' && sscanf(hex + 2 * n, "%2x", &byte) == 1;
	     n++)
		out[n] = (char)byte;
	out[n] = '\0';
}

static bool parse_twin(const char *text, struct twin *t)
{
	const char *tab = strchr(text, '\t');

	parse_name(text, t->name);
	return tab && sscanf(tab, "\t%63[^\t]\t%63[^\t]\t%" SCNd64 "\t%" SCNd64 "\t%" SCNd64,
			     t->boot_id, t->instance, &t->at_us, &t->now_s, &t->version_us) == 5;
}

static bool is_another(const struct forward *f, const struct twin *t)
{
	const bool is_boot = strcmp(t->boot_id, f->boot_id) == 0;

	/* Whoever sends now has said so since. */
	if (t->now_s * US_PER_S - t->at_us > 2 * forward_node_every_us(f))
		return false;
	/* It has our state file, too: a copy of the disk, or this node before it started anew. But
	 * all that this node sent before is no newer than its state. */
	if (strcmp(t->instance, f->state.instance) == 0)
		return !is_boot && t->version_us > f->began_us + UNKEPT_US;
	/* The same node lost its state file. */
	return !is_boot || strcmp(t->name, f->o->node.name) != 0;
}

enum forward_step forward_look_for_twin(struct forward *f, struct err *err)
{
	char sql[320], *text = NULL, shown[ESCAPED_SIZE(SHOWN_BYTES)];
	struct twin twin;
	enum answer answer;
	bool is_twin;

	snprintf(
		sql, sizeof(sql),
		"SELECT hex(node), boot_id, instance, at_us + skew_us, toUnixTimestamp(now()), at_us"
		" FROM nodes WHERE node_id = '%s' ORDER BY at_us DESC LIMIT 1 FORMAT TabSeparated",
		f->o->node.id);
	answer = server_ask(f->server, sql, true, &text, err);
	if (answer != ANSWER_FINE)
		return forward_judge(f, answer);
	is_twin = parse_twin(text, &twin) && is_another(f, &twin);
	free(text);
	if (!is_twin)
		return FORWARD_IDLE;
	escape_text(twin.name, strnlen(twin.name, SHOWN_BYTES), shown, sizeof(shown));
	err_set(err, -EEXIST,
		"another node, '%s', sends under this one's id %s: give one of them a machine id of "
		"its own (systemd-machine-id-setup), or --node ID",
		shown, f->o->node.id);
	if (!f->o->is_named) {
		f->is_asked = false; /* nothing is sent until it is gone */
		return FORWARD_WRONG;
	}
	forward_note(f, "%s", err->msg);
	return FORWARD_IDLE;
}

/* ---- how far this node is ---- */

/* What the server has may be of an earlier file, by a clock that was ahead: then all of the present
 * one is sent, for a row that comes twice counts once. */
static enum forward_step check_file(struct forward *f, struct err *err)
{
	struct source_facts facts;

	if (source_ask(f->source, f->state.last_id, &facts, err))
		return FORWARD_LOST;
	if (facts.newest_id >= f->state.last_id || facts.pruned_until > f->state.last_id)
		return FORWARD_IDLE;
	f->state.last_id = f->state.hour = 0;
	forward_note(f,
		     "%s: the server has newer connections of this node than are in it; all that "
		     "are in it are sent",
		     f->o->db);
	return FORWARD_IDLE;
}

static enum forward_step ask_progress(struct forward *f, struct err *err)
{
	char sql[200];
	enum forward_step step;

	snprintf(sql, sizeof(sql), "SELECT max(id) FROM connections WHERE node_id = '%s'",
		 f->o->node.id);
	step = ask_number(f, sql, &f->state.last_id, err);
	if (step != FORWARD_IDLE)
		return step;
	snprintf(sql, sizeof(sql),
		 "SELECT intDiv(toUnixTimestamp(max(hour)), 3600) FROM hourly WHERE node_id = '%s'",
		 f->o->node.id);
	step = ask_number(f, sql, &f->state.hour, err);
	if (step != FORWARD_IDLE)
		return step;
	/* What is sent now is to be newer than all before it, whatever the clock was then. */
	snprintf(sql, sizeof(sql), "SELECT max(at_us) FROM nodes WHERE node_id = '%s'",
		 f->o->node.id);
	step = ask_number(f, sql, &f->state.version_us, err);
	return step == FORWARD_IDLE ? check_file(f, err) : step;
}

/* The lines "id start seen" of @text; *@after and *@start_us become those of the last one. */
static int know_open(struct forward *f, const char *text, int64_t *after, int64_t *start_us,
		     int *rows)
{
	int ret = 0;

	for (*rows = 0; *text && !ret; ++*rows) {
		char *rest;

		*after = strtoll(text, &rest, 10);
		*start_us = strtoll(rest, &rest, 10);
		ret = opened_know(f->opened, *after, *start_us, strtoll(rest, &rest, 10));
		text = rest + strcspn(rest, "\n");
		text += *text == '\n';
	}
	return ret;
}

/* Rows that were sent long ago count as never seen, so that they are sent again: today's servers
 * delete what is a week old (clickhouse/1_connections.sql), and one that is idle stays as it was.
 */
static enum forward_step ask_open(struct forward *f, struct err *err)
{
	const int64_t old_us = forward_now_us() - OPEN_OLD_US;
	char sql[480], *text = NULL;
	int64_t after = -1, start_us = -1;
	int rows = OPEN_PAGE, ret = 0;

	opened_clear(f->opened);
	while (rows == OPEN_PAGE && !ret) {
		enum answer answer;

		snprintf(sql, sizeof(sql),
			 "SELECT open_id, start_us, if(sent_us < %" PRId64 ", 0, seen_us)"
			 " FROM open_connections FINAL WHERE node_id = '%s' AND (open_id > %" PRId64
			 " OR open_id = %" PRId64 " AND start_us > %" PRId64 ") AND is_over = 0"
			 " ORDER BY open_id, start_us LIMIT %d FORMAT TabSeparated",
			 old_us, f->o->node.id, after, after, start_us, OPEN_PAGE);
		answer = server_ask(f->server, sql, true, &text, err);
		if (answer != ANSWER_FINE)
			return forward_judge(f, answer);
		ret = know_open(f, text, &after, &start_us, &rows);
		free(text);
	}
	if (ret) {
		err_set(err, ret, "no memory for open connections");
		return FORWARD_LOST;
	}
	return FORWARD_IDLE;
}

enum forward_step forward_greet(struct forward *f, struct err *err)
{
	enum forward_step step = ask_version(f, err);

	f->is_ahead = false; /* what is open may be asked anew */
	if (step == FORWARD_IDLE)
		step = check_schema(f, err);
	if (step == FORWARD_IDLE)
		step = forward_look_for_twin(f, err);
	if (step == FORWARD_IDLE && f->is_fresh) {
		step = ask_progress(f, err);
		f->is_fresh = step != FORWARD_IDLE;
	}
	if (step == FORWARD_IDLE && !f->is_known) {
		step = ask_open(f, err);
		f->is_known = step == FORWARD_IDLE;
		f->known_at_us = forward_now_us();
	}
	f->is_asked = step == FORWARD_IDLE;
	return step;
}
