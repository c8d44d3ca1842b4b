/*
 * container_name.h - what people call a container: read from the files in which its
 * runtime keeps its state, without asking any daemon.
 *
 * Read are docker, podman, CRI-O and containerd (Kubernetes, nerdctl), those of users
 * too. The files are not trusted: they must be regular, small and reached by a path that
 * holds nothing but digits of what others chose; users' files only on file systems that
 * cannot keep us waiting.
 */
#ifndef CONNMON_CONTAINER_NAME_H
#define CONNMON_CONTAINER_NAME_H

#include <stdbool.h>

#include "container_path.h"

struct name_reader;

/* @root stands before all paths; "" usually, borrowed. NULL when memory is short. */
struct name_reader *name_reader_new(const char *root);
void name_reader_free(struct name_reader *r); /* NULL is allowed */

/* Puts what it finds into *@facts: the name; of Kubernetes the pod as namespace/name; and
 * the runtime where the path did not tell. False, and nothing is changed, when it finds
 * nothing. Takes the time of a few open() and one read(). @r may be NULL. */
bool name_reader_look_up(struct name_reader *r, struct container_facts *facts);

/* Where the system's containers are looked up: folders, or files; NULL after the last. Those of
 * users are below their homes, and /etc/passwd says where. */
const char *name_reader_place(int i);

#endif
