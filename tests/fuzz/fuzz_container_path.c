/* Paths of cgroups, of the words that runtimes use and any others. What is found is in the path,
 * fits where it is put, and makes no other path than the one that is meant; and what stands below
 * a container is in it, too. */
#include "container_path.h"

#include <stdbool.h>
#include <stdio.h>

#include "script.h"

#define ID  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define UID "01234567-89ab-cdef-0123-456789abcdef"

static const char *const words[] = {
	"/",
	ID,
	UID,
	"01234567_89ab_cdef_0123_456789abcdef",
	"0123456789abcdef0123456789abcdef",
	"docker-",
	"cri-containerd-",
	"crio-",
	"libpod-payload-",
	"libpod-",
	"nerdctl-",
	":docker:",
	":cri-containerd:",
	":crio:",
	":libpod:",
	":nerdctl:",
	".scope",
	".slice",
	".service",
	"docker",
	"ecs",
	"garden",
	"nomad",
	"nomad.slice",
	"lxc",
	"lxc.payload",
	"lxc.payload.",
	"lxc.monitor.",
	"machine.slice",
	"machine-",
	"lxc\\x2d",
	"qemu\\x2d",
	"\\x2e",
	"\\x2f",
	"\\x00",
	"systemd-nspawn@",
	"supervisor",
	"kubepods",
	"-pod",
	"pod",
	"_pod_",
	"libpod_parent",
	"user-",
	"user-1000.slice",
	"4294967295",
	"task-1",
	"payload",
	"\xff",
	"\x1b[31m",
	"zz",
};

static const char *const runtimes[] = {"docker",     "containerd", "crio",  "podman",
				       "lxc",	     "nspawn",	   "nomad", "garden",
				       "kubernetes", "ecs",	   "oci"};

static bool is_runtime(const char *name)
{
	for (size_t i = 0; i < sizeof(runtimes) / sizeof(runtimes[0]); i++)
		if (strcmp(runtimes[i], name) == 0)
			return true;
	return false;
}

static void check_facts(const char *path, const struct container_facts *f)
{
	must(f->runtime && is_runtime(f->runtime));
	must(strnlen(f->id, sizeof(f->id)) < sizeof(f->id));
	must(strnlen(f->name, sizeof(f->name)) < sizeof(f->name));
	must(strnlen(f->pod, sizeof(f->pod)) < sizeof(f->pod));
	/* It becomes a part of the names of files. */
	must(f->id[strspn(f->id, "0123456789abcdef_-")] == '\0' && strstr(path, f->id));
	must(f->pod[strspn(f->pod, "0123456789abcdef-")] == '\0');
	must(f->id[0] ? strlen(f->id) >= 34 : f->name[0] != '\0');
	if (strcmp(f->runtime, "nomad") && f->id[0])
		must(strlen(f->name) == SHORT_ID_LEN && strncmp(f->name, f->id, SHORT_ID_LEN) == 0);
	must(f->uid == 0 || strstr(path, "user-"));
	must(f->uid != 0xffffffff);
}

static bool is_same(const struct container_facts *a, const struct container_facts *b)
{
	return strcmp(a->runtime, b->runtime) == 0 && strcmp(a->id, b->id) == 0 &&
	       strcmp(a->name, b->name) == 0 && strcmp(a->pod, b->pod) == 0 && a->uid == b->uid;
}

static int count_parts(const char *path, const char **last)
{
	int n = 0;

	for (*last = ""; *path; path += strspn(path, "/")) {
		size_t len = strcspn(path, "/");

		n += len > 0;
		if (len > 0)
			*last = path;
		path += len;
	}
	return n;
}

/* The same of the container's own cgroups, and of a path with twice the slashes. */
static void check_below(const char *path, const struct container_facts *facts)
{
	const size_t len = strlen(path);
	char *other = malloc(2 * len + 16);
	struct container_facts f;
	const char *last;
	size_t n = 0;
	int parts = count_parts(path, &last);

	must(other);
	for (size_t i = 0; i <= len; i++) {
		other[n++] = path[i];
		if (path[i] == '/')
			other[n++] = '/';
	}
	must(container_path_parse(other, &f) && is_same(&f, facts));
	/* Below these two comes the name; and so many parts are looked at. */
	if (parts < 64 && strcmp(last, "lxc.payload") && (parts > 1 || strcmp(last, "lxc")) &&
	    last[strcspn(last, "/")] == '\0') {
		snprintf(other, 2 * len + 16, "%s/init.scope", path);
		must(container_path_parse(other, &f) && is_same(&f, facts));
	}
	free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s = {data, size};
	struct container_facts facts;
	size_t len;
	char *path = script_words(&s, words, sizeof(words) / sizeof(words[0]), &len);

	memset(&facts, 0xaa, sizeof(facts));
	if (container_path_parse(path, &facts)) {
		check_facts(path, &facts);
		check_below(path, &facts);
	}
	free(path);
	return 0;
}
