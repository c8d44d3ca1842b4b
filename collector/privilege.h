/*
 * privilege.h - who the collector is once all is open and attached: a user of its own without
 * any capability, who cannot get one back.
 */
#ifndef CONNMON_PRIVILEGE_H
#define CONNMON_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "err.h"

#define PRIVILEGE_USER "connmon" /* who root becomes when nobody else was named */

struct privilege {
	bool change;   /* root becomes another user */
	bool fallback; /* no user was named and there is no PRIVILEGE_USER */
	uid_t uid;
	gid_t gid;
	char name[64]; /* "" without change */
};

/*
 * Who we become: @user, a name or a number; NULL: PRIVILEGE_USER if we are root and it exists,
 * else who we are. -ENOENT: there is no such user; -EPERM: only root can be another.
 */
int privilege_choose(const char *user, struct privilege *out, struct err *err);

/* Whether the kernel asks for CAP_BPF with each call of bpf(), not just with the first ones: that
 * one capability is then kept. Before 5.19 (c8644cd0efe7 "bpf: refine kernel.unprivileged_bpf_
 * disabled behaviour"). */
bool privilege_keeps_bpf(void);

/* For good: the user, its group and no other, no capability in any set, no_new_privs. Nobody but
 * root can look into us afterwards. */
int privilege_drop(const struct privilege *p, struct err *err);

#endif
