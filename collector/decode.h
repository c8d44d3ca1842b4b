/* decode.h - bytes from the ring (or the scan) -> a checked event. Pure. */
#ifndef CONNMON_DECODE_H
#define CONNMON_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "connection.h"
#include "err.h"

enum event_kind {
	KIND_ATTEMPT, /* connect() begins */
	KIND_OPEN,    /* established, or found so by the scan */
	KIND_END,     /* over, or failed */
	KIND_EXEC,    /* a process runs another program */
};

struct event {
	enum event_kind kind;
	int64_t time_boot_ns;
	struct connection connection; /* outcome set for KIND_END; else OPEN or CONNECTING; of
				       * KIND_EXEC only the owner is set */
	char exe[EXE_LEN];	      /* of KIND_EXEC: the path, raw; "" when not to be had */
};

/* Fills *@out from @len bytes at @data. -EBADMSG with what is wrong when they are
 * no event of ours; *@out is then of no use. */
int decode_event(const void *data, size_t len, struct event *out, struct err *err);

#endif
