#include "kernel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define BTF_PATH     "/sys/kernel/btf/vmlinux"
#define KPROBES_PATH "/sys/bus/event_source/devices/kprobe"

static bool is_since(const struct utsname *u, int major, int minor)
{
	int its_major, its_minor;

	return sscanf(u->release, "%d.%d", &its_major, &its_minor) == 2 &&
	       (its_major > major || (its_major == major && its_minor >= minor));
}

bool kernel_is_since(int major, int minor)
{
	struct utsname u;

	return uname(&u) == 0 && is_since(&u, major, minor);
}

/* A kernel that cannot do it, told apart from a user who may not. Atomics that
 * return the old value came with 5.12, for arm64 with 5.18. */
int kernel_check(struct err *err)
{
	struct utsname u;
	int least, ignored;

	if (uname(&u) != 0)
		return err_set(err, -errno, "asking for the kernel's version: %s", strerror(errno));
	least = strcmp(u.machine, "aarch64") == 0 ? 18 : 12;
	if (sscanf(u.release, "%d.%d", &ignored, &ignored) == 2 && !is_since(&u, 5, least))
		return err_set(err, -ENOTSUP,
			       "this kernel (%s) is too old; connmon needs Linux 5.%d on %s",
			       u.release, least, u.machine);
	if (access(BTF_PATH, R_OK) != 0)
		return err_set(err, -ENOTSUP,
			       "this kernel has no BTF (%s); use one built with "
			       "CONFIG_DEBUG_INFO_BTF, as distributions do",
			       BTF_PATH);
	return 0;
}

bool kernel_has_kprobes(void)
{
	return access(KPROBES_PATH, F_OK) == 0;
}

/* Lines are "ADDRESS TYPE NAME", for modules "ADDRESS TYPE NAME\t[MODULE]". Where they cannot be
 * read, it may be there. */
static bool may_have_symbol(const char *name)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	char symbol[128];
	bool found = false;

	if (!f)
		return true;
	while (!found && fscanf(f, "%*s %*s %127s%*[^\n]", symbol) == 1)
		found = strcmp(symbol, name) == 0;
	fclose(f);
	return found;
}

bool kernel_is_safe_for_fexit(void)
{
	/* Gone with "rcu-tasks: Eliminate deadlocks involving do_exit() and RCU tasks". */
	return kernel_is_since(6, 9) || !may_have_symbol("tasks_rcu_exit_srcu");
}
