/* What the doctor says of machines that this one is not: its kernel, its clock and this user's
 * capabilities are this test's. */
#include "unit.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "doctor_parts.h"

static struct {
	const char *release, *machine, *lockdown, *status; /* NULL: cannot be had */
	bool btf, kprobes;
	int clock_state;
	int64_t ahead_us, n_steps, greatest_us; /* of the database */
} m;

static struct {
	enum state state;
	char text[256], remedy[128];
	int n;
} found;

int uname(struct utsname *out)
{
	if (!m.release)
		return -1;
	*out = (struct utsname){0};
	strcpy(out->release, m.release);
	strcpy(out->machine, m.machine);
	return 0;
}

int access(const char *path, int mode)
{
	(void)mode;
	errno = ENOENT;
	return (m.btf && strstr(path, "btf/vmlinux")) || (m.kprobes && strstr(path, "kprobe")) ? 0
											       : -1;
}

FILE *fopen(const char *path, const char *mode)
{
	const char *text;

	if (strcmp(path, "/sys/kernel/security/lockdown") == 0)
		text = m.lockdown;
	else if (strcmp(path, "/proc/self/status") == 0)
		text = m.status;
	else
		return ((__typeof__(&fopen))dlsym(RTLD_NEXT, "fopen"))(path, mode);
	return text ? fmemopen((char *)text, strlen(text), "r") : NULL;
}

int adjtimex(struct timex *t)
{
	(void)t;
	return m.clock_state;
}

void doctor_found(struct patient *p, enum state state, const char *remedy, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(found.text, sizeof(found.text), fmt, args);
	va_end(args);
	snprintf(found.remedy, sizeof(found.remedy), "%s", remedy);
	found.state = state;
	found.n++;
	p->n_found++;
}

bool doctor_ask(struct patient *p, const char *sql, int64_t arg, int64_t *out, int n)
{
	(void)p, (void)arg;
	if (n == 2) {
		assert_non_null(strstr(sql, "FROM clock"));
		out[0] = m.n_steps;
		out[1] = m.greatest_us;
	} else {
		assert_non_null(strstr(sql, "last_commit_us"));
		out[0] = m.ahead_us;
	}
	return true;
}

/* A machine as it should be. */
static struct patient whole(void)
{
	memset(&m, 0, sizeof(m));
	m.release = "6.1.0";
	m.machine = "x86_64";
	m.status = "Name:\tx\nCapEff:\t000001ffffffffff\n";
	m.btf = m.kprobes = true;
	memset(&found, 0, sizeof(found));
	return (struct patient){.now_us = INT64_C(1769860800000000)};
}

/* The last of so many findings. */
static void assert_found(int n, enum state state, const char *words, const char *remedy)
{
	assert_int_equal(found.n, n);
	if (found.state != state || !strstr(found.text, words) || !strstr(found.remedy, remedy))
		fail_msg("%d: \"%s\", \"%s\"", (int)found.state, found.text, found.remedy);
	assert_int_equal(found.remedy[0] == '\0', state == OK);
	found.n = 0;
}

static void a_kernel_that_lacks_something_is_told_with_the_remedy(void **state)
{
	struct patient p = whole();

	(void)state;
	doctor_kernel(&p);
	assert_found(1, OK, "Linux 6.1.0, with BTF and kprobes", "");
	m.kprobes = false;
	doctor_kernel(&p);
	assert_found(1, OK, "with BTF; without kprobes, which --hook kprobe would need", "");
	m.lockdown = "none [integrity] confidentiality\n";
	doctor_kernel(&p);
	assert_found(1, OK, "Linux 6.1.0", "");
	m.lockdown = "none integrity [confidentiality]\n";
	doctor_kernel(&p);
	assert_found(1, FAIL, "is locked down", "boot with lockdown=integrity");
	m.btf = false;
	doctor_kernel(&p);
	assert_found(1, FAIL, "Linux 6.1.0 has no BTF", "CONFIG_DEBUG_INFO_BTF");
	m.release = "5.11.22";
	doctor_kernel(&p);
	assert_found(1, FAIL, "Linux 5.11.22 is too old, recording needs 5.12", "a newer kernel");
	m.release = "5.17.0";
	m.machine = "aarch64";
	doctor_kernel(&p);
	assert_found(1, FAIL, "recording needs 5.18", "a newer kernel");
	m.release = "4.19.0";
	doctor_kernel(&p);
	assert_found(1, FAIL, "Linux 4.19.0 is too old", "a newer kernel");
}

static void of_a_kernel_that_cannot_be_asked_nothing_is_said(void **state)
{
	struct patient p = whole();

	(void)state;
	m.release = NULL;
	doctor_kernel(&p);
	m.release = "custom";
	doctor_kernel(&p);
	assert_int_equal(found.n, 0);
}

static void whether_this_user_may_record_is_told(void **state)
{
	struct patient p = whole();

	(void)state;
	doctor_permissions(&p);
	assert_found(1, OK, "this user may ask, and record, too", "");
	m.status = "CapEff:\t000000c000000000\n"; /* CAP_BPF and CAP_PERFMON */
	doctor_permissions(&p);
	assert_found(1, OK, "and record, too", "");
	m.status = "CapEff:\t0000008000000000\n"; /* CAP_BPF alone */
	doctor_permissions(&p);
	assert_found(1, WARN, "this user may not record", "start connmon-collect as root");
	m.status = NULL;
	doctor_permissions(&p);
	assert_found(1, WARN, "this user may not record", "CAP_BPF and CAP_PERFMON");
	p.collector = 77;
	doctor_permissions(&p);
	assert_found(1, OK, "but not record, as another one does", "");
}

static void a_clock_that_nobody_keeps_or_that_was_set_is_told(void **state)
{
	struct patient p = whole();

	(void)state;
	doctor_clock(&p);
	assert_found(1, OK, "is synchronized", "");
	p = whole();
	m.clock_state = TIME_ERROR;
	doctor_clock(&p);
	assert_found(1, WARN, "is not synchronized", "chronyd");
	p = whole();
	p.db = (sqlite3 *)&p; /* asked by doctor_ask() alone */
	m.n_steps = 1;
	m.greatest_us = 3000000;
	doctor_clock(&p);
	assert_found(1, WARN, "was set 1 time in 24 h, by up to 3", "so that it is set by others");
	p = whole();
	p.db = (sqlite3 *)&p;
	m.ahead_us = 5000000;
	m.n_steps = 2;
	m.clock_state = TIME_ERROR;
	doctor_clock(&p);
	assert_found(3, WARN, "is not synchronized", "chronyd");
	p = whole();
	p.db = (sqlite3 *)&p;
	m.ahead_us = 5000000;
	doctor_clock(&p);
	assert_found(1, WARN, "behind what the collector wrote last", "chronyd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kernel_that_lacks_something_is_told_with_the_remedy),
		cmocka_unit_test(of_a_kernel_that_cannot_be_asked_nothing_is_said),
		cmocka_unit_test(whether_this_user_may_record_is_told),
		cmocka_unit_test(a_clock_that_nobody_keeps_or_that_was_set_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
