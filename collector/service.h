/* service.h - what the service manager is told of a running collector. */
#ifndef CONNMON_SERVICE_H
#define CONNMON_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "collector.h"
#include "manager.h"

struct service {
	struct manager manager;
	int64_t pinged_ns;    /* when it last heard of progress */
	int64_t told_ns;      /* when it was told how it goes */
	int64_t committed_ns; /* the commit it has heard of */
	bool troubled;	      /* what it was told last was a trouble */
};

/* The collector runs and misses nothing. */
void service_ready(struct service *s, const struct collector *c, const char *db);

/*
 * With each turn of the loop. The watchdog hears of it only when something was committed since,
 * when nothing waits, or when it is known why not: @trouble (NULL: none) is shown as the status.
 * So a collector that turns round and gets nowhere, and one that hangs, are ended and started
 * again.
 */
void service_turn(struct service *s, const struct collector *c, const char *db,
		  const struct err *trouble);

#endif
