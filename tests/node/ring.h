/* ring.h - io_uring, one request at a time and without its library. What fails ends the
 * process; see must() in stage.h. */
#ifndef CONNMON_RING_H
#define CONNMON_RING_H

#include <linux/io_uring.h>
#include <stdbool.h>

struct ring {
	int fd;
	bool polled;
	struct io_uring_params p;
	char *sq, *cq;
	struct io_uring_sqe *entry;
};

/* @polled: a thread of the kernel's making looks for requests by itself. */
void ring_open(struct ring *r, bool polled);
int ring_do(struct ring *r, struct io_uring_sqe entry); /* what the call would return, or -errno */

/* Hands @fd to the ring, which holds it from then on until it is gone itself. */
void ring_keep(struct ring *r, int fd);
void ring_close(struct ring *r);

#endif
