/* What --check says of machines that this one is not: its kernel, its clock, its capabilities, its
 * probe and its socket are this test's. What it says of this one: tests/node. */
#include "unit.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "dns_socket.h"
#include "kernel.h"
#include "landlock.h"
#include "probe.h"
#include "store.h"
#include "tempdb.h"

#define MAX_LINES 16

/* A machine that has it all, but for what a test takes away. */
static struct machine {
	const char *caps, *lockdown; /* lockdown: NULL: no such file */
	int kernel, hooks, socket;   /* -errno */
	int landlock, clock_state;
	bool no_seccomp;
	time_t now;
	unsigned int tried; /* times that the programs were loaded */
	const char *pin;    /* with which folder */
} m;

static struct check_line lines[MAX_LINES];
static int n_lines, failed;

/* ---- the machine ---- */

int kernel_check(struct err *err)
{
	return m.kernel ? err_set(err, m.kernel, "this kernel is too old") : 0;
}

bool kernel_is_since(int major, int minor)
{
	(void)major, (void)minor;
	return true;
}

bool kernel_has_kprobes(void)
{
	return true;
}

bool kernel_is_safe_for_fexit(void)
{
	return true;
}

int probe_new(const struct probe_config *config, probe_sink sink, void *ctx, struct probe **out,
	      struct err *err)
{
	m.tried++;
	m.pin = config->pin;
	assert_int_equal(sink(ctx, "", 0), 0); /* what comes meanwhile disturbs nobody */
	*out = NULL;
	return m.hooks ? err_set(err, m.hooks, "the verifier refuses them") : 0;
}

void probe_free(struct probe *p)
{
	assert_null(p);
}

int dns_socket_open(int given, struct dns_socket **out, struct err *err)
{
	assert_int_equal(given, -1);
	*out = NULL;
	return m.socket ? err_set(err, m.socket, "no CAP_NET_RAW") : 0;
}

void dns_socket_free(struct dns_socket *s)
{
	assert_null(s);
}

int landlock_version(void)
{
	return m.landlock;
}

int adjtimex(struct timex *t)
{
	(void)t;
	return m.clock_state;
}

time_t time(time_t *out)
{
	(void)out;
	return m.now;
}

int prctl(int option, ...)
{
	(void)option;
	errno = EINVAL;
	return m.no_seccomp ? -1 : 0;
}

cap_t cap_get_proc(void)
{
	return cap_from_text(m.caps);
}

FILE *fopen(const char *path, const char *mode)
{
	if (strcmp(path, "/sys/kernel/security/lockdown") == 0) {
		errno = ENOENT;
		return m.lockdown ? fmemopen((char *)m.lockdown, strlen(m.lockdown), "r") : NULL;
	}
	return ((__typeof__(&fopen))dlsym(RTLD_NEXT, "fopen"))(path, mode);
}

/* ---- what is said of it ---- */

static void keep(void *ctx, const struct check_line *line)
{
	(void)ctx;
	assert_true(n_lines < MAX_LINES);
	lines[n_lines++] = *line;
}

static void check(const struct options *o)
{
	n_lines = 0;
	failed = check_all(o, keep, NULL);
}

static void assert_line(const char *need, int state, const char *words)
{
	for (int i = 0; i < n_lines; i++) {
		if (strcmp(lines[i].need, need) != 0)
			continue;
		if ((int)lines[i].state != state || !strstr(lines[i].text, words))
			fail_msg("%s is %d: %s", need, (int)lines[i].state, lines[i].text);
		return;
	}
	fail_msg("no line of %s", need);
}

static struct options whole_machine(void)
{
	m = (struct machine){.caps = "all=ep", .landlock = 4, .now = 1800000000};
	return (struct options){.dns = true, .probe.ring_bytes = 16 << 20};
}

static void a_machine_with_all_that_is_needed_has_no_remarks(void **state)
{
	struct options o = whole_machine();

	(void)state;
	check(&o);
	assert_int_equal(failed, 0);
	assert_int_equal(n_lines, 7); /* no database was named */
	for (int i = 0; i < n_lines; i++)
		assert_int_equal(lines[i].state, CHECK_OK);
	assert_line("confinement", CHECK_OK, "seccomp, Landlock 4; becomes no other user");
	assert_line("clock", CHECK_OK, "kept right");
	o.who.change = true;
	strcpy(o.who.name, "connmon");
	check(&o);
	assert_line("confinement", CHECK_OK, "becomes connmon");
}

static void the_programs_are_tried_without_pins_and_only_where_they_may_be(void **state)
{
	struct options o = whole_machine();

	(void)state;
	o.probe.pin = "/sys/fs/bpf/connmon"; /* where they would outlive the check */
	check(&o);
	assert_int_equal(m.tried, 1);
	assert_null(m.pin);
	m.kernel = -ENOTSUP;
	check(&o);
	assert_int_equal(m.tried, 1);
	assert_int_equal(failed, 2);
	assert_line("kernel", CHECK_FAIL, "this kernel is too old");
	assert_line("ring and hooks", CHECK_FAIL, "see above");
	o = whole_machine();
	m.hooks = -ENOTSUP;
	check(&o);
	assert_int_equal(failed, 1);
	assert_line("ring and hooks", CHECK_FAIL, "the verifier refuses them");
}

static void missing_capabilities_are_named(void **state)
{
	struct options o = whole_machine();

	(void)state;
	m.caps = "=";
	check(&o);
	assert_line("capabilities", CHECK_FAIL, "no CAP_BPF and CAP_PERFMON; run as root");
	m.caps = "cap_bpf=ep";
	check(&o);
	assert_line("capabilities", CHECK_FAIL, "no CAP_PERFMON; run as root");
	m.caps = "cap_perfmon=ep";
	check(&o);
	assert_line("capabilities", CHECK_FAIL, "no CAP_BPF; run as root");
	assert_int_equal(failed, 2); /* nor are the programs tried */
	assert_int_equal(m.tried, 0);
	m.caps = "cap_bpf,cap_perfmon=ep";
	check(&o);
	assert_line("capabilities", CHECK_NOTE, "without CAP_SYS_ADMIN");
	assert_int_equal(failed, 0);
	assert_int_equal(m.tried, 1);
	m.caps = "cap_sys_admin=ep"; /* as before 5.8 */
	check(&o);
	assert_line("capabilities", CHECK_OK, "all that can be used");
}

static void only_confidentiality_is_a_lockdown_that_matters(void **state)
{
	struct options o = whole_machine();

	(void)state;
	m.lockdown = "[none] integrity confidentiality\n";
	check(&o);
	assert_line("lockdown", CHECK_OK, "not locked down");
	m.lockdown = "none [integrity] confidentiality\n";
	check(&o);
	assert_line("lockdown", CHECK_OK, "integrity, which BPF programs may pass");
	m.lockdown = "none integrity [confidentiality]\n";
	check(&o);
	assert_line("lockdown", CHECK_NOTE, "lockdown=integrity");
	m.lockdown = "a word\n"; /* of a kernel to come */
	check(&o);
	assert_line("lockdown", CHECK_OK, "not locked down");
}

static void names_and_confinement_can_be_done_without(void **state)
{
	struct options o = whole_machine();

	(void)state;
	m.socket = -EPERM;
	m.landlock = 0;
	check(&o);
	assert_line("DNS socket", CHECK_NOTE, "no CAP_NET_RAW; names are not recorded");
	assert_line("confinement", CHECK_NOTE, "has no Landlock; the collector runs");
	m.no_seccomp = true;
	check(&o);
	assert_line("confinement", CHECK_NOTE, "has no seccomp and no Landlock");
	m.landlock = 1;
	check(&o);
	assert_line("confinement", CHECK_NOTE, "has no seccomp; the collector runs");
	o.dns = false;
	o.no_drop = true;
	check(&o);
	assert_line("DNS socket", CHECK_NOTE, "--no-dns");
	assert_line("confinement", CHECK_NOTE, "--no-drop");
	assert_int_equal(failed, 0);
}

static void a_clock_that_was_never_set_fails_and_one_that_nobody_keeps_is_noted(void **state)
{
	struct options o = whole_machine();

	(void)state;
	m.clock_state = TIME_ERROR;
	check(&o);
	assert_line("clock", CHECK_NOTE, "nothing keeps it right; start chrony");
	assert_int_equal(failed, 0);
	m.now = 86400; /* 1970 */
	check(&o);
	assert_line("clock", CHECK_FAIL, "it was never set");
	assert_int_equal(failed, 1);
}

static void a_database_of_another_program_fails_and_stays(void **state)
{
	struct tempdb *t = *state;
	struct options o = whole_machine();
	sqlite3 *db;

	o.db = t->path;
	check(&o);
	assert_line("database", CHECK_OK, "does not exist yet, and can be made");
	assert_int_not_equal(access(t->path, F_OK), 0);
	assert_int_equal(sqlite3_open(t->path, &db), SQLITE_OK);
	tempdb_run(db, "CREATE TABLE theirs (a)");
	sqlite3_close(db);
	check(&o);
	assert_int_equal(failed, 1);
	assert_line("database", CHECK_FAIL, t->path);
	assert_int_equal(sqlite3_open(t->path, &db), SQLITE_OK);
	assert_int_equal(tempdb_number(db, "SELECT count(*) FROM sqlite_schema"), 1);
	sqlite3_close(db);
}

/* As somebody who is not root: 0 when it is refused for this reason. */
static int check_as_another(const struct options *o, const char *words)
{
	if (geteuid() == 0 && (setgid(54321) || setuid(54321)))
		return 1;
	check(o);
	for (int i = 0; i < n_lines; i++)
		if (strcmp(lines[i].need, "database") == 0)
			return lines[i].state == CHECK_FAIL && strstr(lines[i].text, words) ? 0 : 2;
	return 3;
}

static void assert_refused_to_another(const struct options *o, const char *words)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(check_as_another(o, words));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void a_database_that_cannot_be_written_fails_and_tells_what_to_do(void **state)
{
	struct tempdb *t = *state;
	struct options o = whole_machine();
	struct err err = {0};
	sqlite3 *db = NULL;

	o.db = t->path;
	assert_int_equal(chmod(t->folder, 0555), 0);
	assert_refused_to_another(&o, "no file can be made in");
	assert_int_equal(chmod(t->folder, 0755), 0);
	assert_int_equal(db_open_writer(t->path, false, &db, &err), 0);
	sqlite3_close(db);
	assert_int_equal(chmod(t->path, 0444), 0);
	assert_refused_to_another(&o, "cannot be written: ");
	check(&o);
	if (geteuid() == 0)
		assert_line("database", CHECK_OK, "is whole, and ours");
}

int main(void)
{
#define WITH_DB(name) cmocka_unit_test_setup_teardown(name, tempdb_setup, tempdb_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_machine_with_all_that_is_needed_has_no_remarks),
		cmocka_unit_test(the_programs_are_tried_without_pins_and_only_where_they_may_be),
		cmocka_unit_test(missing_capabilities_are_named),
		cmocka_unit_test(only_confidentiality_is_a_lockdown_that_matters),
		cmocka_unit_test(names_and_confinement_can_be_done_without),
		cmocka_unit_test(
			a_clock_that_was_never_set_fails_and_one_that_nobody_keeps_is_noted),
		WITH_DB(a_database_of_another_program_fails_and_stays),
		WITH_DB(a_database_that_cannot_be_written_fails_and_tells_what_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
