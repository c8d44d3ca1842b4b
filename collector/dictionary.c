#include "dictionary.h"

#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "db.h"

/* A pair of statements over the same parameters: find the row, else make it. */
struct finder {
	sqlite3_stmt *find;
	sqlite3_stmt *make;
};

struct dictionary {
	sqlite3 *db;		       /* borrowed */
	struct processes *processes;   /* borrowed */
	struct containers *containers; /* borrowed */
	int64_t boot;
	int64_t boot_offset_ns;
	struct finder process, program, container;
};

static int finder_init(struct finder *f, sqlite3 *db, const char *find, const char *make,
		       struct err *err)
{
	int ret = db_prepare(db, find, &f->find, err);

	return ret ? ret : db_prepare(db, make, &f->make, err);
}

static void finder_clear(struct finder *f)
{
	sqlite3_finalize(f->find);
	sqlite3_finalize(f->make);
}

int dictionary_new(sqlite3 *db, struct processes *processes, struct containers *containers,
		   int64_t boot, int64_t boot_offset_ns, struct dictionary **out, struct err *err)
{
	struct dictionary *d = calloc(1, sizeof(*d));
	int ret;

	if (!d)
		return err_set(err, -ENOMEM, "no memory for the dictionary");
	*d = (struct dictionary){
		.db = db,
		.processes = processes,
		.containers = containers,
		.boot = boot,
		.boot_offset_ns = boot_offset_ns,
	};
	ret = finder_init(&d->process, db,
			  "SELECT id FROM process WHERE boot = ?1 AND pid = ?2 AND start_us = ?3"
			  " AND program_id = ?5",
			  "INSERT INTO process(boot, pid, start_us, ppid, program_id)"
			  " VALUES(?1, ?2, ?3, ?4, ?5)",
			  err);
	/* The expressions are those of the index program_key. */
	if (!ret)
		ret = finder_init(&d->program, db,
				  "SELECT id FROM program WHERE comm = ?1"
				  " AND ifnull(exe, '') = ifnull(?2, '') AND uid = ?3"
				  " AND ifnull(container_id, 0) = ifnull(?4, 0)",
				  "INSERT INTO program(comm, exe, uid, container_id)"
				  " VALUES(?1, ?2, ?3, ?4)",
				  err);
	if (!ret)
		ret = finder_init(&d->container, db,
				  "SELECT id FROM container WHERE cgroup_id = ?1 AND path = ?2",
				  "INSERT INTO container(cgroup_id, path, runtime, name,"
				  " container_id, pod) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
				  err);
	if (ret) {
		dictionary_free(d);
		return ret;
	}
	*out = d;
	return 0;
}

void dictionary_free(struct dictionary *d)
{
	if (!d)
		return;
	finder_clear(&d->process);
	finder_clear(&d->program);
	finder_clear(&d->container);
	free(d);
}

/* The parameters, in order: "i" an int64_t, "n" the same with 0 for NULL, "t" text
 * with NULL or "" for NULL, "s" text as it is. A statement that does not use all of
 * them ignores the rest. */
static void bind_all(sqlite3_stmt *stmt, const char *types, va_list args)
{
	int at = 0;

	for (; *types; types++) {
		at++;
		if (*types == 'i' || *types == 'n') {
			int64_t value = va_arg(args, int64_t);

			if (*types == 'n' && value == 0)
				sqlite3_bind_null(stmt, at);
			else
				sqlite3_bind_int64(stmt, at, value);
		} else {
			const char *text = va_arg(args, const char *);

			if (*types == 't' && (!text || !*text))
				sqlite3_bind_null(stmt, at);
			else
				sqlite3_bind_text(stmt, at, text, -1, SQLITE_STATIC);
		}
	}
}

static int find_or_make(struct dictionary *d, struct finder *f, int64_t *row, struct err *err,
			const char *types, ...)
{
	va_list args;
	int rc;

	va_start(args, types);
	bind_all(f->find, types, args);
	va_end(args);
	rc = sqlite3_step(f->find);
	if (rc == SQLITE_ROW) {
		*row = sqlite3_column_int64(f->find, 0);
		sqlite3_reset(f->find);
		return 0;
	}
	sqlite3_reset(f->find);
	if (rc == SQLITE_DONE) {
		va_start(args, types);
		bind_all(f->make, types, args);
		va_end(args);
		rc = sqlite3_step(f->make);
		sqlite3_reset(f->make);
	}
	if (rc != SQLITE_DONE)
		return err_set(err, db_errno(rc), "writing a process: %s", sqlite3_errmsg(d->db));
	*row = sqlite3_last_insert_rowid(d->db);
	return 0;
}

int dictionary_container(struct dictionary *d, uint64_t cgroup_id, int64_t *row, struct err *err)
{
	struct container *c = containers_get(d->containers, cgroup_id);

	*row = 0;
	if (!c)
		return 0;
	if (c->row == 0) {
		int ret = find_or_make(d, &d->container, &c->row, err, "istttt",
				       (int64_t)c->cgroup_id, c->path, c->runtime, c->name, c->id,
				       c->pod);
		if (ret)
			return ret;
	}
	*row = c->row;
	return 0;
}

int dictionary_process(struct dictionary *d, const struct owner *owner, int64_t *row,
		       struct err *err)
{
	struct process *p = processes_get(d->processes, owner);
	int64_t container, program, start_us;
	int ret;

	*row = 0;
	if (!p)
		return 0;
	if (p->row == 0) {
		ret = dictionary_container(d, p->cgroup_id, &container, err);
		if (!ret)
			ret = find_or_make(d, &d->program, &program, err, "stin", p->comm, p->exe,
					   (int64_t)p->key.uid, container);
		if (ret)
			return ret;
		start_us = ((int64_t)p->key.start_boot_ns + d->boot_offset_ns) / NS_PER_US;
		ret = find_or_make(d, &d->process, &p->row, err, "iiini", d->boot,
				   (int64_t)p->key.pid, start_us, (int64_t)p->ppid, program);
		if (ret)
			return ret;
	}
	*row = p->row;
	return 0;
}

void dictionary_forget(struct dictionary *d)
{
	processes_forget_rows(d->processes);
	containers_forget_rows(d->containers);
}
