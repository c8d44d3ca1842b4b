/*
 * metrics.h - a file for the textfile collector of node_exporter: what Prometheus may know of the
 * collector. No process, address or file of anybody is named in it.
 *
 * The file is there whole or not at all: FILE.tmp is written and renamed. What is needed for that
 * after privileges are gone: to make, write, rename and remove files in its folder, which is held
 * open from the start.
 */
#ifndef CONNMON_METRICS_H
#define CONNMON_METRICS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"
#include "files.h"
#include "store.h"

#define METRICS_ENDING	 ".prom" /* of all files that node_exporter reads */
#define METRICS_PATH_MAX 250	 /* its name, and .tmp behind it, fit any file system */

/* How long things took: how many took up to each of HISTOGRAM_BOUNDS, or longer. All zero: none. */
#define HISTOGRAM_BOUNDS 12
struct histogram {
	uint64_t n[HISTOGRAM_BOUNDS + 1];
	int64_t sum_ns;
};

void histogram_add(struct histogram *h, int64_t ns);

/* Numbers since this run began, unless said otherwise. */
struct metrics_facts {
	bool running;		      /* false: it has ended */
	int64_t start_us;	      /* when it began, since the epoch */
	uint64_t seen[PROBE_RECORDS]; /* records that the kernel side had, by kind */
	uint64_t filtered;
	uint64_t recorded;
	uint64_t lost[GAP_REASONS]; /* as the gaps say that are in the database */
	struct histogram commits;
	uint64_t names_missed; /* answers of DNS that were to be read, and are in no row */
	uint64_t commit_failures;
	int64_t last_commit_us; /* since the epoch */
	uint64_t open;		/* connections, now */
	uint64_t ring_bytes, ring_used_bytes;
	struct file_sizes database;
};

/* As the text format of Prometheus. */
void metrics_format(const struct metrics_facts *facts, FILE *out);

struct metrics;

/* For @path, whose folder is opened now, or with the next metrics_write() when it cannot be. The
 * caller frees *@out. -ENOMEM alone. */
int metrics_new(const char *path, struct metrics **out, struct err *err);
void metrics_free(struct metrics *m); /* NULL is allowed */

/* The folder of @path. */
void metrics_folder(const char *path, char folder[PATH_MAX]);

/* The file becomes what @facts say, readable for all. When that fails it stays what it was. */
int metrics_write(struct metrics *m, const struct metrics_facts *facts, struct err *err);

#endif
