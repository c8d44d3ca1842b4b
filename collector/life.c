#include "life.h"

#include <stdlib.h>
#include <string.h>

static void free_image(struct image *image)
{
	free(image->exe);
	free(image->cmdline);
	free(image);
}

static void free_life(struct life **table, struct life *life)
{
	HASH_DEL(*table, life);
	while (life->images) {
		struct image *image = life->images;

		life->images = image->older;
		free_image(image);
	}
	free(life);
}

struct life *life_find(const struct lives *ls, uint64_t start_boot_ns, uint32_t pid)
{
	const struct life_key key = {.start_boot_ns = start_boot_ns, .pid = pid};
	struct life *life;

	HASH_FIND(hh, ls->living, &key, sizeof(key), life);
	if (!life)
		HASH_FIND(hh, ls->gone, &key, sizeof(key), life);
	return life;
}

/* Adds it as the newest of @table, which holds @most. Returns false without memory. */
static bool add_life(struct life **table, struct life *life, unsigned int most)
{
	if (HASH_COUNT(*table) >= most)
		free_life(table, *table);
	HASH_ADD(hh, *table, key, sizeof(life->key), life);
	return life->hh.tbl;
}

static struct life *make_life(struct lives *ls, const struct owner *owner)
{
	struct life *life = calloc(1, sizeof(*life));

	if (!life)
		return NULL;
	life->key = (struct life_key){.start_boot_ns = owner->start_boot_ns, .pid = owner->pid};
	if (add_life(&ls->living, life, LIFE_LIVING))
		return life;
	free(life);
	return NULL;
}

struct image *life_image(const struct life *life, uint32_t exec_id)
{
	struct image *image = life->images;

	while (image && image->owner.exec_id != exec_id)
		image = image->older;
	return image;
}

struct image *life_image_at(const struct life *life, int64_t boot_ns)
{
	struct image *image = life->images;

	while (image && image->older && image->since_boot_ns > boot_ns)
		image = image->older;
	return image;
}

static struct image *make_image(struct life *life, uint32_t exec_id)
{
	struct image *image = calloc(1, sizeof(*image)), **at = &life->images;
	int n = 1;

	if (!image)
		return NULL;
	/* A record of an earlier program may come after that of a later one. */
	while (*at && (*at)->owner.exec_id > exec_id)
		at = &(*at)->older;
	image->older = *at;
	*at = image;
	for (at = &life->images; *at; n++) {
		struct image *last = *at;

		if (n <= LIFE_IMAGES || last == image) {
			at = &last->older;
			continue;
		}
		*at = last->older;
		free_image(last);
	}
	return image;
}

struct image *life_describe(struct lives *ls, const struct owner *owner)
{
	struct life *life = life_find(ls, owner->start_boot_ns, owner->pid);
	struct image *image;

	if (!life)
		life = make_life(ls, owner);
	if (!life)
		return NULL;
	image = life_image(life, owner->exec_id);
	if (!image)
		image = make_image(life, owner->exec_id);
	if (image)
		image->owner = *owner;
	return image;
}

static void set_text(char **to, const char *text)
{
	free(*to);
	*to = text && *text ? strdup(text) : NULL;
}

void life_set_program(struct image *image, const char *exe, const char *cmdline)
{
	set_text(&image->exe, exe);
	set_text(&image->cmdline, cmdline);
}

struct life *life_end(struct lives *ls, uint64_t start_boot_ns, uint32_t pid, int64_t at_boot_ns)
{
	struct life *life = life_find(ls, start_boot_ns, pid);

	while (ls->gone && ls->gone != life && at_boot_ns - ls->gone->exit_boot_ns > LIFE_KEEP_NS)
		free_life(&ls->gone, ls->gone);
	if (!life || life->exit_boot_ns)
		return NULL;
	life->exit_boot_ns = at_boot_ns;
	HASH_DEL(ls->living, life);
	memset(&life->hh, 0, sizeof(life->hh));
	if (add_life(&ls->gone, life, LIFE_GONE))
		return life;
	HASH_ADD(hh, ls->living, key, sizeof(life->key), life); /* where it had room */
	return life;
}

void lives_clear(struct lives *ls)
{
	while (ls->living)
		free_life(&ls->living, ls->living);
	while (ls->gone)
		free_life(&ls->gone, ls->gone);
}
