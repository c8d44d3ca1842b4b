#include "dictionary.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "clock.h"
#include "db.h"

#define MAX_LOCAL_ADDRESSES 4096

struct local_address {
	struct local_address_key {
		struct in6_addr addr;
		uint32_t netns;
		uint32_t family;
	} key;
	int64_t row;
	UT_hash_handle hh;
};

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
	int64_t offset_ns; /* of the transaction */
	struct finder process, program, container, local_address;
	struct local_address *local_addresses;
	struct marks *marks; /* borrowed; NULL: nobody asks */
	sqlite3_stmt *put_exit;
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
			  "INSERT INTO process(boot, pid, start_us, ppid, program_id, parent_id,"
			  " exit_us, cmdline) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
			  err);
	if (!ret) /* all that it ran */
		ret = db_prepare(db,
				 "UPDATE process SET exit_us = ?4"
				 " WHERE boot = ?1 AND pid = ?2 AND start_us = ?3",
				 &d->put_exit, err);
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
	if (!ret)
		ret = finder_init(&d->local_address, db,
				  "SELECT id FROM local_address WHERE netns = ?1 AND addr = ?2",
				  "INSERT INTO local_address(netns, addr) VALUES(?1, ?2)", err);
	if (ret) {
		dictionary_free(d);
		return ret;
	}
	*out = d;
	return 0;
}

static void forget_local_addresses(struct dictionary *d)
{
	struct local_address *l, *tmp;

	HASH_ITER (hh, d->local_addresses, l, tmp) {
		HASH_DEL(d->local_addresses, l);
		free(l);
	}
}

void dictionary_free(struct dictionary *d)
{
	if (!d)
		return;
	forget_local_addresses(d);
	finder_clear(&d->local_address);
	finder_clear(&d->process);
	finder_clear(&d->program);
	finder_clear(&d->container);
	sqlite3_finalize(d->put_exit);
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
		return err_set(err, db_errno(rc), "writing what rows refer to: %s",
			       sqlite3_errmsg(d->db));
	*row = sqlite3_last_insert_rowid(d->db);
	return 0;
}

void dictionary_mark_in(struct dictionary *d, struct marks *marks)
{
	d->marks = marks;
}

static void give_out(struct dictionary *d, enum marked table, int64_t row)
{
	if (d->marks)
		marks_set(d->marks, table, row);
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
	give_out(d, MARKED_CONTAINER, *row);
	return 0;
}

/* When there is no memory to remember it, it is looked up again. */
static void remember_local_address(struct dictionary *d, const struct local_address_key *key,
				   int64_t row)
{
	struct local_address *l = calloc(1, sizeof(*l));

	if (!l)
		return;
	l->key = *key;
	l->row = row;
	HASH_ADD(hh, d->local_addresses, key, sizeof(l->key), l);
	if (!l->hh.tbl) {
		free(l);
		return;
	}
	if (HASH_COUNT(d->local_addresses) <= MAX_LOCAL_ADDRESSES)
		return;
	l = d->local_addresses; /* uthash keeps the order of insertion */
	HASH_DEL(d->local_addresses, l);
	free(l);
}

int dictionary_local_address(struct dictionary *d, const struct connection *c, int64_t *row,
			     struct err *err)
{
	const struct local_address_key key = {.addr = c->local_addr,
					      .netns = c->netns,
					      .family = c->family};
	char text[INET6_ADDRSTRLEN];
	struct local_address *l;
	int ret;

	HASH_FIND(hh, d->local_addresses, &key, sizeof(key), l);
	if (l) {
		*row = l->row;
	} else {
		inet_ntop(c->family == 6 ? AF_INET6 : AF_INET, &c->local_addr, text, sizeof(text));
		ret = find_or_make(d, &d->local_address, row, err, "is", (int64_t)c->netns, text);
		if (ret)
			return ret;
		remember_local_address(d, &key, *row);
	}
	give_out(d, MARKED_LOCAL_ADDRESS, *row);
	return 0;
}

static int64_t start_us(const struct dictionary *d, uint64_t start_boot_ns)
{
	return clock_wall_us((int64_t)start_boot_ns, d->boot_offset_ns);
}

static int process_row(struct dictionary *d, const struct owner *owner, int depth, int64_t *row,
		       struct err *err);

/* The row of the parent of the process @p; 0 when no more than its pid is known, or it is
 * too far up. */
static int parent_row(struct dictionary *d, const struct process *p, int depth, int64_t *row,
		      struct err *err)
{
	struct owner parent;

	*row = 0;
	if (depth >= MAX_ANCESTORS || !processes_parent(d->processes, p, &parent))
		return 0;
	return process_row(d, &parent, depth + 1, row, err);
}

static int make_row(struct dictionary *d, struct process *p, int64_t parent, struct err *err)
{
	int64_t exit_boot_ns = processes_exit_boot_ns(d->processes, p);
	int64_t container, program, row;
	int ret;

	ret = dictionary_container(d, p->cgroup_id, &container, err);
	if (!ret)
		ret = find_or_make(d, &d->program, &program, err, "stin", p->comm, p->exe,
				   (int64_t)p->key.uid, container);
	if (!ret)
		ret = find_or_make(d, &d->process, &row, err, "iiininnt", d->boot,
				   (int64_t)p->key.pid, start_us(d, p->key.start_boot_ns),
				   (int64_t)p->ppid, program, parent,
				   exit_boot_ns ? clock_wall_us(exit_boot_ns, d->offset_ns) : 0,
				   p->cmdline);
	if (ret)
		return ret;
	give_out(d, MARKED_PROGRAM, program);
	processes_has_row(d->processes, p, row);
	return 0;
}

static int process_row(struct dictionary *d, const struct owner *owner, int depth, int64_t *row,
		       struct err *err)
{
	struct process *p;
	int64_t parent;
	int ret;

	*row = processes_recent_row(d->processes, owner);
	if (*row) {
		give_out(d, MARKED_PROCESS, *row);
		return 0;
	}
	p = processes_get(d->processes, owner);
	if (!p)
		return 0;
	if (p->row == 0) {
		ret = parent_row(d, p, depth, &parent, err);
		if (ret)
			return ret;
		p = processes_get(d->processes, owner); /* its parents may have displaced it */
		if (!p)
			return 0;
		ret = make_row(d, p, parent, err);
		if (ret)
			return ret;
	}
	*row = p->row;
	give_out(d, MARKED_PROCESS, *row);
	return 0;
}

int dictionary_process(struct dictionary *d, const struct owner *owner, int64_t *row,
		       struct err *err)
{
	return process_row(d, owner, 0, row, err);
}

void dictionary_begin(struct dictionary *d, int64_t offset_ns)
{
	d->offset_ns = offset_ns;
}

int dictionary_exits(struct dictionary *d, struct err *err)
{
	const struct processes *ps = d->processes;
	int ret = 0;

	for (size_t i = 0; i < ps->n_exited && !ret; i++) {
		const struct exited *e = &ps->exited[i];

		sqlite3_bind_int64(d->put_exit, 1, d->boot);
		sqlite3_bind_int64(d->put_exit, 2, e->pid);
		sqlite3_bind_int64(d->put_exit, 3, start_us(d, e->start_boot_ns));
		sqlite3_bind_int64(d->put_exit, 4, clock_wall_us(e->at_boot_ns, d->offset_ns));
		ret = db_step(d->db, d->put_exit, "the end of a process", err);
	}
	return ret;
}

void dictionary_committed(struct dictionary *d)
{
	processes_exits_written(d->processes);
}

void dictionary_forget(struct dictionary *d)
{
	processes_forget_rows(d->processes);
	containers_forget_rows(d->containers);
	forget_local_addresses(d);
}
