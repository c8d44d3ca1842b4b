/* traffic_node.h - the node of traffic.h: who connects where, and how it goes. For traffic.c. */
#ifndef CONNMON_TRAFFIC_NODE_H
#define CONNMON_TRAFFIC_NODE_H

#include <stdint.h>

#include "../../bpf/event.h"
#include "traffic.h"

#define NS_PER_MS 1000000ULL
#define NS_PER_S  1000000000ULL

#define PROGRAMS     60
#define CONTAINERS   41
#define FIRST_PID    1000
#define FIRST_CGROUP (1ULL << 40) /* far from those of the node that this runs on */

struct node {
	struct traffic_config config;
	uint64_t random;
	uint64_t made; /* connections */
	uint64_t last_id;
};

enum {
	DESTINATION,
	DESTINATION_OF,
	CLIENT,
	BALANCER,
	LOCAL,
	CONTAINER,
	STARTED,
	DISTANCE,
};

uint64_t node_mix(uint64_t x);
uint64_t node_below(struct node *n, uint64_t bound); /* by chance */

/* What stays the same of a thing: the same number for the same names. */
uint64_t node_fixed(const struct node *n, uint64_t what, uint64_t which);

const char *node_program_name(uint32_t program, char *name); /* of EVENT_COMM_LEN bytes */

/* One less than PROGRAMS: the first process of its program, the parent of the others. */
void node_describe(const struct node *n, uint32_t process, struct event_owner *o);

/* The connection that begins at @now_ns, as it will end. */
void node_make_connection(struct node *n, uint64_t now_ns, struct event_end *e);

#endif
