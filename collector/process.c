#include "process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmdline.h"
#include "procfs.h"

#define MAX_PROCESSES 16384

/* ---- programs ---- */

/* A fork goes on with what its parent ran when it was made, exec_id included. Only when
 * it is also called the same: the parent may be another by now, for whose parent is gone
 * gets a new one, which may happen to have the same exec_id. */
static bool find_inherited(struct processes *ps, struct image *image)
{
	const struct owner *o = &image->owner;
	const struct life *life = life_find(&ps->lives, o->parent_start_boot_ns, o->ppid);
	const struct image *parent = life ? life_image(life, o->exec_id) : NULL;

	if (!parent || parent == image || !parent->exe || strcmp(parent->owner.comm, o->comm) ||
	    parent->since_boot_ns > (int64_t)o->start_boot_ns)
		return false;
	life_set_program(image, parent->exe, parent->cmdline);
	return true;
}

static bool find_in_proc(struct processes *ps, struct image *image, uint32_t pid, int64_t from_ns,
			 int64_t to_ns)
{
	struct procfs_program program;

	if (!procfs_program(ps->proc, pid, image->owner.comm, from_ns, to_ns, ps->cmdline,
			    &program))
		return false;
	life_set_program(image, program.exe, program.cmdline);
	free(program.cmdline);
	return true;
}

/* Whether that process may run the image of @exec_id now: it is not known to run another. */
static bool may_run(const struct processes *ps, uint64_t start_boot_ns, uint32_t pid,
		    uint32_t exec_id)
{
	const struct life *life = life_find(&ps->lives, start_boot_ns, pid);

	return !life || !life->images || life->images->owner.exec_id == exec_id ||
	       life->images->owner.exec_id == 0;
}

/*
 * An exec, or the scan, told the program of this (pid, start, exec_id) itself: that is
 * certain, whatever the process has called itself since and whenever the record comes,
 * for the kernel gives each exec the next exec_id. If none did, the process was made by a
 * fork and made no exec of its own (or that record was lost): it runs what its parent
 * ran, or what /proc says; there nothing but the name tells one program from the next.
 */
static void find_program(struct processes *ps, struct image *image)
{
	const struct owner *o = &image->owner;
	const int64_t start_ns = procfs_tick(o->start_boot_ns);

	if (image->exe || find_inherited(ps, image))
		return;
	if (may_run(ps, o->start_boot_ns, o->pid, o->exec_id) &&
	    find_in_proc(ps, image, o->pid, start_ns, start_ns))
		return;
	if (may_run(ps, o->parent_start_boot_ns, o->ppid, o->exec_id))
		find_in_proc(ps, image, o->ppid, 0, start_ns);
}

/* ---- parents ---- */

/* Makes sure that the parents of @owner are known, now that they can still be looked at. */
static void meet_parents(struct processes *ps, const struct owner *owner)
{
	struct owner o = *owner, parent;

	for (int i = 0; i < MAX_ANCESTORS && o.ppid && o.parent_start_boot_ns; i++) {
		const struct life *life = life_find(&ps->lives, o.parent_start_boot_ns, o.ppid);
		struct image *image = NULL;

		if (life)
			image = life_image_at(life, (int64_t)o.start_boot_ns);
		else if (procfs_owner(ps->proc, o.ppid, o.parent_start_boot_ns, &parent))
			image = life_describe(&ps->lives, &parent);
		if (!image)
			return;
		find_program(ps, image);
		o = image->owner;
	}
}

bool processes_parent(const struct processes *ps, const struct process *p, struct owner *out)
{
	const struct life *life = life_find(&ps->lives, p->parent_start_boot_ns, p->ppid);

	if (p->ppid == 0 || !life || !life->images)
		return false;
	*out = life_image_at(life, (int64_t)p->key.start_boot_ns)->owner;
	return true;
}

/* ---- exec and exit ---- */

static struct image *describe(struct processes *ps, const struct owner *owner)
{
	struct image *image = life_describe(&ps->lives, owner);

	if (image && !image->exe)
		find_inherited(ps, image);
	return image;
}

/* The scan of the kernel side brings no arguments: its programs have run for long. */
static char *arguments(const struct processes *ps, const struct event *e)
{
	const int64_t start_ns = procfs_tick(e->owner.start_boot_ns);
	struct procfs_program program;

	if (!ps->cmdline)
		return NULL;
	if (e->time_boot_ns || e->args_len)
		return cmdline_join(e->args, e->args_len, e->args_cut);
	if (!procfs_program(ps->proc, e->owner.pid, e->owner.comm, start_ns, start_ns, true,
			    &program))
		return NULL;
	return program.cmdline;
}

void processes_exec(struct processes *ps, const struct event *e)
{
	char safe[ESCAPED_SIZE(EXE_LEN)];
	struct image *image;
	char *cmdline;

	if (e->parent.pid)
		describe(ps, &e->parent);
	image = life_describe(&ps->lives, &e->owner);
	if (!image)
		return;
	image->since_boot_ns = e->time_boot_ns;
	escape_text(e->path, strlen(e->path), safe, sizeof(safe));
	cmdline = arguments(ps, e);
	life_set_program(image, safe, cmdline);
	free(cmdline);
	if (e->time_boot_ns == 0) { /* an earlier run may have given it a row */
		struct life *life = life_find(&ps->lives, e->owner.start_boot_ns, e->owner.pid);

		life->has_row = true;
	}
}

void processes_exit(struct processes *ps, const struct owner *owner, int64_t at_boot_ns)
{
	struct life *life = life_end(&ps->lives, owner->start_boot_ns, owner->pid, at_boot_ns);

	if (!life || !life->has_row)
		return;
	if (!ps->exited)
		ps->exited = calloc(MAX_EXITED, sizeof(*ps->exited));
	if (!ps->exited || processes_exits_full(ps))
		return;
	ps->exited[ps->n_exited++] = (struct exited){
		.start_boot_ns = owner->start_boot_ns,
		.pid = owner->pid,
		.at_boot_ns = at_boot_ns,
	};
}

bool processes_exits_full(const struct processes *ps)
{
	return ps->n_exited == MAX_EXITED;
}

int64_t processes_exit_boot_ns(const struct processes *ps, const struct process *p)
{
	const struct life *life = life_find(&ps->lives, p->key.start_boot_ns, p->key.pid);

	return life ? life->exit_boot_ns : 0;
}

void processes_exits_written(struct processes *ps)
{
	ps->n_exited = 0;
}

/* ---- who owns a connection ---- */

static struct process_key key_of(const struct owner *owner)
{
	struct process_key key;

	memset(&key, 0, sizeof(key)); /* padding too: it is hashed as bytes */
	key.start_boot_ns = owner->start_boot_ns;
	key.pid = owner->pid;
	key.uid = owner->uid;
	key.exec_id = owner->exec_id;
	memcpy(key.comm, owner->comm, sizeof(key.comm));
	return key;
}

static bool is_recent(const struct processes *ps, const struct process *p)
{
	return ps->recent[p->key.pid % PROCESSES_RECENT].p == p;
}

/* One that is in no table. */
static void free_process(struct processes *ps, struct process *p)
{
	if (is_recent(ps, p))
		ps->recent[p->key.pid % PROCESSES_RECENT].p = NULL;
	free(p->exe);
	free(p->cmdline);
	free(p);
}

/* Makes room for one more: of those that came first the first that was not used since it
 * was last asked here. */
static void forget_one(struct processes *ps)
{
	struct process *p;

	while ((p = ps->table)) { /* uthash keeps the order of insertion */
		HASH_DEL(ps->table, p);
		if (!p->used && !is_recent(ps, p))
			break;
		p->used = false;
		HASH_ADD(hh, ps->table, key, sizeof(p->key), p);
		if (!p->hh.tbl)
			break;
	}
	if (p)
		free_process(ps, p);
}

static bool fill(struct processes *ps, struct process *p, const struct owner *owner)
{
	struct image *image = life_describe(&ps->lives, owner);

	p->ppid = owner->ppid;
	p->parent_start_boot_ns = owner->parent_start_boot_ns;
	p->cgroup_id = owner->cgroup_id;
	escape_text(owner->comm, strlen(owner->comm), p->comm, sizeof(p->comm));
	if (image)
		find_program(ps, image);
	p->exe = strdup(image && image->exe ? image->exe : "");
	if (image && image->cmdline)
		p->cmdline = strdup(image->cmdline);
	meet_parents(ps, owner);
	return p->exe;
}

static struct process *add(struct processes *ps, const struct process_key *key,
			   const struct owner *owner)
{
	struct process *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->key = *key;
	if (fill(ps, p, owner)) {
		if (HASH_COUNT(ps->table) >= MAX_PROCESSES)
			forget_one(ps);
		HASH_ADD(hh, ps->table, key, sizeof(p->key), p);
		if (p->hh.tbl)
			return p;
	}
	free_process(ps, p);
	return NULL;
}

struct process *processes_get(struct processes *ps, const struct owner *owner)
{
	const struct process_key key = key_of(owner);
	const uint32_t at = owner->pid % PROCESSES_RECENT;
	struct process *p;

	if (owner->pid == 0)
		return NULL;
	/* Each of its connections asks for it several times. */
	if (ps->recent[at].p && memcmp(&ps->recent[at].key, &key, sizeof(key)) == 0)
		return ps->recent[at].p;
	HASH_FIND(hh, ps->table, &key, sizeof(key), p);
	if (p)
		p->used = true;
	else
		p = add(ps, &key, owner);
	if (p) {
		ps->recent[at].key = key;
		ps->recent[at].p = p;
		ps->recent[at].row = p->row;
	}
	return p;
}

int64_t processes_recent_row(const struct processes *ps, const struct owner *owner)
{
	const struct process_key key = key_of(owner);
	const uint32_t at = owner->pid % PROCESSES_RECENT;

	return ps->recent[at].p && memcmp(&ps->recent[at].key, &key, sizeof(key)) == 0
		       ? ps->recent[at].row
		       : 0;
}

void processes_has_row(struct processes *ps, struct process *p, int64_t row)
{
	struct life *life = life_find(&ps->lives, p->key.start_boot_ns, p->key.pid);

	p->row = row;
	if (is_recent(ps, p))
		ps->recent[p->key.pid % PROCESSES_RECENT].row = row;
	if (life)
		life->has_row = true;
}

void processes_forget_rows(struct processes *ps)
{
	struct process *p, *tmp;

	HASH_ITER (hh, ps->table, p, tmp)
		p->row = 0;
	for (size_t i = 0; i < PROCESSES_RECENT; i++)
		ps->recent[i].row = 0;
}

void processes_clear(struct processes *ps)
{
	struct process *p, *tmp;

	HASH_ITER (hh, ps->table, p, tmp) {
		HASH_DEL(ps->table, p);
		free_process(ps, p);
	}
	lives_clear(&ps->lives);
	free(ps->exited);
	ps->exited = NULL;
	ps->n_exited = 0;
}
