/* prompt.h - "connmon-query sql" on a terminal: statement after statement. */
#ifndef CONNMON_PROMPT_H
#define CONNMON_PROMPT_H

#include "err.h"
#include "request.h"

/* Reads statements, which may take several lines and end with a semicolon, and commands that
 * begin with a point, until .quit or Ctrl-D. An error is told and does not end it. */
int prompt(const struct request *q, struct err *err);

#endif
