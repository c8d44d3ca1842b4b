#include "netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#define OWN_PATH "/proc/self/ns/net"

struct visited {
	ino_t inode;
	UT_hash_handle hh;
};

/* Whether @inode is met for the first time. Without memory it is not, which costs
 * that one's visit. */
static bool is_new(struct visited **set, ino_t inode)
{
	struct visited *v;

	HASH_FIND(hh, *set, &inode, sizeof(inode), v);
	if (v)
		return false;
	v = calloc(1, sizeof(*v));
	if (!v)
		return false;
	v->inode = inode;
	HASH_ADD(hh, *set, inode, sizeof(v->inode), v);
	if (v->hh.tbl)
		return true;
	free(v);
	return false;
}

static void forget(struct visited **set)
{
	struct visited *v, *tmp;

	HASH_ITER (hh, *set, v, tmp) {
		HASH_DEL(*set, v);
		free(v);
	}
}

/* Visits the namespace behind @path, unless it was or may not be. */
static int visit(const char *path, struct visited **set, int (*each)(void *ctx, struct err *err),
		 void *ctx, struct err *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) == 0 && is_new(set, st.st_ino) && setns(fd, CLONE_NEWNET) == 0)
		ret = each(ctx, err);
	close(fd);
	return ret;
}

int netns_each(int (*each)(void *ctx, struct err *err), void *ctx, struct err *err)
{
	struct visited *set = NULL;
	struct dirent *entry;
	struct stat st;
	char path[64];
	DIR *proc;
	int own, ret;

	own = open(OWN_PATH, O_RDONLY | O_CLOEXEC);
	if (own < 0 || fstat(own, &st) != 0) {
		ret = err_set(err, -errno, "%s: %s; is /proc mounted?", OWN_PATH, strerror(errno));
		if (own >= 0)
			close(own);
		return ret;
	}
	is_new(&set, st.st_ino);
	ret = each(ctx, err);
	proc = opendir("/proc");
	while (!ret && proc && (entry = readdir(proc))) {
		if (entry->d_name[strspn(entry->d_name, "0123456789")] != '\0')
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/ns/net", entry->d_name);
		ret = visit(path, &set, each, ctx, err);
	}
	if (proc)
		closedir(proc);
	/* Who may not enter any has left none. */
	if (setns(own, CLONE_NEWNET) != 0 && errno != EPERM && !ret)
		ret = err_set(err, -errno, "going back to the own network namespace: %s",
			      strerror(errno));
	close(own);
	forget(&set);
	return ret;
}
