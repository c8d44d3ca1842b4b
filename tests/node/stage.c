#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define PATIENCE_S 60

int stage_here(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	must(fd >= 0);
	return fd;
}

void stage_enter(int fd)
{
	must(setns(fd, CLONE_NEWNET) == 0);
}

ino_t stage_number(int fd)
{
	struct stat st;

	must(fstat(fd, &st) == 0);
	return st.st_ino;
}

int stage_new(void)
{
	struct ifreq lo = {.ifr_name = "lo"};
	int fd;

	must(unshare(CLONE_NEWNET) == 0);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	must(fd >= 0);
	must(ioctl(fd, SIOCGIFFLAGS, &lo) == 0);
	lo.ifr_flags |= IFF_UP;
	must(ioctl(fd, SIOCSIFFLAGS, &lo) == 0);
	close(fd);
	return stage_here();
}

void stage_tracefs(void)
{
	must(unshare(CLONE_NEWNS) == 0);
	must(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	must(mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL) == 0 || errno == EBUSY);
}

struct scene *scene_new(const char *addr)
{
	struct scene *s =
		mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	must(s != MAP_FAILED);
	for (size_t i = 0; i < sizeof(s->cues) / sizeof(s->cues[0]); i++)
		must(sem_init(&s->cues[i], 1, 0) == 0);
	s->addr = addr;
	s->port = SERVER_PORT;
	return s;
}

void scene_free(struct scene *s)
{
	munmap(s, sizeof(*s));
}

void cue_give(struct scene *s, int cue)
{
	must(sem_post(&s->cues[cue]) == 0);
}

void cue_wait(struct scene *s, int cue)
{
	struct timespec until;

	must(clock_gettime(CLOCK_MONOTONIC, &until) == 0); /* a test may set the other */
	until.tv_sec += PATIENCE_S;
	while (sem_clockwait(&s->cues[cue], CLOCK_MONOTONIC, &until))
		must(errno == EINTR);
}

pid_t actor_start(const char *name, void (*part)(struct scene *), struct scene *s)
{
	pid_t pid = fork();

	must(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, name);
	/* cmocka's handlers would go on with the next test, in the wrong process. */
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	alarm(2 * PATIENCE_S);
	part(s);
	_exit(0); /* not exit(): the test's buffers and handlers are not ours */
}

void actor_wait(pid_t pid)
{
	int status;

	must(waitpid(pid, &status, 0) == pid);
	must(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

void actor_kill(pid_t pid)
{
	int status;

	must(pid > 0); /* 0 would be the whole group */
	must(kill(pid, SIGKILL) == 0);
	must(waitpid(pid, &status, 0) == pid);
	must(WIFSIGNALED(status));
}

void port_range(int from, int to)
{
	char text[32];
	int fd = open("/proc/sys/net/ipv4/ip_local_port_range", O_WRONLY | O_CLOEXEC);
	int len = snprintf(text, sizeof(text), "%d %d", from, to);

	must(fd >= 0);
	must(write(fd, text, len) == len);
	close(fd);
}

/* Whether a socket of /proc/net/tcp is in one of the states, as "03 04". */
static bool state_is_there(const char *states)
{
	FILE *f = fopen("/proc/net/tcp", "re");
	char line[256], state[8];
	bool found = false;

	must(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %*s %*s %7s", state) == 1 && strstr(states, state))
			found = true;
	fclose(f);
	return found;
}

void wait_for_state(const char *hex)
{
	bool there = false;

	for (int i = 0; i < PATIENCE_S * 100 && !there; i++) {
		usleep(10000);
		there = state_is_there(hex);
	}
	must(there);
}

void wait_for_ends(void)
{
	int tries = 0;

	/* ESTABLISHED to FIN_WAIT2, CLOSE_WAIT to CLOSING; TIME_WAIT is an end. */
	while (state_is_there("01 02 03 04 05 08 09 0B")) {
		must(++tries < PATIENCE_S * 100);
		usleep(10000);
	}
}

void run(const char *command)
{
	must(system(command) == 0);
}

void silent_link(void)
{
	/* nodad: a fresh IPv6 address may not be used for a second otherwise. The far
	 * end is up, has no address and forwards nothing. */
	run("ip link add near type veth peer name far && ip link set far up && "
	    "ip link set near up && ip addr add 10.77.0.1/24 dev near && "
	    "ip -6 addr add fd77::1/64 dev near nodad && "
	    "ip neigh add 10.77.0.2 lladdr 02:00:00:00:00:02 dev near && "
	    "ip -6 neigh add fd77::2 lladdr 02:00:00:00:00:02 dev near");
}

#define NEAR_MAC  "02:00:00:00:00:01"
#define FAR_MAC	  "02:00:00:00:00:02"
#define NOONE_MAC "02:00:00:00:00:09"

void link_near(int far)
{
	char command[160];

	/* ip names a namespace by a process or by a file. */
	snprintf(command, sizeof(command),
		 "ip link add near address " NEAR_MAC " type veth"
		 " peer name far address " FAR_MAC " netns /proc/%d/fd/%d",
		 getpid(), far);
	run(command);
	run("ip link set near up && ip addr add 10.77.0.1/24 dev near");
	link_mend();
}

void link_far(void)
{
	run("ip link set far up && ip addr add 10.77.0.2/24 dev far && "
	    "ip neigh replace 10.77.0.1 lladdr " NEAR_MAC " dev far");
}

void link_cut(void)
{
	run("ip neigh replace 10.77.0.2 lladdr " NOONE_MAC " dev near");
}

void link_mend(void)
{
	run("ip neigh replace 10.77.0.2 lladdr " FAR_MAC " dev near");
}

long retransmitted(void)
{
	FILE *f = fopen("/proc/net/snmp", "re");
	char line[512];
	long n = -1;

	must(f);
	while (fgets(line, sizeof(line), f))
		sscanf(line, "Tcp: %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %ld", &n);
	fclose(f);
	must(n >= 0);
	return n;
}
