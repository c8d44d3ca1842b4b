/* far.h - a scene in two namespaces: the test and its clients at the near end of a
 * link, a server at the far end. */
#ifndef CONNMON_FAR_H
#define CONNMON_FAR_H

#include "rows.h"

#define NEAR "10.77.0.1"
#define FAR  "10.77.0.2"

struct ends {
	ino_t near, far;
};

/* Makes the link and starts @server at its far end, who first calls far_come_up(). */
pid_t far_start(struct node *n, struct scene *s, void (*server)(struct scene *), struct ends *ends);
void far_come_up(struct scene *s);
void part_far_server(struct scene *s); /* part_server() there */

/* One row at each end, of a connection from NEAR; frees @s. */
void assert_ends(struct node *n, struct scene *s, struct ends ends, struct row out, struct row in);

#endif
