/*
 * screen.h - the whole terminal, for what is drawn again and again. Each frame is one write(),
 * which terminals that can show at once (mode 2026 of the DEC private modes; others ignore it).
 *
 * Whatever ends the program, the terminal is as it was: SIGTERM, SIGHUP, SIGQUIT and SIGTSTP
 * restore it first. Between screen_enter() and screen_leave() these, SIGINT and SIGWINCH are
 * ours. One at a time.
 */
#ifndef CONNMON_SCREEN_H
#define CONNMON_SCREEN_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct screen_size {
	int rows, columns;
};

enum screen_event {
	SCREEN_TIME,	  /* it is over */
	SCREEN_QUIT,	  /* q, or nobody is there any more */
	SCREEN_PAUSE,	  /* the space bar */
	SCREEN_RESIZED,	  /* or to be drawn anew for another reason */
	SCREEN_INTERRUPT, /* Ctrl-C */
};

/* -errno of what the terminal on standard output refuses. */
int screen_enter(struct err *err);

/* May be called at any time, also by a signal handler, and more than once. */
void screen_leave(void);

struct screen_size screen_size(void);

/* Lines that end in LF, each no wider than the screen and no more than it has. */
int screen_draw(const char *text, size_t len, struct err *err);

/* Waits for a key, a signal, or for @us microseconds; less than 0: for any time. */
enum screen_event screen_wait(int64_t us);

#endif
