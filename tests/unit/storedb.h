/* storedb.h - a store on a database of its own, and a second connection to look with. */
#ifndef CONNMON_STOREDB_H
#define CONNMON_STOREDB_H

#include "unit.h"

#include "clock.h"
#include "store.h"
#include "tempdb.h"

struct storedb {
	struct tempdb *temp;
	struct processes processes;
	struct containers containers;
	struct store *store;
	sqlite3 *db;
};

/* Begins a run, @now_ns after boot. */
static inline void storedb_begin(struct storedb *f, int64_t now_ns, int64_t offset_ns)
{
	const struct store_config config = {.path = f->temp->path,
					    .now_boot_ns = now_ns,
					    .offset_ns = offset_ns};
	struct err err = {0};

	if (store_open(&config, &f->processes, &f->containers, &f->store, &err))
		fail_msg("%s", err.msg);
}

/* A folder for it, and no names to be found in /proc or among the cgroups. */
static inline void storedb_init(struct storedb *f)
{
	tempdb_setup((void **)&f->temp);
	f->processes.proc = "/nowhere";
	f->containers.cgroups.mount_fd = -1;
}

/* Once there is a database. */
static inline void storedb_look(struct storedb *f)
{
	assert_int_equal(sqlite3_open(f->temp->path, &f->db), SQLITE_OK);
}

/* cmocka set-up: *state is a struct storedb whose run began a second after boot. */
static inline int storedb_setup(void **state, int64_t offset_ns)
{
	struct storedb *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	storedb_init(f);
	storedb_begin(f, NS_PER_S, offset_ns);
	storedb_look(f);
	*state = f;
	return 0;
}

static inline void storedb_clear(struct storedb *f)
{
	store_free(f->store);
	sqlite3_close(f->db);
	processes_clear(&f->processes);
	containers_clear(&f->containers);
	tempdb_teardown((void **)&f->temp);
}

/* cmocka tear-down of storedb_setup(). */
static inline int storedb_teardown(void **state)
{
	storedb_clear(*state);
	free(*state);
	return 0;
}

#endif
