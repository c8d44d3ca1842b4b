#include "options.h"

#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "db.h"
#include "metrics.h"
#include "retention.h"

#define MIN_RING_BYTES (64u << 10)
#define MAX_RING_BYTES (1u << 30)
#define MIN_FLUSH_NS   (100 * NS_PER_MS)
#define MAX_FLUSH_NS   (60 * NS_PER_S)
#define MIN_MAX_OPEN   100u
#define MAX_MAX_OPEN   (16u << 20)
#define MIN_MAX_BYTES  (64u << 20)

const char *argp_program_version = "connmon-collect " CONNMON_VERSION;
error_t argp_err_exit_status = 2;

enum {
	OPT_NO_DB = 256,
	OPT_FLUSH,
	OPT_REFRESH,
	OPT_DURABLE,
	OPT_RING,
	OPT_DURATION,
	OPT_HOOK,
	OPT_ACCEPT,
	OPT_EARLY_FAILURES,
	OPT_CMDLINE,
	OPT_MAX_OPEN,
	OPT_EXCLUDE_PORT,
	OPT_ONLY_DIRECTION,
	OPT_NO_LOOPBACK,
	OPT_RETAIN,
	OPT_RETAIN_TOTALS,
	OPT_MAX_SIZE,
	OPT_PIN,
	OPT_NO_DNS,
	OPT_USER,
	OPT_NO_DROP,
	OPT_NO_HOLD,
	OPT_CHECK,
	OPT_METRICS,
	OPT_LEND_NAMES,
};

/* To add an option: a row here, a case in parse_one(), a line in the man page. */
static const struct argp_option rows[] = {
	{"db", 'd', "FILE", 0, "Record to FILE ($CONNMON_DB, else " DB_DEFAULT_PATH ")", 0},
	{"print", 'p', NULL, 0, "Show each connection attempt as it happens", 0},
	{"no-db", OPT_NO_DB, NULL, 0, "Record nothing: just show", 0},
	{"flush", OPT_FLUSH, "TIME", 0, "Commit this often: 100ms to 60s (1s)", 0},
	{"refresh", OPT_REFRESH, "TIME", 0,
	 "Look at what is open this often, for owners and byte counts: 1s to 1h (30s)", 0},
	{"retain", OPT_RETAIN, "TIME", 0,
	 "Keep connections this long, from 1h on (" RETAIN_DEFAULT "); 0: for ever", 0},
	{"retain-totals", OPT_RETAIN_TOTALS, "TIME", 0,
	 "Keep hourly totals this long (" RETAIN_TOTALS_DEFAULT "); 0: for ever", 0},
	{"max-size", OPT_MAX_SIZE, "SIZE", 0,
	 "The most that the database, its WAL and its shm take together, from 64M on "
	 "(" MAX_SIZE_DEFAULT "); 0: no bound",
	 0},
	{"durable", OPT_DURABLE, NULL, 0, "Let each commit survive a power cut", 0},
	{"ring", OPT_RING, "SIZE", 0,
	 "Kernel buffer, a power of two from 64K to 1G (16M): what waits when the disk is slow", 0},
	{"max-open", OPT_MAX_OPEN, "N", 0, "Connections followed at a time: 100 to 16M (256K)", 0},
	{"hook", OPT_HOOK, "HOOK", 0,
	 "Where the opener is caught: auto (the tracepoint), tracepoint, kprobe (tcp_connect)", 0},
	{"accept", OPT_ACCEPT, "HOW", 0,
	 "How the accepting process is found: auto (exact where that is free, else lazy), lazy (by "
	 "close, scan and listener), exact (where the kernel has no fexit, all system calls of the "
	 "node take some 50 ns longer)",
	 0},
	{"early-failures", OPT_EARLY_FAILURES, NULL, 0,
	 "Record connect() that fails before anything is sent: no route, denied (all system calls "
	 "of the node take some 50 ns longer)",
	 0},
	{"cmdline", OPT_CMDLINE, NULL, 0,
	 "Record the arguments of processes: they may hold secrets", 0},
	{"no-dns", OPT_NO_DNS, NULL, 0,
	 "Record no names: else answers to DNS queries are read as they pass", 0},
	{"lend-names", OPT_LEND_NAMES, NULL, 0,
	 "For ExecStartPre=+ of a unit: give the socket that hears names to the service manager, and "
	 "end",
	 0},
	{"exclude-port", OPT_EXCLUDE_PORT, "PORT[,PORT]", 0,
	 "Leave out connections to these service ports", 0},
	{"only-direction", OPT_ONLY_DIRECTION, "out|in", 0, "Leave out the other direction", 0},
	{"no-loopback", OPT_NO_LOOPBACK, NULL, 0, "Leave out what the node says to itself", 0},
	{"pin", OPT_PIN, "DIR", 0,
	 "Keep the programs and the ring in DIR, a folder on bpffs, or with the manager of the "
	 "service that this is (\"" PROBE_PIN_SERVICE
	 "\"): the kernel goes on while the collector is "
	 "away",
	 0},
	{"metrics", OPT_METRICS, "FILE", 0,
	 "Write metrics for node_exporter's textfile collector to FILE, which ends in .prom", 0},
	{"duration", OPT_DURATION, "TIME", 0, "End after TIME (90s, 15m, 1h, 7d, 2w)", 0},
	{"user", OPT_USER, "USER", 0,
	 "Become USER once everything is open (" PRIVILEGE_USER ", if there is one)", 0},
	{"no-drop", OPT_NO_DROP, NULL, 0,
	 "Keep all privileges and system calls: to debug the collector", 0},
	{"no-hold", OPT_NO_HOLD, NULL, 0,
	 "Let other programs write to the database, too; then who may read it can also keep it "
	 "from being written",
	 0},
	{"check", OPT_CHECK, NULL, 0,
	 "Say what this machine lacks for the collector, if anything, and change nothing", 0},
	{"verbose", 'v', NULL, 0, "Show what libbpf says", 0},
	{0},
};

/* A number, then a unit out of @units; the number without a unit counts for 1 if
 * @bare. */
struct unit {
	const char *name;
	double factor;
};

static bool parse_number(const char *text, const struct unit *units, double *out)
{
	char *end;
	double n;

	n = strtod(text, &end);
	/* strtod() would also take "inf", "nan", hex, exponents and leading spaces. */
	if (end == text || end != text + strspn(text, "0123456789."))
		return false;
	for (; units->name; units++)
		if (strcmp(end, units->name) == 0) {
			*out = n * units->factor;
			return isfinite(*out);
		}
	return false;
}

int parse_duration(const char *text, int64_t *ns, struct err *err)
{
	static const struct unit units[] = {
		{"ms", 1e6},	{"s", 1e9},	    {"m", 60e9}, {"h", 3600e9},
		{"d", 86400e9}, {"w", 7 * 86400e9}, {NULL, 0},
	};
	double n;

	if (!parse_number(text, units, &n) || n < 1e6 || n > 100 * 366 * 86400e9)
		return err_set(err, -EINVAL,
			       "'%s' is no length of time; write for example 500ms, 90s, 15m or 1h",
			       text);
	*ns = (int64_t)n;
	return 0;
}

int parse_size(const char *text, size_t *bytes, struct err *err)
{
	static const struct unit units[] = {
		{"", 1},	{"K", 1 << 10}, {"k", 1 << 10}, {"M", 1 << 20},
		{"m", 1 << 20}, {"G", 1 << 30}, {"g", 1 << 30}, {NULL, 0},
	};
	double n;

	if (!parse_number(text, units, &n) || n < 1 || n > 1e15 || n != floor(n))
		return err_set(err, -EINVAL, "'%s' is no size; write for example 64K, 16M or 1G",
			       text);
	*bytes = (size_t)n;
	return 0;
}

static int parse_flush(const char *text, int64_t *ns, struct err *err)
{
	int ret = parse_duration(text, ns, err);

	if (!ret && (*ns < MIN_FLUSH_NS || *ns > MAX_FLUSH_NS))
		ret = err_set(err, -EINVAL, "'%s' is not within 100ms to 60s", text);
	return ret;
}

static int parse_refresh(const char *text, int64_t *ns, struct err *err)
{
	int ret = parse_duration(text, ns, err);

	if (!ret && (*ns < NS_PER_S || *ns > 3600 * NS_PER_S))
		ret = err_set(err, -EINVAL, "'%s' is not within 1s to 1h", text);
	return ret;
}

static int parse_ring(const char *text, size_t *bytes, struct err *err)
{
	int ret = parse_size(text, bytes, err);

	if (!ret &&
	    (*bytes < MIN_RING_BYTES || *bytes > MAX_RING_BYTES || (*bytes & (*bytes - 1)) != 0))
		ret = err_set(err, -EINVAL, "'%s' is no power of two from 64K to 1G; try 16M",
			      text);
	return ret;
}

static int parse_max_open(const char *text, uint32_t *n, struct err *err)
{
	size_t size;
	int ret = parse_size(text, &size, err);

	if (!ret && (size < MIN_MAX_OPEN || size > MAX_MAX_OPEN))
		ret = err_set(err, -EINVAL, "'%s' is not within 100 to 16M", text);
	if (!ret)
		*n = (uint32_t)size;
	return ret;
}

/* A length of time; 0: without end. */
static int parse_retain(const char *text, int64_t *ns, struct err *err)
{
	int ret;

	if (strcmp(text, "0") == 0) {
		*ns = 0;
		return 0;
	}
	ret = parse_duration(text, ns, err);
	if (!ret && *ns < 3600 * NS_PER_S)
		ret = err_set(err, -EINVAL, "'%s' is less than 1h", text);
	return ret;
}

static int parse_max_size(const char *text, uint64_t *bytes, struct err *err)
{
	size_t size = 0;
	int ret = strcmp(text, "0") == 0 ? 0 : parse_size(text, &size, err);

	if (!ret && size != 0 && size < MIN_MAX_BYTES)
		ret = err_set(err, -EINVAL, "'%s' is less than 64M", text);
	*bytes = size;
	return ret;
}

/* "9100,22": sets their bits. */
static int parse_ports(const char *text, uint8_t *ports, struct err *err)
{
	const char *at = text;

	do {
		char *end;
		unsigned long port = strtoul(at, &end, 10);

		if (!isdigit((unsigned char)*at) || port == 0 || port > UINT16_MAX ||
		    (*end != ',' && *end != '\0'))
			return err_set(err, -EINVAL,
				       "'%s' is no list of ports; write for example 9100,22", text);
		ports[port / 8] |= (uint8_t)(1u << port % 8);
		at = *end ? end + 1 : end;
	} while (at[-1] == ',');
	return 0;
}

/* Which of @words (ended by NULL) @text is. */
static int parse_word(const char *text, const char *const *words, struct err *err)
{
	int i;

	for (i = 0; words[i]; i++)
		if (strcmp(text, words[i]) == 0)
			return i;
	return err_set(err, -EINVAL, "'%s' is not one of %s, %s%s%s", text, words[0], words[1],
		       words[2] ? ", " : "", words[2] ? words[2] : "");
}

static int parse_direction(const char *text, struct filter *f, struct err *err)
{
	static const char *const words[] = {"out", "in", NULL};
	int word = parse_word(text, words, err);

	if (word < 0)
		return word;
	f->only_out = word == 0;
	f->only_in = word == 1;
	return 0;
}

static int parse_hook(const char *text, enum hook *hook, struct err *err)
{
	static const char *const words[] = {"auto", "tracepoint", "kprobe", NULL};
	int word = parse_word(text, words, err);

	if (word < 0)
		return word;
	*hook = word == 2 ? HOOK_KPROBE : HOOK_TRACEPOINT;
	return 0;
}

static int parse_accept(const char *text, enum accept_mode *mode, struct err *err)
{
	static const char *const words[] = {
		[ACCEPT_AUTO] = "auto", [ACCEPT_LAZY] = "lazy", [ACCEPT_EXACT] = "exact", NULL};
	int word = parse_word(text, words, err);

	if (word < 0)
		return word;
	*mode = (enum accept_mode)word;
	return 0;
}

/* node_exporter passes over all other files, without a word. */
static int parse_metrics(const char *text, struct err *err)
{
	size_t len = strlen(text), ending = strlen(METRICS_ENDING);

	if (len > METRICS_PATH_MAX)
		return err_set(err, -EINVAL, "'%.20s...' is too long", text);
	if (len <= ending || text[len - ending - 1] == '/' ||
	    strcmp(text + len - ending, METRICS_ENDING) != 0)
		return err_set(err, -EINVAL,
			       "'%s' does not end in " METRICS_ENDING
			       ", as node_exporter asks; write for example "
			       "/var/lib/prometheus/node-exporter/connmon.prom",
			       text);
	return 0;
}

static error_t parse_one(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	struct err err = {0};

	switch (key) {
	case 'd':
		o->db = arg;
		break;
	case 'p':
		o->print = o->probe.attempts = true;
		break;
	case OPT_NO_DB:
		o->db = NULL;
		break;
	case OPT_DURABLE:
		o->durable = true;
		break;
	case 'v':
		o->probe.verbose = true;
		break;
	case OPT_FLUSH:
		if (parse_flush(arg, &o->flush_ns, &err))
			argp_error(state, "--flush: %s", err.msg);
		break;
	case OPT_REFRESH:
		if (parse_refresh(arg, &o->refresh_ns, &err))
			argp_error(state, "--refresh: %s", err.msg);
		break;
	case OPT_RING:
		if (parse_ring(arg, &o->probe.ring_bytes, &err))
			argp_error(state, "--ring: %s", err.msg);
		break;
	case OPT_DURATION:
		if (parse_duration(arg, &o->duration_ns, &err))
			argp_error(state, "--duration: %s", err.msg);
		break;
	case OPT_HOOK:
		if (parse_hook(arg, &o->probe.hook, &err))
			argp_error(state, "--hook: %s", err.msg);
		break;
	case OPT_ACCEPT:
		if (parse_accept(arg, &o->probe.accept, &err))
			argp_error(state, "--accept: %s", err.msg);
		break;
	case OPT_EARLY_FAILURES:
		o->probe.early_failures = true;
		break;
	case OPT_CMDLINE:
		o->probe.cmdline = true;
		break;
	case OPT_MAX_OPEN:
		if (parse_max_open(arg, &o->probe.max_open, &err))
			argp_error(state, "--max-open: %s", err.msg);
		break;
	case OPT_EXCLUDE_PORT:
		if (parse_ports(arg, o->probe.filter.ports, &err))
			argp_error(state, "--exclude-port: %s", err.msg);
		break;
	case OPT_ONLY_DIRECTION:
		if (parse_direction(arg, &o->probe.filter, &err))
			argp_error(state, "--only-direction: %s", err.msg);
		break;
	case OPT_RETAIN:
		if (parse_retain(arg, &o->retention.rows_ns, &err))
			argp_error(state, "--retain: %s", err.msg);
		break;
	case OPT_RETAIN_TOTALS:
		if (parse_retain(arg, &o->retention.totals_ns, &err))
			argp_error(state, "--retain-totals: %s", err.msg);
		break;
	case OPT_MAX_SIZE:
		if (parse_max_size(arg, &o->retention.max_bytes, &err))
			argp_error(state, "--max-size: %s", err.msg);
		break;
	case OPT_NO_DNS:
		o->dns = false;
		break;
	case OPT_LEND_NAMES:
		o->lend_names = true;
		break;
	case OPT_PIN:
		o->probe.pin = arg;
		break;
	case OPT_USER:
		o->user = arg;
		break;
	case OPT_NO_DROP:
		o->no_drop = true;
		break;
	case OPT_NO_HOLD:
		o->no_hold = true;
		break;
	case OPT_CHECK:
		o->check = true;
		break;
	case OPT_METRICS:
		if (parse_metrics(arg, &err))
			argp_error(state, "--metrics: %s", err.msg);
		o->metrics = arg;
		break;
	case OPT_NO_LOOPBACK:
		o->probe.filter.no_loopback = true;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is not expected; options begin with --", arg);
		break;
	case ARGP_KEY_END:
		if (o->user && o->no_drop)
			argp_error(state, "--no-drop stays who it is; take away --user");
		if (!o->db && !o->print && !o->check)
			argp_error(state, "--no-db records nothing; add --print to see something");
		if (!o->db && o->metrics)
			argp_error(state, "--metrics tells of recording; take away --no-db");
		if (!o->db && o->probe.pin)
			argp_error(state, "--pin keeps what is to be recorded; take away --no-db");
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
		.doc = "Records every TCP connection of this node in a SQLite database.\v"
		       "Examples:\n"
		       "  connmon-collect                        record to " DB_DEFAULT_PATH "\n"
		       "  connmon-collect --print --no-db        watch\n"
		       "  connmon-collect --db my.db --print     both\n\n"
		       "Needs root, or CAP_BPF and CAP_PERFMON; for names, CAP_NET_RAW. Ask with connmon-query.",
	};
	struct options o = {
		.db = db_default_path(),
		.dns = true,
		.flush_ns = NS_PER_S,
		.refresh_ns = 30 * NS_PER_S,
		.probe = {.ring_bytes = 16 << 20, .max_open = 256 << 10},
	};

	struct err none; /* the words are our own */

	parse_retain(RETAIN_DEFAULT, &o.retention.rows_ns, &none);
	parse_retain(RETAIN_TOTALS_DEFAULT, &o.retention.totals_ns, &none);
	parse_max_size(MAX_SIZE_DEFAULT, &o.retention.max_bytes, &none);
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	*out = o;
}
