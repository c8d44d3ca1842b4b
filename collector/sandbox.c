#include "sandbox.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What the running collector does. To allow one more, add it where it belongs, with who needs it
 * when the name does not say. */
static const int allowed[] = {
	/* waiting */
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(futex),
	SCMP_SYS(sched_yield),
	SCMP_SYS(restart_syscall),
	/* the time, where the vDSO does not tell it */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(timerfd_settime),
	/* files that are open, and reading /proc */
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),
	SCMP_SYS(lseek),
	SCMP_SYS(_llseek),
	SCMP_SYS(close),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate),
	SCMP_SYS(fcntl),
	SCMP_SYS(flock),
	SCMP_SYS(chmod), /* a database made anew is for its group, too */
	SCMP_SYS(fchmod),
	SCMP_SYS(fchmodat),
	SCMP_SYS(fchown),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(statfs),
	SCMP_SYS(fstatfs),
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(openat2),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getdents64),
	SCMP_SYS(getcwd),
	SCMP_SYS(dup),
	SCMP_SYS(open_by_handle_at), /* a cgroup by its id; fails, without a capability */
	/* a database is set aside, an old one removed; Landlock says where */
	SCMP_SYS(rename),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(umask),
	/* memory; see also add_memory() */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(sysinfo), /* qsort() asks how much there is */
	SCMP_SYS(getrandom),
	/* how many packets the socket of names dropped */
	SCMP_SYS(getsockopt),
	/* who we are */
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(uname),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(prlimit64),
	/* signals and the end */
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(tgkill), /* abort(); other processes are out of reach by Landlock and uid */
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* The only bpf() calls: the counters, what is open, and what the kernel passed over. */
static const int bpf_commands[] = {
	BPF_MAP_LOOKUP_ELEM,
	BPF_ITER_CREATE,
	BPF_OBJ_GET_INFO_BY_FD,
};

static const uint64_t ioctls[] = {
	TCGETS,			/* isatty() of standard output */
	PERF_EVENT_IOC_DISABLE, /* at the end, of the older kinds of programs */
};

/* No mistake of ours comes to these. */
static const int hostile[] = {
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(mount),
	SCMP_SYS(setns),
	SCMP_SYS(unshare),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(keyctl),
	SCMP_SYS(add_key),
};

/* LeakSanitizer forks a process that stops us and looks at our memory. */
static const int sanitizers[] = {
	SCMP_SYS(clone),
	SCMP_SYS(fork),
	SCMP_SYS(ptrace),
	SCMP_SYS(wait4),
	SCMP_SYS(prctl),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(getppid),
	SCMP_SYS(kill),
	SCMP_SYS(rt_sigtimedwait),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(arch_prctl),
	SCMP_SYS(getdents),
	SCMP_SYS(getrlimit),
	SCMP_SYS(setrlimit),
	SCMP_SYS(pipe),
	SCMP_SYS(pipe2),
	SCMP_SYS(mprotect),
	SCMP_SYS(mmap),
	SCMP_SYS(dup2),
	SCMP_SYS(rseq),
};

/* Names that this machine does not have (time() of arm64) are passed over by libseccomp. */
static int add_all(scmp_filter_ctx ctx, uint32_t action, const int *calls, size_t n)
{
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++)
		ret = seccomp_rule_add(ctx, action, calls[i], 0);
	return ret;
}

static int add_commands(scmp_filter_ctx ctx)
{
	int ret = 0;

	for (size_t i = 0; i < COUNT(bpf_commands) && !ret; i++)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(bpf), 1,
				       SCMP_A0(SCMP_CMP_EQ, (uint64_t)bpf_commands[i], 0));
	for (size_t i = 0; i < COUNT(ioctls) && !ret; i++)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				       SCMP_A1(SCMP_CMP_EQ, ioctls[i], 0));
	return ret;
}

/* No memory that can be run as a program. */
static int add_memory(scmp_filter_ctx ctx)
{
	int ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				   SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

	return ret ? ret
		   : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

static int add_rules(scmp_filter_ctx ctx)
{
	int ret = add_all(ctx, SCMP_ACT_ALLOW, allowed, COUNT(allowed));

	if (!ret)
		ret = add_commands(ctx);
	if (!ret && SANDBOX_SANITIZED)
		return add_all(ctx, SCMP_ACT_ALLOW, sanitizers, COUNT(sanitizers));
	if (!ret)
		ret = add_memory(ctx);
	return ret ? ret : add_all(ctx, SCMP_ACT_KILL_PROCESS, hostile, COUNT(hostile));
}

int sandbox_enter(struct err *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int ret;

	if (!ctx)
		return err_set(err, -ENOMEM, "no memory for the list of system calls");
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_LOG, 1); /* since 4.14 */
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	ret = add_rules(ctx);
	if (!ret)
		ret = seccomp_load(ctx);
	seccomp_release(ctx);
	if (ret == -EINVAL || ret == -ENOSYS || ret == -ECANCELED)
		return err_set(err, -ENOTSUP, "this kernel has no seccomp filter");
	return ret ? err_set(err, ret, "limiting system calls: %s", strerror(-ret)) : 0;
}
