#include "check.h"

#include <errno.h>
#include <inttypes.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "db.h"
#include "dns_socket.h"
#include "files.h"
#include "kernel.h"
#include "landlock.h"
#include "place.h"
#include "privilege.h"
#include "probe.h"
#include "store.h"

#define LEAST_ROOM  (64ull << 20)
#define SANE_YEAR_S 1704067200 /* 2024: an earlier clock was never set */

struct check {
	void (*each)(void *ctx, const struct check_line *line);
	void *ctx;
	int failed;
	bool kernel_ok, may;
};

__attribute__((format(printf, 4, 5))) static void say(struct check *c, const char *need, int state,
						      const char *fmt, ...)
{
	struct check_line line = {.need = need, .state = state};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line.text, sizeof(line.text), fmt, ap);
	va_end(ap);
	c->failed += state == CHECK_FAIL;
	c->each(c->ctx, &line);
}

/* ---- the kernel ---- */

static void check_kernel(struct check *c)
{
	struct err err = {0};
	struct utsname u;

	c->kernel_ok = kernel_check(&err) == 0;
	if (c->kernel_ok && uname(&u) == 0)
		say(c, "kernel", CHECK_OK, "Linux %s, with BTF", u.release);
	else
		say(c, "kernel", CHECK_FAIL, "%s", err.msg);
}

static bool has(cap_t caps, cap_value_t which)
{
	cap_flag_value_t value = CAP_CLEAR;

	return caps && cap_get_flag(caps, which, CAP_EFFECTIVE, &value) == 0 && value == CAP_SET;
}

static void check_capabilities(struct check *c)
{
	cap_t caps = cap_get_proc();
	const bool all = has(caps, CAP_SYS_ADMIN);
	const bool bpf = all || has(caps, CAP_BPF), perfmon = all || has(caps, CAP_PERFMON);

	c->may = bpf && perfmon;
	if (!c->may)
		say(c, "capabilities", CHECK_FAIL,
		    "no %s%s%s; run as root, or: setpriv --ambient-caps +bpf,+perfmon "
		    "--inh-caps +bpf,+perfmon",
		    bpf ? "" : "CAP_BPF", bpf || perfmon ? "" : " and ",
		    perfmon ? "" : "CAP_PERFMON");
	else if (!all)
		say(c, "capabilities", CHECK_NOTE,
		    "CAP_BPF and CAP_PERFMON; without CAP_SYS_ADMIN, connections of other network "
		    "namespaces that are open at the start and belong to no process any more are "
		    "met only when they end");
	else
		say(c, "capabilities", CHECK_OK, "all that can be used");
	cap_free(caps);
}

static void check_lockdown(struct check *c)
{
	char text[128] = "", *end;
	FILE *f = fopen("/sys/kernel/security/lockdown", "re");
	const char *mode = f && fgets(text, sizeof(text), f) ? strchr(text, '[') : NULL;

	if (f)
		fclose(f);
	end = mode ? strchr(mode, ']') : NULL;
	if (end)
		*end = '\0';
	if (!mode || strcmp(mode, "[none") == 0)
		say(c, "lockdown", CHECK_OK, "the kernel is not locked down");
	else if (strcmp(mode, "[confidentiality") == 0)
		say(c, "lockdown", CHECK_NOTE,
		    "confidentiality, which refuses programs that look into the kernel; start "
		    "the machine with lockdown=integrity if the hooks fail below");
	else
		say(c, "lockdown", CHECK_OK, "%s, which BPF programs may pass", mode + 1);
}

static int ignore_event(void *ctx, const void *data, size_t len)
{
	(void)ctx, (void)data, (void)len;
	return 0;
}

/* The only way to know is to do it: attached, and taken away again. */
static void check_hooks(struct check *c, const struct options *o)
{
	struct probe_config config = o->probe;
	struct probe *p = NULL;
	struct err err = {0};

	config.pin = NULL; /* which would outlive us */
	if (!c->kernel_ok || !c->may) {
		say(c, "ring and hooks", CHECK_FAIL, "not tried; see above");
		return;
	}
	if (probe_new(&config, ignore_event, NULL, &p, &err) != 0)
		say(c, "ring and hooks", CHECK_FAIL, "%s", err.msg);
	else
		say(c, "ring and hooks", CHECK_OK,
		    "programs loaded and attached, ring of %zu MiB mapped; taken away again",
		    config.ring_bytes >> 20);
	probe_free(p);
}

/* It can be done without. */
static void check_names(struct check *c, const struct options *o)
{
	struct dns_socket *s = NULL;
	struct err err = {0};

	if (!o->dns)
		say(c, "DNS socket", CHECK_NOTE, "not wanted: --no-dns");
	else if (dns_socket_open(-1, &s, &err) != 0)
		say(c, "DNS socket", CHECK_NOTE, "%s; names are not recorded", err.msg);
	else
		say(c, "DNS socket", CHECK_OK, "opened, and closed again");
	dns_socket_free(s);
}

static void check_confinement(struct check *c, const struct options *o)
{
	const int version = landlock_version();
	const bool seccomp = prctl(PR_GET_SECCOMP) >= 0;

	if (o->no_drop)
		say(c, "confinement", CHECK_NOTE, "not wanted: --no-drop");
	else if (!seccomp || !version)
		say(c, "confinement", CHECK_NOTE,
		    "this kernel has no %s%s%s; the collector runs, less confined",
		    seccomp ? "" : "seccomp", !seccomp && !version ? " and no " : "",
		    version ? "" : "Landlock");
	else
		say(c, "confinement", CHECK_OK, "seccomp, Landlock %d; becomes %s", version,
		    o->who.change ? o->who.name : "no other user");
}

static void check_clock(struct check *c)
{
	struct timex t = {0};
	time_t now = time(NULL);

	if (now < SANE_YEAR_S)
		say(c, "clock", CHECK_FAIL,
		    "it was never set, and rows are kept by time; set it with timedatectl or date");
	else if (adjtimex(&t) == TIME_ERROR)
		say(c, "clock", CHECK_NOTE,
		    "set, but nothing keeps it right; start chrony or systemd-timesyncd");
	else
		say(c, "clock", CHECK_OK, "set, and kept right");
}

/* ---- the database ---- */

static void check_room(struct check *c, const char *db)
{
	char folder[PATH_MAX];
	uint64_t left, all;

	place_folder(db, folder);
	if (!files_room(folder, &left, &all))
		say(c, "disk", CHECK_FAIL, "%s: %s", folder, strerror(errno));
	else if (left < LEAST_ROOM)
		say(c, "disk", CHECK_FAIL,
		    "%s has room for %" PRIu64 " MiB only; free some space, 64 MiB at least",
		    folder, left >> 20);
	else
		say(c, "disk", CHECK_OK, "%s has room for %" PRIu64 " MiB", folder, left >> 20);
}

/* Where there is none: whether one could be made. */
static int check_folder_may(const char *db, struct err *err)
{
	char folder[PATH_MAX];

	place_folder(db, folder);
	if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0)
		return err_set(err, -errno,
			       "no file can be made in %s (%s); run as root, or name another file "
			       "with --db",
			       folder, strerror(errno));
	return 0;
}

static int check_file(const char *db, struct err *err)
{
	AUTO_DB *reader = NULL;
	AUTO_STMT *stmt = NULL;
	int ret = db_open_reader(db, &reader, err);

	if (ret)
		return ret;
	if (faccessat(AT_FDCWD, db, W_OK, AT_EACCESS) != 0)
		return err_set(err, -EACCES, "%s: cannot be written: %s", db, strerror(errno));
	ret = store_check(reader, err);
	return ret ? err_wrap(err, "%s", db) : 0;
}

static void check_database(struct check *c, const struct options *o)
{
	char real[PATH_MAX];
	struct err err = {0};
	struct stat st;
	int ret = place_find(o->db, &o->who, real, &err);
	bool exists;

	if (ret) {
		say(c, "database", CHECK_FAIL, "%s", err.msg);
		return;
	}
	check_room(c, real);
	exists = stat(real, &st) == 0 && st.st_size > 0;
	ret = place_check(real, &o->who, &err);
	if (!ret)
		ret = exists ? check_file(real, &err) : check_folder_may(real, &err);
	if (ret)
		say(c, "database", CHECK_FAIL, "%s", err.msg);
	else if (exists)
		say(c, "database", CHECK_OK, "%s is whole, and ours", real);
	else
		say(c, "database", CHECK_OK, "%s does not exist yet, and can be made", real);
}

int check_all(const struct options *o, void (*each)(void *ctx, const struct check_line *line),
	      void *ctx)
{
	struct check c = {.each = each, .ctx = ctx};

	check_kernel(&c);
	check_capabilities(&c);
	check_lockdown(&c);
	check_hooks(&c, o);
	check_names(&c, o);
	check_confinement(&c, o);
	check_clock(&c);
	if (o->db)
		check_database(&c, o);
	return c.failed;
}
