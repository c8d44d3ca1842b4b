/*
 * options.h - the command line: --name VALUE, --name=VALUE, --flag and operands, in
 * any order; after "--" everything is an operand. Names are never abbreviated.
 *
 * getopt is not used: it keeps its place in globals, cannot say what was probably
 * meant, and reads POSIXLY_CORRECT.
 */
#ifndef CONNMON_OPTIONS_H
#define CONNMON_OPTIONS_H

#include "err.h"

#define OPTIONS_MAX  64
#define OPERANDS_MAX 4

struct option_spec {
	const char *name; /* without the dashes */
	const char *arg;  /* what its value is called in the help; NULL: a flag */
	const char *help;
	unsigned group; /* whatever the caller sorts them by */
};

struct option_set {
	struct option_spec specs[OPTIONS_MAX]; /* texts are borrowed */
	int n;
};

struct options {
	struct {
		const struct option_spec *spec; /* borrowed from the set */
		const char *value;		/* borrowed from argv; "" for a flag */
	} given[OPTIONS_MAX];
	int n_given;
	const char *operands[OPERANDS_MAX]; /* borrowed from argv */
	int n_operands;
};

/* Adds @spec, unless one of its name is there. */
void options_add(struct option_set *set, struct option_spec spec);

/* Sorts argv[1] and on. -EINVAL for what the set does not know, a value too many or
 * too few, an option given twice, more than OPERANDS_MAX operands. */
int options_parse(int argc, char *const argv[], const struct option_set *set, struct options *out,
		  struct err *err);

/* As if --@name @value had been given. -EINVAL when it was given already. */
int options_give(struct options *options, const struct option_set *set, const char *name,
		 const char *value, struct err *err);

/* The value of an option, "" for a flag; NULL when it was not given. */
const char *options_get(const struct options *options, const char *name);

#endif
