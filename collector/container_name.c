#include "container_name.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <mntent.h>
#include <pwd.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_FILE_BYTES (1 << 20)
#define COUNT(a)       (sizeof(a) / sizeof((a)[0]))

/*
 * The files are JSON, and SQLite, which we link anyway, reads JSON well: each kind has a
 * statement that makes name and pod of the text ?1 and the container's id ?2.
 */
enum kind { KIND_DOCKER_CONFIG, KIND_OCI_CONFIG, KIND_STORAGE_LIST, N_KINDS };

static const char *const statements[N_KINDS] = {
	/* Kubernetes names its containers to docker, too, by labels. */
	[KIND_DOCKER_CONFIG] =
		"SELECT coalesce(label ->> '$.\"io.kubernetes.container.name\"', ltrim(name, '/')),"
		" label ->> '$.\"io.kubernetes.pod.namespace\"' || '/' ||"
		" (label ->> '$.\"io.kubernetes.pod.name\"')"
		" FROM (SELECT ?1 ->> '$.Name' AS name, ?1 -> '$.Config.Labels' AS label)",
	/* Annotations of containerd's CRI, of CRI-O, of nerdctl. */
	[KIND_OCI_CONFIG] =
		"SELECT coalesce(a ->> '$.\"io.kubernetes.cri.container-name\"',"
		" a ->> '$.\"io.kubernetes.container.name\"', a ->> '$.\"nerdctl/name\"'),"
		" coalesce(a ->> '$.\"io.kubernetes.cri.sandbox-namespace\"' || '/' ||"
		" (a ->> '$.\"io.kubernetes.cri.sandbox-name\"'),"
		" a ->> '$.\"io.kubernetes.pod.namespace\"' || '/' ||"
		" (a ->> '$.\"io.kubernetes.pod.name\"'))"
		" FROM (SELECT ?1 -> '$.annotations' AS a)",
	[KIND_STORAGE_LIST] = ("SELECT value ->> '$.names[0]', NULL FROM json_each(?1)"
			       " WHERE value ->> '$.id' = ?2"),
};

#define TASKS "io.containerd.runtime.v2.task/"
#define LISTS "containers/storage/overlay-containers/"

/* Where they are: @before, the container's id, @after; or, without that, @before alone. */
static const struct place {
	const char *runtime, *before, *after;
	enum kind kind;
} system_places[] = {
	{"docker", "/var/lib/docker/containers/", "/config.v2.json", KIND_DOCKER_CONFIG},
	{"docker", "/var/snap/docker/common/var-lib-docker/containers/", "/config.v2.json",
	 KIND_DOCKER_CONFIG},
	{"containerd", "/run/containerd/" TASKS "k8s.io/", "/config.json", KIND_OCI_CONFIG},
	{"containerd", "/run/k3s/containerd/" TASKS "k8s.io/", "/config.json", KIND_OCI_CONFIG},
	{"containerd", "/run/k0s/containerd/" TASKS "k8s.io/", "/config.json", KIND_OCI_CONFIG},
	{"containerd", "/var/snap/microk8s/common/run/containerd/" TASKS "k8s.io/", "/config.json",
	 KIND_OCI_CONFIG},
	{"containerd", "/run/containerd/" TASKS "default/", "/config.json", KIND_OCI_CONFIG},
	{"crio", "/run/" LISTS, "/userdata/config.json", KIND_OCI_CONFIG},
	{"crio", "/var/lib/" LISTS, "/userdata/config.json", KIND_OCI_CONFIG},
	{"podman", "/var/lib/" LISTS "containers.json", NULL, KIND_STORAGE_LIST},
	/* Those that are removed when they end. */
	{"podman", "/var/lib/" LISTS "volatile-containers.json", NULL, KIND_STORAGE_LIST},
};

/* Below the home of the user whose containers they are. */
static const struct place user_places[] = {
	{"podman", ".local/share/" LISTS "containers.json", NULL, KIND_STORAGE_LIST},
	{"podman", ".local/share/" LISTS "volatile-containers.json", NULL, KIND_STORAGE_LIST},
	{"docker", ".local/share/docker/containers/", "/config.v2.json", KIND_DOCKER_CONFIG},
};

struct name_reader {
	const char *root;
	sqlite3 *db; /* in memory and empty */
	sqlite3_stmt *stmts[N_KINDS];
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
	if (sqlite3_open(":memory:", &r->db) != SQLITE_OK)
		goto fail;
	for (int i = 0; i < N_KINDS; i++)
		if (sqlite3_prepare_v2(r->db, statements[i], -1, &r->stmts[i], NULL) != SQLITE_OK)
			goto fail;
	return r;
fail:
	name_reader_free(r);
	return NULL;
}

void name_reader_free(struct name_reader *r)
{
	if (!r)
		return;
	for (int i = 0; i < N_KINDS; i++)
		sqlite3_finalize(r->stmts[i]);
	sqlite3_close(r->db);
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

/* Whether @path is where no server and no other process can keep us waiting. */
static bool is_local(const char *path)
{
	static const char *const types[] = {"ext2", "ext3",  "ext4",  "xfs",	  "btrfs",  "zfs",
					    "f2fs", "tmpfs", "ramfs", "bcachefs", "overlay"};
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	size_t longest = 0;
	struct mntent *m;
	bool local = false;

	if (!mounts)
		return false;
	while ((m = getmntent(mounts))) {
		size_t len = strlen(m->mnt_dir);

		if (len == 1)
			len = 0; /* "/" */
		if (len < longest || strncmp(path, m->mnt_dir, len) != 0 ||
		    (path[len] != '/' && path[len] != '\0'))
			continue;
		longest = len;
		local = false;
		for (size_t i = 0; i < COUNT(types); i++)
			local |= strcmp(m->mnt_type, types[i]) == 0;
	}
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

/* ---- what they say ---- */

static void copy_column(sqlite3_stmt *stmt, int column, char *to, size_t size)
{
	const unsigned char *text = sqlite3_column_text(stmt, column);

	if (text && *text)
		snprintf(to, size, "%s", (const char *)text);
}

static bool ask(struct name_reader *r, enum kind kind, size_t len, struct container_facts *facts)
{
	sqlite3_stmt *stmt = r->stmts[kind];
	bool found;

	sqlite3_bind_text(stmt, 1, r->text, (int)len, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, facts->id, -1, SQLITE_STATIC);
	found = sqlite3_step(stmt) == SQLITE_ROW; /* an error: it is no JSON */
	if (found) {
		copy_column(stmt, 0, facts->name, sizeof(facts->name));
		copy_column(stmt, 1, facts->pod, sizeof(facts->pod));
	}
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return found;
}

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
		if (len > 0 && ask(r, places[i].kind, len, facts)) {
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
