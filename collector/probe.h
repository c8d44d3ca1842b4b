/* probe.h - the BPF object: load, attach, read. All libbpf use is in
 * probe.c, probe_read.c and pin.c. */
#ifndef CONNMON_PROBE_H
#define CONNMON_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define PROBE_PIN_SERVICE "service" /* instead of a folder: the service manager keeps them */

struct manager;
struct probe;

/* Called for each event, on the thread that reads. @data is valid during the
 * call only. A negative return ends the reading; this event counts as read. */
typedef int (*probe_sink)(void *ctx, const void *data, size_t len);

enum hook {
	HOOK_TRACEPOINT, /* the opener is whoever brings the socket to SYN_SENT */
	HOOK_KPROBE,	 /* the opener is whoever calls tcp_connect() */
};

/* How the process that accepts a connection is found. */
enum accept_mode {
	ACCEPT_AUTO,  /* exactly where that costs others nothing, else lazily */
	ACCEPT_LAZY,  /* by the listener, a scan or the close */
	ACCEPT_EXACT, /* when it accepts, even if all system calls get slower by that */
};

/* What is left out in the kernel, and counted as filtered. */
struct filter {
	bool no_loopback;
	bool only_out;
	bool only_in;
	uint8_t ports[65536 / 8]; /* a bit for each service port: the peer's for out, ours for in */
};

/* What is done about pinned programs of this build that have other options. */
enum other_pins {
	OTHER_PINS_TELL,    /* -ESTALE: they may have something to tell */
	OTHER_PINS_ADOPT,   /* to hear it */
	OTHER_PINS_REPLACE, /* as those of another build */
};

struct probe_config {
	size_t ring_bytes;   /* a power of two, at least a page */
	uint32_t max_open;   /* connections followed at a time */
	bool attempts;	     /* send each connect() at once, before its outcome is known */
	bool verbose;	     /* let libbpf talk on standard error */
	bool early_failures; /* of connect(), before there is any transition */
	bool cmdline;	     /* send arguments at exec */
	enum hook hook;
	enum accept_mode accept;
	struct filter filter;
	const char *pin; /* the folder in which the programs outlive us, or "service": kept by the
			  * service manager; NULL: they go with us */
	struct manager *manager; /* borrowed; NULL: none started us */
	enum other_pins other_pins;
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

/* Detaches the programs, unless they are pinned: what has been sent can still be read, and
 * nothing follows. */
void probe_stop(struct probe *p);

/*
 * Of programs that are pinned. The kernel gets the room of what was read back with
 * probe_release(), after it is in the database; without pins, as it is read.
 */
enum probe_pins {
	PROBE_NO_PINS,
	PROBE_PINNED,	/* there were none, or half of them */
	PROBE_ADOPTED,	/* they run already */
	PROBE_REPLACED, /* those of another build or with other options ran till now */
};
enum probe_pins probe_pins(const struct probe *p);
int64_t probe_instance_ns(const struct probe *p); /* names them: when they were attached; or 0 */

uint64_t probe_position(const struct probe *p); /* of what was read, in the ring */
void probe_release(struct probe *p);
bool probe_must_release(const struct probe *p); /* soon: what is kept takes up much room */

/* What is before @position is in the database. False: it cannot be. */
bool probe_resume(struct probe *p, uint64_t position);

/* Counts as read what waits and is older than @boot_ns. */
void probe_pass(struct probe *p, int64_t boot_ns);

/* What is before the first and after the second position cannot be read (any more). */
void probe_span(const struct probe *p, uint64_t *from, uint64_t *to);

/*
 * Four scans that hand events to @sink. They do not come through the ring and are in no
 * count. A negative return of @sink fails the scan.
 *
 * probe_scan_processes: a KIND_EXEC for each process of this PID namespace that runs a
 * program, without arguments and of time 0.
 * probe_scan_files: of what the files of all processes lead to, a KIND_OPEN for each
 * connection that is not followed yet, a KIND_LISTEN for each such listener, and a
 * KIND_OWNER for each connection whose owner is not known, or only the listener's.
 * probe_scan_namespace: a KIND_OPEN for each connection of this thread's network
 * namespace that is not followed yet; to be run after the first.
 * probe_review: a KIND_PROGRESS for each connection that is followed.
 */
int probe_scan_processes(struct probe *p, probe_sink sink, void *ctx, struct err *err);
int probe_scan_files(struct probe *p, probe_sink sink, void *ctx, struct err *err);
int probe_scan_namespace(struct probe *p, probe_sink sink, void *ctx, struct err *err);
int probe_review(struct probe *p, probe_sink sink, void *ctx, struct err *err);

#define PROBE_RECORDS 8	 /* kinds of records in the ring: the first of enum event_kind */
#define PROBE_LOSERS  64 /* users whose losses are told apart */

/* What found no room, in a loser. */
enum probe_loss {
	PROBE_LOSS_RING = 1,
	PROBE_LOSS_TABLE = 2,
};
#define PROBE_LOSER(loss, uid) ((uint64_t)(loss) << 32 | (uint32_t)(uid))

/* The kernel side's account since the programs were loaded, over all CPUs. */
struct probe_counters {
	uint64_t seen[PROBE_RECORDS]; /* asked for room in the ring, by enum event_kind */
	uint64_t lost[PROBE_RECORDS]; /* of these, it was full */
	uint64_t table_full;	      /* connections whose state could not be kept */
	uint64_t in_connect_full;     /* calls of connect() that could not be watched */
	uint64_t listeners_full;      /* listeners that could not be kept */
	uint64_t filtered;	      /* connections left out because we were told to */
	uint64_t missed_ends;	      /* connections that ended without any program being run */
	uint64_t recursion_misses;    /* runs that the kernel passed over, of all programs: most of
				       * them need not have happened, or the twin did the work */
	uint64_t rescued;	      /* transitions that the twin handled instead */
	/* Of the ends lost and of table_full, those of one user each: never more than these
	 * were, and fewer where the owner was not known. */
	uint64_t lost_by[PROBE_LOSERS];
	/* Who that is, for as long as the programs run: PROBE_LOSER(); 0: nobody yet. */
	uint64_t loser[PROBE_LOSERS];
};
#define PROBE_COUNTERS (2 * PROBE_RECORDS + 7 + PROBE_LOSERS) /* the numbers before loser */

int probe_counters(const struct probe *p, struct probe_counters *out, struct err *err);

/* The same, but for what waits in the ring: it does not count as seen. */
int probe_counters_read(const struct probe *p, struct probe_counters *out, struct err *err);

#endif
