#include "privilege.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "kernel.h"
#include "sandbox.h"

/* A number that no user has is one, too: its group has the same number. */
static bool look_up(const char *user, struct privilege *out)
{
	const struct passwd *pw = getpwnam(user);
	unsigned long number;
	char *end;

	if (!pw) {
		number = strtoul(user, &end, 10);
		if (*user < '0' || *user > '9' || *end != '\0' || number >= (uid_t)-1)
			return false;
		out->uid = (uid_t)number;
		out->gid = (gid_t)number;
		pw = getpwuid(out->uid);
	}
	if (pw) {
		out->uid = pw->pw_uid;
		out->gid = pw->pw_gid;
	}
	return true;
}

int privilege_choose(const char *user, struct privilege *out, struct err *err)
{
	const bool is_root = geteuid() == 0;
	const char *name = user ? user : PRIVILEGE_USER;

	*out = (struct privilege){.uid = geteuid(), .gid = getegid()};
	if (!user && !is_root)
		return 0;
	if (!look_up(name, out)) {
		out->fallback = !user;
		return user ? err_set(err, -ENOENT,
				      "--user %s: there is no such user; make it with useradd "
				      "--system %s, or name another",
				      user, user)
			    : 0;
	}
	if (!is_root && out->uid != geteuid())
		return err_set(err, -EPERM,
			       "--user %s: only root can become another user; run as root, or "
			       "without it",
			       user);
	out->change = out->uid != geteuid();
	if (out->change)
		snprintf(out->name, sizeof(out->name), "%s", name);
	return 0;
}

bool privilege_keeps_bpf(void)
{
	return !kernel_is_since(5, 19);
}

/* What cannot be taken away here, without CAP_SETPCAP, can give nothing either: no program that we
 * could run gains by it, after no_new_privs. */
static void empty_bounding_set(void)
{
	for (cap_value_t c = 0; c <= cap_max_bits(); c++)
		cap_drop_bound(c);
	cap_reset_ambient();
}

static int become(const struct privilege *p, struct err *err)
{
	/* Else the kernel would take what is to be kept. */
	if (prctl(PR_SET_KEEPCAPS, 1) != 0 || setgroups(0, NULL) != 0 ||
	    setresgid(p->gid, p->gid, p->gid) != 0 || setresuid(p->uid, p->uid, p->uid) != 0)
		return err_set(err, -errno, "becoming user %s: %s; see --user and --no-drop",
			       p->name, strerror(errno));
	prctl(PR_SET_KEEPCAPS, 0);
	return 0;
}

static int drop_capabilities(struct err *err)
{
	const cap_value_t bpf = CAP_BPF;
	cap_t caps = cap_init(); /* none */
	int ret = -1;

	if (caps && privilege_keeps_bpf()) {
		cap_set_flag(caps, CAP_PERMITTED, 1, &bpf, CAP_SET);
		cap_set_flag(caps, CAP_EFFECTIVE, 1, &bpf, CAP_SET);
	}
	if (caps)
		ret = cap_set_proc(caps);
	/* One that we do not have cannot be kept. */
	if (ret != 0 && caps && cap_clear(caps) == 0)
		ret = cap_set_proc(caps);
	if (ret != 0)
		err_set(err, -errno, "giving up all capabilities: %s", strerror(errno));
	cap_free(caps);
	return ret != 0 ? err->code : 0;
}

int privilege_drop(const struct privilege *p, struct err *err)
{
	int ret = 0;

	empty_bounding_set();
	if (p->change)
		ret = become(p, err);
	else if (geteuid() == 0)
		setgroups(0, NULL); /* of root, too, while that is allowed */
	if (!ret)
		ret = drop_capabilities(err);
	if (!ret && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		ret = err_set(err, -errno, "giving up new privileges: %s", strerror(errno));
	/* Who talked to whom is in our memory; the leak checker must look there. */
	prctl(PR_SET_DUMPABLE, SANDBOX_SANITIZED);
	return ret;
}
