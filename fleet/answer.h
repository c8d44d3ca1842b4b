/*
 * answer.h - what a server's answer means for who sent something.
 *
 * ClickHouse answers what went wrong with the number of an exception: in the header
 * X-ClickHouse-Exception-Code, and, older ones alone, as "Code: N" at the begin of the body. The
 * numbers are those of its src/Common/ErrorCodes.cpp; they never change.
 */
#ifndef CONNMON_ANSWER_H
#define CONNMON_ANSWER_H

#include <stdbool.h>

#include "err.h"

enum answer {
	ANSWER_FINE,
	ANSWER_LATER,	/* try again: it is down, full, busy, out of memory, or unknown to us */
	ANSWER_BAD_ROW, /* it can read everything but one of the rows */
	ANSWER_WRONG,	/* user, database, table, right: somebody must do something */
};

/* Who was asked, for the message. */
struct answer_place {
	const char *url; /* without user and password */
	const char *user;
	const char *database;
	bool is_insert; /* which is answered without a word, when it is fine */
};

/* Sets @err to one sentence, for all but ANSWER_FINE. @status: of HTTP; @code: of the header, 0
 * for none; @body: what it said. */
enum answer answer_judge(const struct answer_place *place, long status, int code, const char *body,
			 struct err *err);

#endif
