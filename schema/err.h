/*
 * err.h - how a connmon function says what went wrong.
 *
 * A function that can fail returns 0 or a negative errno value and takes a
 * struct err as its last parameter. It fills the message where the facts are
 * known and never prints; main() prints, once. On success *err is untouched.
 */
#ifndef CONNMON_ERR_H
#define CONNMON_ERR_H

struct err {
	int code;      /* negative errno; 0 while nothing failed */
	char msg[512]; /* one line, no newline, truncated if longer */
};

/* Stores @code and the message; returns @code, so that a caller can write
 * "return err_set(err, -EINVAL, ...)". */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "<words>: " in front of the message that is there; returns its code. Where not all of it has
 * room, the words are cut. */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
