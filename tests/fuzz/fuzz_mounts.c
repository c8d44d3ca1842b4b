/* /proc/self/mounts: any text, and as the kernel writes it of mounts whose folders may be called
 * anything, asked for any path. */
#include "mounts.h"

#include <limits.h>

#include "script.h"

#define MOUNTS	 8
#define MAX_PATH 64

static const struct {
	const char *name;
	bool local;
} types[] = {{"ext4", true},
	     {"tmpfs", true},
	     {"nfs4", false},
	     {"fuse.sshfs", false},
	     {"cgroup2", false}};

#define N_TYPES (sizeof(types) / sizeof(types[0]))

struct mount {
	char path[MAX_PATH];
	size_t type;
};

/* A path without "//", "." and "..", and not so many of them that none is met twice. */
static void take_path(struct script *s, char out[MAX_PATH])
{
	static const char *const names[] = {"a", "b",  "a b",	"\t", "\n",
					    "#", "\\", "\\040", "ab", "\xff"};
	size_t len = 0;
	int depth = script_byte(s) % 5;

	while (depth-- > 0) {
		const char *name = names[script_byte(s) % (sizeof(names) / sizeof(names[0]))];

		out[len++] = '/';
		memcpy(out + len, name, strlen(name));
		len += strlen(name);
	}
	if (len == 0)
		out[len++] = '/';
	out[len] = '\0';
}

/* fs/proc_namespace.c, show_vfsmnt(): these four as three octal digits. */
static void put_path(FILE *to, const char *path)
{
	for (; *path; path++)
		if (strchr(" \t\n\\", *path))
			fprintf(to, "\\%03o", (unsigned char)*path);
		else
			fputc(*path, to);
}

/* Whether @path is @folder or below it, part by part. */
static bool is_below(const char *path, const char *folder)
{
	if (strcmp(folder, "/") == 0)
		return true;
	for (; *folder; folder++, path++)
		if (*folder != *path)
			return false;
	return *path == '\0' || *path == '/';
}

static int depth_of(const char *path)
{
	int n = 0;

	for (const char *at = path; *at; at++)
		n += *at == '/' && at[1];
	return n;
}

static void check(const struct mount *mounts, int n, char *text, size_t len, const char *path)
{
	FILE *file = fmemopen(text, len, "r");
	char found[PATH_MAX], small[4];
	bool local = false;
	int deepest = -1, cgroup = -1;

	must(file);
	for (int i = 0; i < n; i++) {
		if (cgroup < 0 && strcmp(types[mounts[i].type].name, "cgroup2") == 0)
			cgroup = i;
		if (!is_below(path, mounts[i].path) || depth_of(mounts[i].path) < deepest)
			continue;
		deepest = depth_of(mounts[i].path);
		local = types[mounts[i].type].local;
	}
	must(mounts_is_local(file, path) == local);
	rewind(file);
	must(mounts_find(file, "cgroup2", found, sizeof(found)) == (cgroup >= 0));
	must(cgroup < 0 || strcmp(found, mounts[cgroup].path) == 0);
	rewind(file);
	must(mounts_find(file, "cgroup2", small, sizeof(small)) ==
	     (cgroup >= 0 && strlen(mounts[cgroup].path) < sizeof(small)));
	fclose(file);
}

static void check_any(char *text, size_t len)
{
	FILE *file = fmemopen(text, len, "r");
	char found[16];

	must(file);
	/* There is a folder, and it has a type. */
	if (mounts_is_local(file, "/home/joe"))
		must(memchr(text, '/', len) && len >= strlen("x / zfs"));
	rewind(file);
	must(!mounts_find(file, "cgroup2", found, sizeof(found)) || strlen(found) < sizeof(found));
	fclose(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s = {data, size};
	const int n = script_byte(&s) % (MOUNTS + 1);
	struct mount mounts[MOUNTS];
	char path[MAX_PATH], *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	must(to);
	for (int i = 0; i < n; i++) {
		take_path(&s, mounts[i].path);
		mounts[i].type = script_byte(&s) % N_TYPES;
		fputs("/dev/sda1 ", to);
		put_path(to, mounts[i].path);
		fprintf(to, " %s rw,relatime 0 0\n", types[mounts[i].type].name);
	}
	fclose(to);
	take_path(&s, path);
	if (len)
		check(mounts, n, text, len, path);
	free(text);
	text = script_text(&s, s.left, &len);
	if (len)
		check_any(text, len);
	free(text);
	return 0;
}
