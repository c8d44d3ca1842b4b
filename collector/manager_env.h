/* manager_env.h - what the service manager says by environment variables (sd_listen_fds(3),
 * sd_watchdog_enabled(3), sd_notify(3)) -> values. Pure. NULL: the variable is not set. */
#ifndef CONNMON_MANAGER_ENV_H
#define CONNMON_MANAGER_ENV_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "err.h"

/* How many descriptors $LISTEN_FDS says are handed over, if $LISTEN_PID is @self; no more than
 * @most. */
int manager_env_fds(const char *listen_pid, const char *listen_fds, pid_t self, int most);

/* The next one's name, of *@len bytes, out of *@names, which is what is left of $LISTEN_FDNAMES
 * (colons between) and goes one further. Without an end: not NUL-terminated. */
const char *manager_env_name(const char **names, size_t *len);

/* After how long a silence it ends us, by $WATCHDOG_USEC, unless $WATCHDOG_PID is another's; 0:
 * never. */
int64_t manager_env_watchdog_ns(const char *watchdog_pid, const char *watchdog_usec, pid_t self);

/* $NOTIFY_SOCKET -> its address, of *@len bytes. -EINVAL. */
int manager_env_socket(const char *path, struct sockaddr_un *out, socklen_t *len, struct err *err);

#endif
