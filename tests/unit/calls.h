/*
 * calls.h - system calls that fail when a test says so. calls.c, linked into a test, defines those
 * below itself, which goes before libc's for all code of ours; without anything said, they do what
 * they always do. A test that needs another asks fails() in one of its own.
 *
 *     fchown fcntl flock getcwd lchown mkdir open opendir readlink realpath setgroups setns
 * setresuid stat
 */
#ifndef CONNMON_CALLS_H
#define CONNMON_CALLS_H

#include <stdbool.h>

/* The @nth time that @call is called from now on, and no other, it fails with @error. */
void fail_call(const char *call, unsigned int nth, int error);
/* Each time. */
void fail_calls(const char *call, int error);
/* None from now on. Returns how often the call has failed. */
unsigned int mend_calls(void);

/* For the call itself: whether it is to fail now, errno being set. */
bool fails(const char *call);

#endif
