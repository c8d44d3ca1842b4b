/* init.h - connmon-forward --init: makes the database and what is missing in it. */
#ifndef CONNMON_INIT_H
#define CONNMON_INIT_H

#include "dialect.h"
#include "server.h"

#define INIT_SCHEMA_VERSION 2 /* as clickhouse/5_views.sql says it */

/* @layout: cluster, replicated and the days; the rest is asked of the server and set. What is there
 * already stays as it is; columns that a later version added are added, and the views are made
 * anew. */
enum answer init_run(struct server *server, struct dialect *layout, struct err *err);

#endif
