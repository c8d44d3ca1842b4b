/*
 * life.h - processes by (pid, start), and the programs that each runs and ran, for some
 * time after it is gone: ends of its connections may follow its own. Bounded. Pure.
 */
#ifndef CONNMON_LIFE_H
#define CONNMON_LIFE_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "connection.h"

/* A program that a process runs, from one exec to the next. */
struct image {
	struct owner owner;    /* the process as it was last described while it ran this */
	int64_t since_boot_ns; /* 0: it is not known when that exec was */
	char *exe;	       /* escaped; NULL: not known */
	char *cmdline;	       /* escaped; NULL: not known, or not asked for */
	struct image *older;
};

struct life {
	struct life_key {
		uint64_t start_boot_ns;
		uint64_t pid;
	} key;
	struct image *images; /* the newest first, at most LIFE_IMAGES */
	int64_t exit_boot_ns; /* 0: not over, or not known to be */
	bool has_row;	      /* in table process, perhaps */
	UT_hash_handle hh;
};

#define LIFE_IMAGES  4
#define LIFE_LIVING  32768 /* then those known for the longest time are forgotten */
#define LIFE_GONE    16384 /* likewise those gone for the longest time */
#define LIFE_KEEP_NS (60LL * 1000000000)

struct lives {
	struct life *living, *gone; /* uthash keeps the order of insertion */
};

/* NULL: not known. Valid until the next call that adds or ends one. */
struct life *life_find(const struct lives *ls, uint64_t start_boot_ns, uint32_t pid);

/*
 * The image that @owner runs, which keeps @owner's description; both it and its life are
 * made when they are not there. NULL: no memory. Of one process the exec_id tells the
 * images apart, whatever it calls itself and whenever a record of it comes.
 */
struct image *life_describe(struct lives *ls, const struct owner *owner);

/* The image of this exec, or what it ran at this time as far as is known; NULL: none. */
struct image *life_image(const struct life *life, uint32_t exec_id);
struct image *life_image_at(const struct life *life, int64_t boot_ns);

/* Sets what is known of an image: copies; NULL and "" both mean not known. */
void life_set_program(struct image *image, const char *exe, const char *cmdline);

/* The process is over. Returns its life, the first time; NULL when it is not known. */
struct life *life_end(struct lives *ls, uint64_t start_boot_ns, uint32_t pid, int64_t at_boot_ns);

void lives_clear(struct lives *ls);

#endif
