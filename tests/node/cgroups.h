/* cgroups.h - where cgroups of version 2 are, and who is in which. */
#ifndef CONNMON_CGROUPS_H
#define CONNMON_CGROUPS_H

/* Where cgroup v2 is mounted; "" when it is not. Valid until the next call. */
const char *cgroup_mount(void);

/* Moves this process. */
void cgroup_enter(const char *cgroup);

#endif
