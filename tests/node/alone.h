/*
 * alone.h - a collector to which nothing exists but what the test does: for tests in which others
 * on this machine would take the room in the ring or in the table. It leaves out all ports but
 * ALONE_PORT, which nobody else uses, and that of node_fence().
 */
#ifndef CONNMON_ALONE_H
#define CONNMON_ALONE_H

#include "node.h"

#define ALONE_PORT 47112

/* As node_start(); at most 8 options. */
void alone_start(struct node *n, const char *const options[]);

#endif
