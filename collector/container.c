#include "container.h"

#include <stdlib.h>
#include <string.h>

#include "escape.h"

#define MAX_CONTAINERS 4096

void containers_init(struct containers *cs)
{
	*cs = (struct containers){.names = name_reader_new("")};
	cgroups_init(&cs->cgroups);
}

static char *escaped(const char *text)
{
	size_t len = strlen(text);
	char *out = malloc(ESCAPED_SIZE(len));

	if (out)
		escape_text(text, len, out, ESCAPED_SIZE(len));
	return out;
}

static void container_free(struct container *c)
{
	if (!c)
		return;
	free(c->path);
	free(c->name);
	free(c->id);
	free(c->pod);
	free(c);
}

static struct container *container_new(struct containers *cs, uint64_t cgroup_id)
{
	struct container *c = calloc(1, sizeof(*c));
	struct container_facts facts;
	char path[CGROUP_PATH_LEN];

	if (!c)
		return NULL;
	c->cgroup_id = cgroup_id;
	cgroups_path(&cs->cgroups, cgroup_id, path);
	if (container_path_parse(path, &facts))
		name_reader_look_up(cs->names, &facts);
	else
		facts = (struct container_facts){0};
	c->runtime = facts.runtime;
	c->path = escaped(path);
	c->name = escaped(facts.name);
	c->id = escaped(facts.id);
	c->pod = escaped(facts.pod);
	if (c->path && c->name && c->id && c->pod)
		return c;
	container_free(c);
	return NULL;
}

static void forget(struct containers *cs, struct container *c)
{
	HASH_DEL(cs->table, c);
	container_free(c);
}

struct container *containers_get(struct containers *cs, uint64_t cgroup_id)
{
	struct container *c;

	if (cgroup_id == 0 || cgroup_id == ROOT_CGROUP_ID)
		return NULL;
	HASH_FIND(hh, cs->table, &cgroup_id, sizeof(cgroup_id), c);
	if (c)
		return c;
	c = container_new(cs, cgroup_id);
	if (!c)
		return NULL;
	if (HASH_COUNT(cs->table) >= MAX_CONTAINERS)
		forget(cs, cs->table); /* uthash keeps the order of insertion */
	HASH_ADD(hh, cs->table, cgroup_id, sizeof(c->cgroup_id), c);
	if (!c->hh.tbl) {
		container_free(c);
		return NULL;
	}
	return c;
}

/* Its name now, as long as its runtime knows it: until its first connection is written
 * down it may be gone. */
static void meet(void *ctx, uint64_t cgroup_id, const char *path)
{
	struct container_facts facts;

	if (container_path_parse(path, &facts))
		containers_get(ctx, cgroup_id);
}

void containers_scan(struct containers *cs)
{
	cgroups_walk(&cs->cgroups, meet, cs);
}

void containers_changed(struct containers *cs, uint64_t cgroup_id, bool made, const char *path)
{
	struct container *c;

	HASH_FIND(hh, cs->table, &cgroup_id, sizeof(cgroup_id), c);
	if (c && !*c->path)
		forget(cs, c); /* now we know more */
	if (made) {
		cgroups_made(&cs->cgroups, cgroup_id, path);
		meet(cs, cgroup_id, path);
	} else {
		cgroups_removed(&cs->cgroups, cgroup_id, path);
	}
}

void containers_forget_rows(struct containers *cs)
{
	struct container *c, *tmp;

	HASH_ITER (hh, cs->table, c, tmp)
		c->row = 0;
}

void containers_clear(struct containers *cs)
{
	struct container *c, *tmp;

	HASH_ITER (hh, cs->table, c, tmp)
		forget(cs, c);
	cgroups_clear(&cs->cgroups);
	name_reader_free(cs->names);
	cs->names = NULL;
}
