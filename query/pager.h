/*
 * pager.h - what goes to a terminal is read through $CONNMON_PAGER, else $PAGER, else less, as
 * git has it; an empty one or cat is none. Less ends at once when all fits on the screen.
 */
#ifndef CONNMON_PAGER_H
#define CONNMON_PAGER_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct pager {
	FILE *out; /* where to write: standard output when there is no pager */
	pid_t pid; /* 0: there is none */
	struct sigaction pipe, interrupt, quit; /* as they were before */
};

/* Starts one, if standard output is a terminal and there is one to be had. From then on Ctrl-C
 * is the pager's, and a reader that has had enough is an EPIPE. */
void pager_start(struct pager *pager);

/* For when none is wanted. */
void pager_none(struct pager *pager);

/* Whether the pager lets colour through. */
bool pager_takes_color(const struct pager *pager);

/* Waits until the reader has closed it. False when it could not run at all, so that nobody has
 * seen what was written. */
bool pager_end(struct pager *pager);

#endif
