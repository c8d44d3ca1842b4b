/*
 * dns_lend.h - a process with privileges opens the socket on which names are heard, for one of the
 * same service that has none, and whose network is not the node's.
 */
#ifndef CONNMON_DNS_LEND_H
#define CONNMON_DNS_LEND_H

#include "err.h"
#include "manager.h"

/* Opens it in the network namespace of process 1, and gives it to @manager. */
int dns_lend(struct manager *manager, struct err *err);

/* What @manager (NULL: none) was given: for dns_listen(); or -errno. */
int dns_lent(const struct manager *manager);

#endif
