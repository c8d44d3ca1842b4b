/* sent.h - how far connmon-forward is, as its state file says: see fleet/state.h. */
#ifndef CONNMON_SENT_H
#define CONNMON_SENT_H

#include <stdint.h>

/* The id of the connection that was sent last. Negative errno: nobody can tell (-EINVAL: that is no
 * such file). */
int sent_read(const char *path, int64_t *id);

#endif
