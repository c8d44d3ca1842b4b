/*
 * traffic - the records of a made-up node (traffic.h): into a file, for bench_ingest, or
 * through the collector itself into a database, for what asks it.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "collector.h"
#include "option_values.h"
#include "simulated.h"
#include "traffic.h"

#define FIRST_BEGIN_S 1769818651 /* 2026-01-31 00:17:31 UTC */

struct arguments {
	const char *db, *records;
	struct traffic_config traffic;
	int64_t begin_us;
};

enum {
	OPT_DB = 256,
	OPT_RECORDS,
	OPT_ROWS,
	OPT_SEED,
	OPT_SPAN,
	OPT_BEGIN,
	OPT_PROCESSES,
	OPT_LONG,
	OPT_REVIEW,
};

static const struct argp_option option_table[] = {
	{"db", OPT_DB, "FILE", 0, "Record into this database", 0},
	{"records", OPT_RECORDS, "FILE", 0,
	 "Write the records there, each with its length in front (8 bytes)", 0},
	{"rows", OPT_ROWS, "N", 0, "How many connections: 10M, 500K (100K)", 0},
	{"seed", OPT_SEED, "N", 0, "Other numbers, other connections (1)", 0},
	{"span", OPT_SPAN, "TIME", 0, "Over how long they begin (24h)", 0},
	{"begin", OPT_BEGIN, "SECONDS", 0,
	 "When the first begins, since the epoch (1769818651, 2026-01-31 00:17:31 UTC)", 0},
	{"processes", OPT_PROCESSES, "N", 0, "How many processes connect (4000)", 0},
	{"long", OPT_LONG, "PERCENT", 0, "Of 100, how many last longer than a second (10)", 0},
	{"review", OPT_REVIEW, "TIME", 0, "Tell that often what is open (never)", 0},
	{0},
};

static uint64_t parse_count(const char *text, struct argp_state *state)
{
	char *end;
	unsigned long long n = strtoull(text, &end, 10);

	if (*end == 'K' || *end == 'M')
		n *= *end++ == 'K' ? 1000 : 1000000;
	if (*end || end == text)
		argp_error(state, "%s is no number, as in 500K or 10M", text);
	return n;
}

static int64_t parse_time(const char *text, struct argp_state *state)
{
	struct err err = {0};
	int64_t ns = 0;

	if (parse_duration(text, &ns, &err))
		argp_error(state, "%s", err.msg);
	return ns;
}

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case OPT_DB:
		a->db = arg;
		break;
	case OPT_RECORDS:
		a->records = arg;
		break;
	case OPT_ROWS:
		a->traffic.connections = parse_count(arg, state);
		break;
	case OPT_SEED:
		a->traffic.seed = parse_count(arg, state);
		break;
	case OPT_SPAN:
		a->traffic.span_ns = parse_time(arg, state);
		break;
	case OPT_BEGIN:
		a->begin_us = (int64_t)parse_count(arg, state) * 1000000;
		break;
	case OPT_PROCESSES:
		a->traffic.processes = (uint32_t)parse_count(arg, state);
		break;
	case OPT_LONG:
		a->traffic.long_of_100 = (uint32_t)parse_count(arg, state);
		break;
	case OPT_REVIEW:
		a->traffic.review_ns = parse_time(arg, state);
		break;
	case ARGP_KEY_END:
		if (!a->db == !a->records)
			argp_error(state, "name one file, with --db or --records");
		if (a->traffic.connections == 0 || a->traffic.processes == 0)
			argp_error(state, "0 is too few");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = option_table,
	.parser = on_option,
	.doc = "The connections of a node that does not exist, always the same ones.",
};

static const void *next_record(void *ctx, size_t *len)
{
	return traffic_next(ctx, len);
}

static int write_records(struct traffic *t, const char *path, struct err *err)
{
	FILE *out = fopen(path, "w");
	const void *record;
	size_t len;
	int failed;

	if (!out)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	while ((record = traffic_next(t, &len))) {
		const uint64_t prefix = len;

		fwrite(&prefix, sizeof(prefix), 1, out);
		fwrite(record, len, 1, out);
	}
	failed = ferror(out);
	return fclose(out) || failed ? err_set(err, -EIO, "%s: cannot be written", path) : 0;
}

/* The hours that are over by then get their totals, too. */
static int work(struct collector *c, struct err *err)
{
	int more, waiting = 1;

	while (waiting) {
		waiting = simulated_tick();
		while ((more = collector_work(c, err)) == 1)
			;
		if (more < 0)
			return more;
	}
	return 0;
}

/* By batches that are full. */
static int record(struct traffic *t, const struct arguments *a, struct err *err)
{
	const struct options options = {
		.db = a->db,
		.flush_ns = 3600 * NS_PER_S,
		.refresh_ns = INT64_MAX / 2,
	};
	const struct note silent = {0};
	struct collector *c = NULL;
	struct closing closing = {0};
	int ret;

	simulated_begin(next_record, t, a->begin_us, 10 * NS_PER_S);
	ret = collector_new(&options, stdout, &silent, &c, err);
	if (!ret)
		ret = work(c, err);
	if (!ret)
		ret = collector_finish(c, &closing, err);
	if (!ret)
		fprintf(stderr, "traffic: %s: recorded %" PRIu64 ", lost %" PRIu64 "\n", a->db,
			closing.recorded, closing.lost);
	collector_free(c);
	return ret;
}

int main(int argc, char **argv)
{
	struct arguments a = {
		.traffic = {.seed = 1,
			    .connections = 100000,
			    .processes = 4000,
			    .long_of_100 = 10,
			    .begin_boot_ns = SIMULATED_BOOT_NS,
			    .span_ns = 86400 * NS_PER_S},
		.begin_us = FIRST_BEGIN_S * 1000000LL,
	};
	struct err err = {0};
	struct traffic *t;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	t = traffic_new(&a.traffic);
	if (!t)
		ret = err_set(&err, -ENOMEM, "no memory for the connections");
	else
		ret = a.db ? record(t, &a, &err) : write_records(t, a.records, &err);
	traffic_free(t);
	if (ret)
		fprintf(stderr, "traffic: %s\n", err.msg);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
