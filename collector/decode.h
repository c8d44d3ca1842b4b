/* decode.h - bytes from the ring (or the scan) -> a checked event. Pure. */
#ifndef CONNMON_DECODE_H
#define CONNMON_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "connection.h"
#include "err.h"
#include "listener.h"

/* A local variable that is filled at once: it need not be zeroed before, as our compiler flags
 * have it done, when it is large and used for each event. */
#define FILLED_AT_ONCE __attribute__((uninitialized))

#define ARGS_LEN	512
#define CGROUP_PATH_LEN 512

/* What of an event is set beside the time, by its kind. */
enum event_kind {
	KIND_ATTEMPT,  /* connect() begins: connection */
	KIND_OPEN,     /* established, or found so by the scan: connection */
	KIND_END,      /* over, or failed: connection */
	KIND_OWNER,    /* of an open connection: of connection the id, the owner, how it is
			* known, and accepted_boot_ns */
	KIND_LISTEN,   /* a socket listens, or no longer: listener */
	KIND_EXEC,     /* a process runs another program, or at time 0 the scan found that it
			* does: owner, parent, path, args */
	KIND_EXIT,     /* a process is over: of owner the pid and the start */
	KIND_CGROUP,   /* a cgroup was made or removed: cgroup, path */
	KIND_PROGRESS, /* never in the ring: still open, as a scan found it: connection */
};

struct event {
	enum event_kind kind;
	int64_t time_boot_ns;
	struct connection connection; /* outcome: as it ended, else OPEN or CONNECTING */
	struct owner owner;
	struct owner parent;
	struct listener listener;
	struct {
		uint64_t id;
		bool up; /* made, else removed */
	} cgroup;
	char path[EXE_LEN + 1];	 /* of the program, or of the cgroup; raw; "" when not to be had */
	char args[ARGS_LEN + 1]; /* each with a NUL, raw */
	size_t args_len;
	bool args_cut; /* there were more of them */
};

/* Fills *@out from @len bytes at @data. -EBADMSG with what is wrong when they are
 * no event of ours; *@out is then of no use. */
int decode_event(const void *data, size_t len, struct event *out, struct err *err);

#endif
