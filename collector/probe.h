/* probe.h - the BPF object: load, attach, read. All libbpf use is in probe.c. */
#ifndef CONNMON_PROBE_H
#define CONNMON_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct probe;

/* Called for each event, on the thread that reads. @data is valid during the
 * call only. A negative return ends the reading; this event counts as read. */
typedef int (*probe_sink)(void *ctx, const void *data, size_t len);

struct probe_config {
	size_t ring_bytes; /* a power of two, at least a page */
	bool attempts;	   /* send each connect() at once, before its outcome is known */
	bool verbose;	   /* let libbpf talk on standard error */
};

/*
 * Loads and attaches the programs; from now on no connection is missed. The
 * caller frees *@out with probe_free(). Fails with -EPERM without CAP_BPF and
 * CAP_PERFMON, -ENOTSUP when the kernel is too old or has no BTF.
 */
int probe_new(const struct probe_config *config, probe_sink sink, void *ctx, struct probe **out,
	      struct err *err);
void probe_free(struct probe *p); /* NULL is allowed */

/* Becomes readable when a good part of the ring has filled up, or at once for an
 * event somebody waits for; for epoll with EPOLLET. Owned by @p. Waiting events
 * alone do not make it readable: call probe_read() on a timer too. */
int probe_fd(const struct probe *p);

/* Hands the waiting events to the sink; does not block. Returns how many, or
 * what the sink returned when negative. */
int probe_read(struct probe *p);

/* Detaches the programs: what has been sent can still be read, and nothing follows. */
void probe_stop(struct probe *p);

/* Hands to @sink an event for each connection older than probe_new() that has not
 * been handed out yet: those that a file of some process leads to, and then those
 * that stand in this thread's network namespace. They did not come through the ring
 * and are in no count. A negative return of @sink fails it. */
int probe_scan_files(struct probe *p, probe_sink sink, void *ctx, struct err *err);
int probe_scan_namespace(struct probe *p, probe_sink sink, void *ctx, struct err *err);

/* Calls @each with the id of every connection the kernel side follows now. */
int probe_each_id(struct probe *p, void (*each)(void *ctx, uint64_t id), void *ctx,
		  struct err *err);

/* The kernel side's account since probe_new(), over all CPUs. */
struct probe_counters {
	uint64_t events;	/* that asked for room in the ring */
	uint64_t lost_attempts; /* of these, the ring was full */
	uint64_t lost_opens;
	uint64_t lost_ends;
	uint64_t lost_execs;
	uint64_t table_full;	   /* connections whose state could not be kept */
	uint64_t missed_ends;	   /* connections that ended without any program being run */
	uint64_t recursion_misses; /* runs that the kernel passed over, of all programs: most of
				    * them need not have happened, or the twin did the work */
	uint64_t rescued;	   /* transitions that the twin handled instead */
};

int probe_counters(const struct probe *p, struct probe_counters *out, struct err *err);

#endif
