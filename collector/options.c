#include "options.h"

#include <argp.h>

#include "clock.h"
#include "db.h"
#include "option_values.h"
#include "retention.h"

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
	OPT_HOLD_FOR,
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
	{"hold-for", OPT_HOLD_FOR, "FILE", 0,
	 "Do not delete connections for their age before connmon-forward, whose state FILE is, has "
	 "sent them",
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
	case OPT_HOLD_FOR:
		o->retention.hold_for = arg;
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
