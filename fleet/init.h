/* init.h - connmon-forward --init: makes the database and what is missing in it. */
#ifndef CONNMON_INIT_H
#define CONNMON_INIT_H

#include "dialect.h"
#include "server.h"

/* @layout: cluster, replicated and the days; the rest is asked of the server and set. What is there
 * already stays as it is, the views apart. */
enum answer init_run(struct server *server, struct dialect *layout, struct err *err);

#endif
