/* callers.h - very many programs of different names, which are one: see caller.c. */
#ifndef CONNMON_CALLERS_H
#define CONNMON_CALLERS_H

#include <stddef.h>
#include <sys/types.h>

/* Makes the program @folder/@name, so that whoever runs it is called @name. */
void caller_make(const char *folder, const char *name);

/* This process becomes it; @stays, while the other end of its standard input is held. */
void caller_become(const char *folder, const char *name, uid_t uid, int local_port, int peer_port,
		   int stays);

#endif
