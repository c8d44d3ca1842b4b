/*
 * manager.h - the service manager that started us, if it is one such as systemd: what it is
 * told, and the descriptors it keeps for us while we are away (sd_notify(3); the protocol is
 * stable: https://systemd.io/PORTABILITY_AND_STABILITY/,
 * https://systemd.io/FILE_DESCRIPTOR_STORE/). The socket is opened once, so that telling is a
 * write(), which stays allowed.
 */
#ifndef CONNMON_MANAGER_H
#define CONNMON_MANAGER_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

#define MANAGER_KEPT	 128 /* descriptors it may keep */
#define MANAGER_NAME_MAX 64

struct kept {
	char name[MANAGER_NAME_MAX];
	int fd; /* ours; 0: none */
};

struct manager {
	int fd;		     /* to it; -1: nobody is told */
	int64_t watchdog_ns; /* it ends us after so long a silence; 0: never */
	struct kept kept[MANAGER_KEPT];
	int n_kept;
};

/*
 * Takes over what the environment says, and takes it out of there. Without a manager @m->fd is -1
 * and the others do nothing. -errno when it is named and cannot be spoken to.
 */
int manager_open(struct manager *m, struct err *err);
void manager_close(struct manager *m);

/* "READY=1" and the like. What cannot be said is not said: we work on all the same. */
void manager_tell(const struct manager *m, const char *state);

/* "READY=1". From then on telling waits for nobody: a manager that hangs hears less. */
void manager_tell_ready(const struct manager *m);

/* "STATUS=" and the text, of which control characters are made harmless. */
void manager_tell_status(const struct manager *m, const char *text);

/* A new descriptor of what is kept by that name, for the caller to close; or -ENOENT. */
int manager_get(const struct manager *m, const char *name);

/* To be kept until the service is stopped for good. The caller keeps @fd, too. */
int manager_keep(struct manager *m, const char *name, int fd);

/* Lets go of all whose name begins with @prefix. */
void manager_forget(struct manager *m, const char *prefix);

/* The same of the one of that name, also when it did not come with this process. */
void manager_forget_one(struct manager *m, const char *name);

/* Returns when it has heard all that was said so far, 5 s later at the latest. */
void manager_wait(const struct manager *m);

#endif
