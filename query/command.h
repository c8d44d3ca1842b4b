/*
 * command.h - what connmon-query does that is no report, each in a file command_NAME.c. To add
 * one, write its function and a row in command.c. A report needs no C.
 */
#ifndef CONNMON_COMMAND_H
#define CONNMON_COMMAND_H

#include "coverage.h"
#include "err.h"
#include "request.h"
#include "rows.h"

/* Ends with a NULL name. */
extern const struct command commands[];

int command_reports(const struct request *q, struct err *err);
int command_sql(const struct request *q, struct err *err);
int command_sql_check(const struct request *q, struct err *err);
int command_doctor(const struct request *q, struct err *err);
int command_follow(const struct request *q, struct err *err);
int command_follow_check(const struct request *q, struct err *err);
int command_cookbook(const struct request *q, struct err *err);
int command_completion(const struct request *q, struct err *err);
int command_schema(const struct request *q, struct err *err);

/* The page that story_*.c write, onto standard output. */
int command_story(struct request *q, bool *has_gaps, struct err *err);

/* The words after completion, ending with NULL; and whether it is one. */
extern const char *const command_shells[];
int command_completion_check(const struct request *q, struct err *err);

/* What standard output could not take is known only now: -ENOSPC and the like. */
int command_flush(struct err *err);

/* The answer of @q is delivered, with its @rows (NULL: a page): keeps how far it reached, where
 * that was asked for, and remarks on it. *@has_gaps: something may be missing. */
int command_delivered(struct request *q, const struct rows *rows, const struct coverage *coverage,
		      bool *has_gaps, struct err *err);

#endif
