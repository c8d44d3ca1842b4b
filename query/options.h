/*
 * options.h - the command line: --name VALUE, --name=VALUE, --flag, -l VALUE and operands,
 * in any order; after "--" everything is an operand. Names are never abbreviated.
 *
 * getopt is not used: it keeps its place in globals, cannot say what was probably
 * meant, and reads POSIXLY_CORRECT.
 */
#ifndef CONNMON_OPTIONS_H
#define CONNMON_OPTIONS_H

#include <stdbool.h>

#include "err.h"

#define OPTIONS_MAX  128
#define OPERANDS_MAX 4

/* What a value can be, for completion. */
struct values {
	enum values_kind {
		VALUES_WORDS, /* one of .words */
		VALUES_FORMATS,
		VALUES_BY, /* what by.h knows */
		VALUES_FILES,
		VALUES_USERS,
		VALUES_NAMES,	 /* of other nodes, which the history has */
		VALUES_SUBJECTS, /* a report or a command */
	} kind;
	const char *const *words; /* ends with NULL */
	bool is_list;		  /* several between commas */
};

struct option_spec {
	const char *name; /* without the dashes */
	const char *arg;  /* what its value is called in the help; NULL: a flag */
	const char *help;
	unsigned group; /* whatever the caller sorts them by, as is the next */
	unsigned needs;
	const char *only; /* the one command that has it; NULL: whoever has what it needs */
	bool anywhere;	  /* it may be given where it has no say */
	char letter;	  /* its short form, as in -h; 0: none */
	const struct values *values; /* borrowed; NULL: any */
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
	const char *unknown; /* the option that none was; NULL: it is known what there is */
};

/* Adds @spec, unless one of its name is there. */
void options_add(struct option_set *set, struct option_spec spec);

/* Sorts argv[1] and on. -EINVAL for what the set does not know, a value too many or
 * too few, an option given twice, more than OPERANDS_MAX operands; what came before is
 * then in *@out. */
int options_parse(int argc, char *const argv[], const struct option_set *set, struct options *out,
		  struct err *err);

/* As if --@name @value had been given. -EINVAL when it was given already. */
int options_give(struct options *options, const struct option_set *set, const char *name,
		 const char *value, struct err *err);

/* The value of an option, "" for a flag; NULL when it was not given. */
const char *options_get(const struct options *options, const char *name);

#endif
