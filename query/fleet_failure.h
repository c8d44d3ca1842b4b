/* fleet_failure.h - what a ClickHouse server says when it fails, in words of what to do. */
#ifndef CONNMON_FLEET_FAILURE_H
#define CONNMON_FLEET_FAILURE_H

#include <stdbool.h>

#include "err.h"

/* Sets @err from the body @text of the answer of @server ("http://HOST:PORT"), which begins with
 * "Code: " and the number @code. @is_own: the statement is the user's, so what is wrong with names
 * in it is told in the server's words. Returns the error: see fleet_server_ask(). */
int fleet_failure(const char *server, const char *text, int code, bool is_own, struct err *err);

/* The answer is larger than is kept: -E2BIG. */
int fleet_failure_too_long(struct err *err);

#endif
