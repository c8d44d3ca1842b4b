/* options.h - the command line of connmon-collect. */
#ifndef CONNMON_OPTIONS_H
#define CONNMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "privilege.h"
#include "probe.h"
#include "retain.h"

struct options {
	const char *db;	     /* NULL: record nothing */
	const char *metrics; /* NULL: none */
	bool print;
	bool durable;
	bool dns;	 /* record names */
	bool lend_names; /* just open the socket for them, see dns_lend() */
	int64_t flush_ns;
	int64_t refresh_ns;
	int64_t duration_ns;  /* 0: until a signal */
	const char *user;     /* who to become; NULL: see privilege_choose() */
	bool no_drop;	      /* keep all privileges */
	bool no_hold;	      /* let others write to the database, too */
	bool check;	      /* only say whether all that is needed is there */
	struct privilege who; /* that main() chose; zeros: who we are */
	struct retention retention;
	struct probe_config probe;
};

/* Fills *@out, defaults included. Prints and exits itself for --help and
 * --version (0) and for wrong options (2): that is how argp works. */
void options_parse(int argc, char **argv, struct options *out);

#endif
