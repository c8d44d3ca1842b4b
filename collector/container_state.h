/*
 * container_state.h - the text of the files in which runtimes keep the state of containers -> what
 * people call one. Pure; the text may be anybody's.
 */
#ifndef CONNMON_CONTAINER_STATE_H
#define CONNMON_CONTAINER_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include "container_path.h"

enum state_kind {
	STATE_DOCKER_CONFIG, /* config.v2.json of one container */
	STATE_OCI_CONFIG,    /* config.json of one container */
	STATE_STORAGE_LIST,  /* containers.json: all of a user */
	STATE_KINDS,
};

struct state_reader;

struct state_reader *state_reader_new(void);	/* NULL when memory is short */
void state_reader_free(struct state_reader *r); /* NULL is allowed */

/* Puts the name, and of Kubernetes the pod as namespace/name, that the @len bytes at @text have for
 * facts->id into *@facts; what is not there stays as it is. False, and nothing is changed, when the
 * text is no such state, or has nothing of that container. */
bool state_read(struct state_reader *r, enum state_kind kind, const char *text, size_t len,
		struct container_facts *facts);

#endif
