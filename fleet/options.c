#include "options.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db.h"
#include "suggest.h"

#define MACHINE_ID  "/etc/machine-id"
#define LEAST_BATCH 1
#define MOST_BATCH  1000000 /* a server takes as many in one piece: max_insert_block_size */
#define METRICS_END ".prom"

const char *argp_program_version = "connmon-forward " CONNMON_VERSION;
error_t argp_err_exit_status = 2;

enum {
	OPT_TO = 256,
	OPT_CA,
	OPT_STATE,
	OPT_ONCE,
	OPT_BATCH,
	OPT_EVERY,
	OPT_NODE,
	OPT_NODE_NAME,
	OPT_INIT,
	OPT_CLUSTER,
	OPT_REPLICATED,
	OPT_KEEP,
	OPT_KEEP_TOTALS,
	OPT_STATUS,
	OPT_METRICS,
};

/* To add an option: a row here, a case in parse_one(), a line in the man page. */
static const struct argp_option rows[] = {
	{"db", 'd', "FILE", 0, "The node's database ($CONNMON_DB, else " DB_DEFAULT_PATH ")", 0},
	{"to", OPT_TO, "URL", 0,
	 "The server: http[s]://host:port/?database=connmon ($CONNMON_FORWARD_TO); user and password "
	 "in it, or in $CLICKHOUSE_USER and $CLICKHOUSE_PASSWORD",
	 0},
	{"ca", OPT_CA, "FILE", 0,
	 "Trust these certificates instead of the system's ($CONNMON_FORWARD_CA)", 0},
	{"state", OPT_STATE, "FILE", 0, "Where it keeps how far it is (" OPTIONS_STATE ")", 0},
	{"once", OPT_ONCE, NULL, 0, "Send what is there, and end", 0},
	{"every", OPT_EVERY, "SECONDS", 0, "Look for something new this often (5)", 0},
	{"batch", OPT_BATCH, "N", 0, "Send at most so many connections at once (50000)", 0},
	{"node", OPT_NODE, "ID", 0,
	 "Send as the node of this id, 32 hex digits (that of " MACHINE_ID ")", 0},
	{"node-name", OPT_NODE_NAME, "NAME", 0, "and of this name (the host's)", 0},
	{"metrics", OPT_METRICS, "FILE", 0,
	 "Write metrics for node_exporter's textfile collector to FILE, which ends in .prom", 0},
	{"status", OPT_STATUS, NULL, 0, "Say how far it is, and end", 0},
	{"init", OPT_INIT, NULL, 0, "Make the database and its tables on the server, and end", 0},
	{"cluster", OPT_CLUSTER, "NAME", 0,
	 "With --init, on each of its servers: spread nodes over the shards of this cluster", 0},
	{"replicated", OPT_REPLICATED, NULL, 0,
	 "With --init: tables that ClickHouse keeps the same on all replicas of a shard", 0},
	{"keep", OPT_KEEP, "DAYS", 0,
	 "With --init, of servers from 20.8 on: rows go when they are so old (90)", 0},
	{"keep-totals", OPT_KEEP_TOTALS, "DAYS", 0,
	 "Likewise hourly totals, processes, names (730)", 0},
	{0},
};

static bool parse_number(const char *text, int64_t least, int64_t most, int64_t *out)
{
	char *end;
	long long n = strtoll(text, &end, 10);

	if (end == text || *end || n < least || n > most || text[0] == ' ')
		return false;
	*out = n;
	return true;
}

static void take_number(struct argp_state *state, const char *name, const char *text, int64_t least,
			int64_t most, int64_t *out)
{
	if (!parse_number(text, least, most, out))
		argp_error(state, "--%s: '%s' is no number from %lld to %lld", name, text,
			   (long long)least, (long long)most);
}

/* Everybody may read the arguments of a process. */
static const char *take_secret(struct argp_state *state, char *url)
{
	char *copy = strdup(url), *begin = strstr(url, "://");
	char *end = begin ? begin + 3 + strcspn(begin + 3, "/?#") : NULL;

	if (!copy)
		argp_failure(state, EXIT_FAILURE, ENOMEM, "--to");
	for (char *at = end; at && at > begin; at--)
		if (*at == '@') {
			memset(begin + 3, '*', (size_t)(at - begin - 3));
			break;
		}
	return copy ? copy : url;
}

static bool is_id(const char *text)
{
	return strlen(text) == STATE_ID_BYTES - 1 &&
	       strspn(text, "0123456789abcdef") == STATE_ID_BYTES - 1;
}

static void take_id(struct argp_state *state, struct options *o, const char *text)
{
	if (!is_id(text))
		argp_error(state, "--node: '%s' is no id of 32 digits 0-9a-f", text);
	snprintf(o->node_id, sizeof(o->node_id), "%s", text);
	o->is_named = true;
}

/* ClickHouse's DateTime ends in 2106: what a TTL adds beyond it begins again in 1970, and is over.
 */
#define MOST_DAYS 10000

static void parse_days(struct argp_state *state, const char *name, const char *text, int *out)
{
	int64_t days = 0;

	take_number(state, name, text, 1, MOST_DAYS, &days);
	*out = (int)days;
}

static bool is_metrics(const char *path)
{
	size_t n = strlen(path), end = strlen(METRICS_END);

	return n > end && strcmp(path + n - end, METRICS_END) == 0;
}

/* Who it is, unless it was told. */
static void know_self(struct argp_state *state, struct options *o)
{
	FILE *in;

	if (!o->node_name[0] && gethostname(o->node_name, sizeof(o->node_name) - 1) != 0)
		strcpy(o->node_name, "unknown");
	if (o->node_id[0] || o->task != TASK_SEND)
		return;
	in = fopen(MACHINE_ID, "re");
	if (in) {
		if (!fgets(o->node_id, sizeof(o->node_id), in))
			o->node_id[0] = '\0';
		fclose(in);
	}
	if (!is_id(o->node_id))
		argp_error(state,
			   MACHINE_ID " holds no id: make one (systemd-machine-id-setup), or "
				      "add --node ID");
}

static void check(struct argp_state *state, struct options *o)
{
	if (!o->to)
		o->to = getenv("CONNMON_FORWARD_TO");
	if ((!o->to || !*o->to) && o->task != TASK_STATUS)
		argp_error(state,
			   "--to is missing; write for example http://host:8123/?database=connmon");
	if (!o->ca && getenv("CONNMON_FORWARD_CA") && *getenv("CONNMON_FORWARD_CA"))
		o->ca = getenv("CONNMON_FORWARD_CA");
	if (o->task != TASK_INIT && (o->cluster || o->replicated))
		argp_error(state, "--cluster and --replicated are for --init");
	know_self(state, o);
}

/* Whether getopt takes @n bytes of @word for an option: a name, or how one begins. *@has_value:
 * something else follows. */
static bool is_option(const char *word, size_t n, bool *has_value)
{
	static const char *const argps[] = {"help", "usage", "version"};

	*has_value = false;
	for (const struct argp_option *o = rows; o->name; o++)
		if (strncmp(o->name, word, n) == 0) {
			*has_value = o->arg && word[n] != '=';
			return true;
		}
	for (size_t i = 0; i < sizeof(argps) / sizeof(argps[0]); i++)
		if (strncmp(argps[i], word, n) == 0)
			return true;
	return false;
}

/* Says which option is near the first that is none; argp would only say that it is none. */
static void check_names(struct argp_state *state)
{
	for (int i = 1; i < state->argc && strcmp(state->argv[i], "--") != 0; i++) {
		const char *arg = state->argv[i];
		char word[64];
		struct suggestion s = {.word = word + 2};
		bool has_value = false;

		if (strncmp(arg, "--", 2) != 0)
			continue;
		if (is_option(arg + 2, strcspn(arg + 2, "="), &has_value)) {
			i += has_value;
			continue;
		}
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(arg, "="), arg);
		for (const struct argp_option *o = rows; o->name; o++)
			suggest_try(&s, o->name);
		if (s.best)
			argp_error(state, "there is no option %s; did you mean --%s?", word,
				   s.best);
	}
}

static error_t parse_one(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	int64_t seconds = 0;

	switch (key) {
	case ARGP_KEY_INIT:
		state->name = program_invocation_short_name; /* argp has none yet */
		check_names(state);
		break;
	case 'd':
		o->db = arg;
		break;
	case OPT_TO:
		o->to = take_secret(state, arg);
		break;
	case OPT_CA:
		o->ca = arg;
		break;
	case OPT_STATE:
		o->state = arg;
		break;
	case OPT_ONCE:
		o->once = true;
		break;
	case OPT_EVERY:
		take_number(state, "every", arg, 1, 3600, &seconds);
		o->every_ms = seconds * 1000;
		break;
	case OPT_BATCH:
		take_number(state, "batch", arg, LEAST_BATCH, MOST_BATCH, &o->batch);
		break;
	case OPT_NODE:
		take_id(state, o, arg);
		break;
	case OPT_NODE_NAME:
		if (!*arg || (size_t)snprintf(o->node_name, sizeof(o->node_name), "%s", arg) >=
				     sizeof(o->node_name))
			argp_error(state, "--node-name: 1 to 255 bytes, please");
		break;
	case OPT_INIT:
		o->task = TASK_INIT;
		break;
	case OPT_CLUSTER:
		o->cluster = arg;
		break;
	case OPT_REPLICATED:
		o->replicated = true;
		break;
	case OPT_KEEP:
		parse_days(state, "keep", arg, &o->keep_days);
		break;
	case OPT_KEEP_TOTALS:
		parse_days(state, "keep-totals", arg, &o->keep_totals_days);
		break;
	case OPT_STATUS:
		o->task = TASK_STATUS;
		break;
	case OPT_METRICS:
		if (!is_metrics(arg))
			argp_error(state, "--metrics: '%s' does not end in .prom", arg);
		o->metrics = arg;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is not expected; options begin with --", arg);
		break;
	case ARGP_KEY_END:
		check(state, o);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

void options_parse(int argc, char **argv, struct options *out)
{
	static const struct argp argp = {
		.options = rows,
		.parser = parse_one,
		.doc = "Send what connmon-collect records on this node to a fleet's ClickHouse.\v"
		       "Nothing is lost when the server is away: the database waits. See "
		       "connmon-forward(8).",
	};

	*out = (struct options){
		.db = db_default_path(),
		.state = OPTIONS_STATE,
		.keep_days = 90,
		.keep_totals_days = 730,
		.batch = 50000,
		.every_ms = 5000,
	};
	argp_parse(&argp, argc, argv, 0, NULL, out);
}
