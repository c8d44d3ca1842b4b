#include "callers.h"

#include <stdio.h>

#include "stage.h"

#define PATH_LEN 256

void caller_make(const char *folder, const char *name)
{
	static char first[PATH_LEN]; /* the others are links to it: it may be on another disk */
	char path[PATH_LEN], command[2 * PATH_LEN];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (*first && link(first, path) == 0)
		return;
	snprintf(command, sizeof(command), "cp " CALLER " %s", path);
	run(command);
	snprintf(first, sizeof(first), "%s", path);
}

void caller_become(const char *folder, const char *name, uid_t uid, int local_port, int peer_port,
		   int stays)
{
	char path[PATH_LEN], user[16], local[16], peer[16];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	snprintf(user, sizeof(user), "%u", uid);
	snprintf(local, sizeof(local), "%d", local_port);
	snprintf(peer, sizeof(peer), "%d", peer_port);
	execl(path, name, user, local, peer, stays ? "stay" : NULL, NULL);
	must(!"the program is there");
}
