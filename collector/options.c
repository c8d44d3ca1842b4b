#include "options.h"

#include <argp.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "db.h"

#define MIN_RING_BYTES (64u << 10)
#define MAX_RING_BYTES (1u << 30)
#define MIN_FLUSH_NS   (100 * NS_PER_MS)
#define MAX_FLUSH_NS   (60 * NS_PER_S)

const char *argp_program_version = "connmon-collect " CONNMON_VERSION;
error_t argp_err_exit_status = 2;

enum {
	OPT_NO_DB = 256,
	OPT_FLUSH,
	OPT_DURABLE,
	OPT_RING,
	OPT_DURATION,
};

/* To add an option: a row here, a case in parse_one(), a line in the man page. */
static const struct argp_option rows[] = {
	{"db", 'd', "FILE", 0, "Record to FILE ($CONNMON_DB, else " DB_DEFAULT_PATH ")", 0},
	{"print", 'p', NULL, 0, "Show each connection attempt as it happens", 0},
	{"no-db", OPT_NO_DB, NULL, 0, "Record nothing: just show", 0},
	{"flush", OPT_FLUSH, "TIME", 0, "Commit this often: 100ms to 60s (1s)", 0},
	{"durable", OPT_DURABLE, NULL, 0, "Let each commit survive a power cut", 0},
	{"ring", OPT_RING, "SIZE", 0,
	 "Kernel buffer, a power of two from 64K to 1G (16M): what waits when the disk is slow", 0},
	{"duration", OPT_DURATION, "TIME", 0, "End after TIME (90s, 15m, 1h, 7d, 2w)", 0},
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

static int parse_ring(const char *text, size_t *bytes, struct err *err)
{
	int ret = parse_size(text, bytes, err);

	if (!ret &&
	    (*bytes < MIN_RING_BYTES || *bytes > MAX_RING_BYTES || (*bytes & (*bytes - 1)) != 0))
		ret = err_set(err, -EINVAL, "'%s' is no power of two from 64K to 1G; try 16M",
			      text);
	return ret;
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
		o->print = true;
		break;
	case OPT_NO_DB:
		o->db = NULL;
		break;
	case OPT_DURABLE:
		o->durable = true;
		break;
	case 'v':
		o->verbose = true;
		break;
	case OPT_FLUSH:
		if (parse_flush(arg, &o->flush_ns, &err))
			argp_error(state, "--flush: %s", err.msg);
		break;
	case OPT_RING:
		if (parse_ring(arg, &o->ring_bytes, &err))
			argp_error(state, "--ring: %s", err.msg);
		break;
	case OPT_DURATION:
		if (parse_duration(arg, &o->duration_ns, &err))
			argp_error(state, "--duration: %s", err.msg);
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is not expected; options begin with --", arg);
		break;
	case ARGP_KEY_END:
		if (!o->db && !o->print)
			argp_error(state, "--no-db records nothing; add --print to see something");
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
		       "Needs root, or CAP_BPF and CAP_PERFMON. Ask with connmon-query.",
	};
	struct options o = {
		.db = db_default_path(),
		.flush_ns = NS_PER_S,
		.ring_bytes = 16 << 20,
	};

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	*out = o;
}
