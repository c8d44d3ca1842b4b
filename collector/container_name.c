#include "container_name.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <mntent.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "container_state.h"
#include "mounts.h"

#define MAX_FILE_BYTES (1 << 20)
#define COUNT(a)       (sizeof(a) / sizeof((a)[0]))

#define TASKS "io.containerd.runtime.v2.task/"
#define LISTS "containers/storage/overlay-containers/"

/* Where they are: @before, the container's id, @after; or, without that, @before alone. */
static const struct place {
	const char *runtime, *before, *after;
	enum state_kind kind;
} system_places[] = {
	{"docker", "/var/lib/docker/containers/", "/config.v2.json", STATE_DOCKER_CONFIG},
	{"docker", "/var/snap/docker/common/var-lib-docker/containers/", "/config.v2.json",
	 STATE_DOCKER_CONFIG},
	{"containerd", "/run/containerd/" TASKS "k8s.io/", "/config.json", STATE_OCI_CONFIG},
	{"containerd", "/run/k3s/containerd/" TASKS "k8s.io/", "/config.json", STATE_OCI_CONFIG},
	{"containerd", "/run/k0s/containerd/" TASKS "k8s.io/", "/config.json", STATE_OCI_CONFIG},
	{"containerd", "/var/snap/microk8s/common/run/containerd/" TASKS "k8s.io/", "/config.json",
	 STATE_OCI_CONFIG},
	{"containerd", "/run/containerd/" TASKS "default/", "/config.json", STATE_OCI_CONFIG},
	{"crio", "/run/" LISTS, "/userdata/config.json", STATE_OCI_CONFIG},
	{"crio", "/var/lib/" LISTS, "/userdata/config.json", STATE_OCI_CONFIG},
	{"podman", "/var/lib/" LISTS "containers.json", NULL, STATE_STORAGE_LIST},
	/* Those that are removed when they end. */
	{"podman", "/var/lib/" LISTS "volatile-containers.json", NULL, STATE_STORAGE_LIST},
};

/* Below the home of the user whose containers they are. */
static const struct place user_places[] = {
	{"podman", ".local/share/" LISTS "containers.json", NULL, STATE_STORAGE_LIST},
	{"podman", ".local/share/" LISTS "volatile-containers.json", NULL, STATE_STORAGE_LIST},
	{"docker", ".local/share/docker/containers/", "/config.v2.json", STATE_DOCKER_CONFIG},
};

struct name_reader {
	const char *root;
	struct state_reader *states;
	char text[MAX_FILE_BYTES];
};

const char *name_reader_place(int i)
{
	return i >= 0 && i < (int)COUNT(system_places) ? system_places[i].before : NULL;
}

struct name_reader *name_reader_new(const char *root)
{
	struct name_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->root = root;
	r->states = state_reader_new();
	if (r->states)
		return r;
	free(r);
	return NULL;
}

void name_reader_free(struct name_reader *r)
{
	if (!r)
		return;
	state_reader_free(r->states);
	free(r);
}

/* ---- files ---- */

/* Reads all of @fd, which it closes; 0 when it is no file that we want. */
static size_t read_small_file(int fd, char *text)
{
	struct stat st;
	size_t used = 0;
	ssize_t n = 0;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < MAX_FILE_BYTES)
		while (used < MAX_FILE_BYTES &&
		       (n = read(fd, text + used, MAX_FILE_BYTES - used)) > 0)
			used += (size_t)n;
	close(fd);
	return n < 0 || used == MAX_FILE_BYTES ? 0 : used;
}

/* O_NONBLOCK: of a pipe that somebody has put there, open() would wait for a writer. */
#define OPEN_FLAGS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

/* Below @folder and nowhere else: no link and no mount on the way. */
static int open_below(int folder, const char *path)
{
	struct open_how how = {.flags = OPEN_FLAGS,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};

	return (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));
}

static bool is_local(const char *path)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	bool local = mounts && mounts_is_local(mounts, path);

	if (mounts)
		endmntent(mounts);
	return local;
}

/* A descriptor of the user's home; negative when there is none for us. Only /etc/passwd
 * is asked: any other directory of users may be far away. */
static int open_home(const char *root, unsigned int uid)
{
	char path[512];
	FILE *passwd;
	struct passwd *pw;
	int fd = -1;

	snprintf(path, sizeof(path), "%s/etc/passwd", root);
	passwd = fopen(path, "re");
	if (!passwd)
		return -1;
	do
		pw = fgetpwent(passwd);
	while (pw && pw->pw_uid != uid);
	if (pw && pw->pw_dir[0] == '/' &&
	    (size_t)snprintf(path, sizeof(path), "%s%s", root, pw->pw_dir) < sizeof(path) &&
	    is_local(path))
		fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	fclose(passwd);
	return fd;
}

/* ---- which to read ---- */

static bool is_open_question(const char *runtime)
{
	return strcmp(runtime, "kubernetes") == 0 || strcmp(runtime, "ecs") == 0 ||
	       strcmp(runtime, "oci") == 0;
}

/* Tries @places, below @home unless that is negative. */
static bool look(struct name_reader *r, const struct place *places, size_t n, int home,
		 struct container_facts *facts)
{
	for (size_t i = 0; i < n; i++) {
		char path[1024];
		size_t len;
		int fd;

		if (strcmp(places[i].runtime, facts->runtime) != 0 &&
		    !is_open_question(facts->runtime))
			continue;
		snprintf(path, sizeof(path), "%s%s%s%s", home < 0 ? r->root : "", places[i].before,
			 places[i].after ? facts->id : "", places[i].after ? places[i].after : "");
		fd = home < 0 ? open(path, OPEN_FLAGS) : open_below(home, path);
		if (fd < 0)
			continue;
		len = read_small_file(fd, r->text);
		if (len > 0 && state_read(r->states, places[i].kind, r->text, len, facts)) {
			facts->runtime = places[i].runtime;
			return true;
		}
	}
	return false;
}

bool name_reader_look_up(struct name_reader *r, struct container_facts *facts)
{
	bool found;
	int home;

	/* An id is digits and dashes: no path can be made of it but the one we mean. */
	if (!r || !facts->id[0])
		return false;
	if (facts->uid == 0)
		return look(r, system_places, COUNT(system_places), -1, facts);
	home = open_home(r->root, facts->uid);
	if (home < 0)
		return false;
	found = look(r, user_places, COUNT(user_places), home, facts);
	close(home);
	return found;
}
