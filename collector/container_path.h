/*
 * container_path.h - the path of a cgroup -> the container it belongs to, by the names
 * that runtimes give. Pure.
 */
#ifndef CONNMON_CONTAINER_PATH_H
#define CONNMON_CONTAINER_PATH_H

#include <stdbool.h>

#define CONTAINER_ID_LEN   64
#define CONTAINER_NAME_LEN 255
#define CONTAINER_POD_LEN  330 /* a namespace (63), a slash, a name (253) and room */
#define SHORT_ID_LEN	   12

/* Text is raw: from a path, and others may have chosen it. */
struct container_facts {
	const char *runtime;		   /* a constant; see container_path_parse() */
	char id[CONTAINER_ID_LEN + 1];	   /* the runtime's; "": it has none but the name */
	char name[CONTAINER_NAME_LEN + 1]; /* of an id the first 12 digits */
	char pod[CONTAINER_POD_LEN + 1];   /* the uid of its pod; "": in none */
	unsigned int uid;		   /* of the user who runs it; 0: the system */
};

/*
 * Recognises the innermost container in @path; false, and *@facts is of no use, when it
 * is in none. A runtime's own helpers (conmon, lxc.monitor, the supervisor of nspawn)
 * are not in the container, nor are plain units of systemd, snaps or virtual machines.
 *
 * runtime is one of docker, containerd, crio, podman, lxc, nspawn, nomad, garden; or,
 * where the path does not say by what it was made, kubernetes, ecs or oci (any runtime that
 * names a cgroup by 64 digits).
 */
bool container_path_parse(const char *path, struct container_facts *facts);

#endif
