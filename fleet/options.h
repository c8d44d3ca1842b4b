/* options.h - the command line of connmon-forward. */
#ifndef CONNMON_OPTIONS_H
#define CONNMON_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "state.h"

#define OPTIONS_STATE "/var/lib/connmon-forward/state"

enum options_task {
	TASK_SEND,
	TASK_INIT,
	TASK_STATUS,
};

struct options {
	enum options_task task;
	const char *db, *to, *ca, *state;
	const char *metrics; /* NULL: none */
	const char *cluster; /* NULL: one server */
	bool replicated, once;
	int keep_days, keep_totals_days;
	int64_t batch; /* rows */
	int64_t every_ms;
	char node_id[STATE_ID_BYTES], node_name[256];
	bool is_named; /* --node */
};

/* Fills *@out, defaults included. Prints and exits itself for --help and --version (0) and for
 * wrong options (2). User and password are taken out of @argv, where all could read them. */
void options_parse(int argc, char **argv, struct options *out);

#endif
