/* doctor_node.c - the node itself: its kernel, its clock, and what this user may. */
#include "doctor_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "human.h"

#define BTF_PATH      "/sys/kernel/btf/vmlinux"
#define KPROBES_PATH  "/sys/bus/event_source/devices/kprobe"
#define LOCKDOWN_PATH "/sys/kernel/security/lockdown"

/* As linux/capability.h numbers them. */
#define CAP_SYS_ADMIN 21
#define CAP_PERFMON   38
#define CAP_BPF	      39

/* The first line of @path that begins with @start, or "". */
static void read_line(const char *path, const char *start, char *out, int size)
{
	FILE *f = fopen(path, "re");
	bool found = false;

	while (f && !found && fgets(out, size, f))
		found = strncmp(out, start, strlen(start)) == 0;
	if (f)
		fclose(f);
	if (!found)
		out[0] = '\0';
}

void doctor_kernel(struct patient *p)
{
	struct utsname u;
	char lockdown[128];
	int major, minor, least;
	bool kprobes = access(KPROBES_PATH, F_OK) == 0;

	if (uname(&u) != 0 || sscanf(u.release, "%d.%d", &major, &minor) != 2)
		return;
	/* Atomics that return the old value came with 5.12, for arm64 with 5.18. */
	least = strcmp(u.machine, "aarch64") == 0 ? 18 : 12;
	read_line(LOCKDOWN_PATH, "", lockdown, sizeof(lockdown));
	if (major < 5 || (major == 5 && minor < least))
		doctor_found(p, FAIL, "run a newer kernel",
			     "Linux %s is too old, recording needs 5.%d", u.release, least);
	else if (access(BTF_PATH, R_OK) != 0)
		doctor_found(p, FAIL,
			     "use a kernel built with CONFIG_DEBUG_INFO_BTF, as distributions do",
			     "Linux %s has no BTF (%s)", u.release, BTF_PATH);
	else if (strstr(lockdown, "[confidentiality]"))
		doctor_found(p, FAIL, "boot with lockdown=integrity",
			     "Linux %s is locked down, and lets no program read it", u.release);
	else
		doctor_found(p, OK, "", "Linux %s, with BTF%s", u.release,
			     kprobes ? " and kprobes"
				     : "; without kprobes, which --hook kprobe would need");
}

void doctor_permissions(struct patient *p)
{
	char line[64];
	uint64_t have = 0;
	bool may_record;

	read_line("/proc/self/status", "CapEff:", line, sizeof(line));
	sscanf(line, "CapEff: %" SCNx64, &have);
	may_record = have >> CAP_SYS_ADMIN & 1 || (have >> CAP_BPF & 1 && have >> CAP_PERFMON & 1);
	if (may_record)
		doctor_found(p, OK, "", "this user may ask, and record, too");
	else if (p->collector)
		doctor_found(p, OK, "", "this user may ask, but not record, as another one does");
	else
		doctor_found(p, WARN,
			     "start connmon-collect as root, or with CAP_BPF and CAP_PERFMON",
			     "this user may not record");
}

/* Steps of the wall clock in 24 h, as the collector met them: how many, the greatest. */
static bool find_steps(struct patient *p, int64_t steps[2])
{
	return doctor_ask(p,
			  "SELECT count(*), max(abs(step_us)) FROM (SELECT at_us,"
			  " offset_us - lag(offset_us) OVER (PARTITION BY boot_id"
			  " ORDER BY at_us - offset_us) AS step_us"
			  " FROM clock JOIN run ON run.id = run_id)"
			  " WHERE abs(step_us) >= 1000000 AND at_us >= ?1",
			  p->now_us - DAY_US, steps, 2);
}

void doctor_clock(struct patient *p)
{
	static const char remedy[] =
		"run chronyd or systemd-timesyncd, so that it is set by others";
	struct timex t = {0};
	int64_t steps[2] = {0, 0}, ahead_us = 0;
	char text[HUMAN_SIZE];

	if (p->db &&
	    doctor_ask(p, "SELECT last_commit_us - ?1 FROM run ORDER BY id DESC LIMIT 1", p->now_us,
		       &ahead_us, 1) &&
	    ahead_us > US_PER_S) {
		human_duration(ahead_us, text, sizeof(text));
		doctor_found(p, WARN, remedy, "is %s behind what the collector wrote last", text);
	}
	if (p->db && find_steps(p, steps) && steps[0]) {
		human_duration(steps[1], text, sizeof(text));
		doctor_found(p, WARN, remedy, "was set %" PRId64 " time%s in 24 h, by up to %s",
			     steps[0], steps[0] == 1 ? "" : "s", text);
	}
	/* TIME_ERROR is how the kernel calls a clock that nobody keeps right. */
	if (adjtimex(&t) == TIME_ERROR)
		doctor_found(p, WARN, remedy, "is not synchronized");
	else if (!p->n_found)
		doctor_found(p, OK, "", "is synchronized");
}
