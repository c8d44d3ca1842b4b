/*
 * pin.h - programs and maps that outlive us, as files in a folder on bpffs, or as descriptors
 * that the service manager keeps. Part of the probe.
 *
 * In the folder, or by these names: map_NAME for each map that must not be made anew, program_NAME
 * and link_NAME for each program that waits for events, and last of all about_v1, a map of one
 * struct pin_about. A folder without that is half made, and as good as empty.
 */
#ifndef CONNMON_PIN_H
#define CONNMON_PIN_H

#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "manager.h"

#define PIN_PROGRAMS 64 /* the most that an object may have */

struct pin_about {
	uint64_t object;      /* fingerprint of the object they were loaded from */
	uint64_t options;     /* of what was set before loading */
	uint64_t instance_ns; /* just before they were attached, since boot */
	uint64_t programs;    /* a bit for each program of the object that is attached */
};

/* Files in the folder, held open so that they last as long as we do. */
struct pins {
	struct manager *manager; /* borrowed; NULL: it is a folder */
	int lock_fd;
	int links[PIN_PROGRAMS]; /* descriptors; not above 0: none */
	int programs[PIN_PROGRAMS];
};

/* Goes on with the bytes, from @hash, 0 at first. */
uint64_t pin_fingerprint(uint64_t hash, const void *data, size_t len);

/*
 * Makes @dir when its parent is there, and locks it for as long as @p lives. -EINVAL when
 * it is not on bpffs, -EPERM and -EACCES when we may not, -EBUSY when another collector
 * uses it. The caller frees @p with pins_close(), also after a failure.
 * Where @dir is PROBE_PIN_SERVICE, @manager (borrowed) keeps them; -ENOTSUP when there is none.
 */
int pins_open(struct pins *p, const char *dir, struct manager *manager, struct err *err);
void pins_close(struct pins *p); /* what is pinned stays; one of zeros is allowed */

/* What is pinned there. False: nothing, or not all of these @n maps. */
bool pins_read(const struct pins *p, const char *dir, const char *const *maps, size_t n,
	       struct pin_about *about);

/* The most entries of a map that is pinned there; of a ring, its bytes. 0: it is not there. */
uint32_t pins_map_size(const struct pins *p, const char *dir, const char *name);

/* Removes what is pinned there: programs that nobody else holds are detached. */
int pins_remove(const struct pins *p, const char *dir, struct err *err);

/* Before loading: these maps, of @n names, will be those of @dir, or will be pinned there. */
int pins_name_maps(const struct pins *p, struct bpf_object *obj, const char *dir,
		   const char *const *names, size_t n, struct err *err);

/* Before loading: the programs of @about run already, and no other is to be loaded but for
 * iterators. Takes hold of them. False: some are missing, and nothing is changed in @obj. */
bool pins_adopt(struct pins *p, struct bpf_object *obj, const char *dir,
		const struct pin_about *about);

/* After attaching: pins the programs and their links, then @about, whose programs are set. */
int pins_write(const struct pins *p, struct bpf_object_skeleton *skeleton, const char *dir,
	       const char *const *maps, size_t n, struct pin_about *about, struct err *err);

#endif
