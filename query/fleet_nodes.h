/*
 * fleet_nodes.h - which nodes --node means.
 *
 * A row has the name that its node had when it was sent, and what a machine is known by is its id:
 * so a name stands for the ids that ever had it, and all rows of those are meant.
 */
#ifndef CONNMON_FLEET_NODES_H
#define CONNMON_FLEET_NODES_H

#include "fleet_table.h"

/* Has @scope's filter --node, if there is one, name ids. The words are @fleet's. */
int fleet_nodes_find(struct fleet *fleet, struct scope *scope, struct err *err);

#endif
