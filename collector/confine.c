#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "container_name.h"
#include "landlock.h"
#include "metrics.h"
#include "place.h"
#include "privilege.h"
#include "sandbox.h"

#define MAX_PATHS 32

struct paths {
	struct landlock_path path[MAX_PATHS];
	size_t n;
};

static void add(struct paths *p, const char *path, enum landlock_may may)
{
	if (p->n < MAX_PATHS)
		p->path[p->n++] = (struct landlock_path){path, may};
}

/* Of a folder that is not for the database alone, only these files: then no other can be made
 * there, and a damaged database cannot be set aside. */
static void add_database(struct paths *p, const char *db, const struct options *o,
			 const struct note *n)
{
	static char folder[PATH_MAX], files[2][PATH_MAX + 4];
	bool may_write;

	place_folder(db, folder);
	may_write = faccessat(AT_FDCWD, folder, W_OK, AT_EACCESS) == 0;
	if (may_write && place_is_own(db)) {
		add(p, folder, LANDLOCK_WRITE_FOLDER);
		return;
	}
	snprintf(files[0], sizeof(files[0]), "%s-wal", db);
	snprintf(files[1], sizeof(files[1]), "%s-shm", db);
	add(p, db, LANDLOCK_WRITE_FILE);
	add(p, files[0], LANDLOCK_WRITE_FILE);
	add(p, files[1], LANDLOCK_WRITE_FILE);
	if (may_write)
		note(n,
		     "%s: other folders are in %s, so no new file will be made there: if the "
		     "database gets damaged, start again, which sets it aside",
		     db, folder);
	else
		note(n,
		     "%s: user %s may make no file in %s: if the database gets damaged, start "
		     "again, which sets it aside",
		     db, o->who.name, folder);
}

/* What is not there when the rules are made stays out of reach, whoever makes it later. */
static void tell_if_missing(const struct options *o, const char *folder, const struct note *n)
{
	if (access(folder, F_OK) != 0 && errno == ENOENT)
		note(n,
		     "--hold-for %s: the folder %s is not there, and one that is made later cannot "
		     "be read from here, so nothing is held; make it, then start again",
		     o->retention.hold_for, folder);
}

static int confine_files(const struct options *o, const struct note *n, struct err *err)
{
	struct paths p = {0};
	char metrics[PATH_MAX], sent[PATH_MAX];
	const char *place;
	int ret;

	add(&p, "/proc", LANDLOCK_READ); /* names, programs and parents of processes */
	for (int i = 0; (place = name_reader_place(i)); i++)
		add(&p, place, LANDLOCK_READ);
	if (o->db)
		add_database(&p, o->db, o, n);
	if (o->metrics) {
		metrics_folder(o->metrics, metrics);
		add(&p, metrics, LANDLOCK_WRITE_FOLDER);
	}
	if (o->retention.hold_for) {
		metrics_folder(o->retention.hold_for, sent);
		add(&p, sent, LANDLOCK_READ);
	}
	ret = landlock_enter(p.path, p.n, err);
	if (!ret && o->retention.hold_for)
		tell_if_missing(o, sent, n);
	return ret;
}

int confine(const struct options *o, const struct note *n, struct err *err)
{
	int ret;

	tzset(); /* reads the time zone, for --print */
	ret = privilege_drop(&o->who, err);
	if (ret)
		return ret;
	if (o->who.fallback)
		note(n, "there is no user " PRIVILEGE_USER ", so this stays root, without any "
			"capability; make one with useradd --system " PRIVILEGE_USER
			", or name another with --user");
	if (privilege_keeps_bpf())
		note(n, "this kernel (before 5.19) asks for CAP_BPF each time, so that is kept");
	ret = confine_files(o, n, err);
	if (ret == -ENOTSUP)
		note(n, "%s: files are limited by user and capabilities alone", err->msg);
	else if (ret)
		return ret;
	ret = sandbox_enter(err);
	if (ret != -ENOTSUP)
		return ret;
	note(n, "%s: it can make any system call", err->msg);
	return 0;
}
