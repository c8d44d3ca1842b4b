/* connmon-collect: the loop around collector.c; the only place that prints or exits. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"
#include "check.h"
#include "collector.h"
#include "complaint.h"
#include "confine.h"
#include "hold.h"
#include "place.h"
#include "dns_lend.h"
#include "print.h"
#include "service.h"

#define PROGRAM	     "connmon-collect"
#define EXIT_LACKING 69 /* EX_UNAVAILABLE of <sysexits.h> */
#define EXIT_BUSY    75 /* EX_TEMPFAIL */

static int fail(const struct err *err)
{
	fflush(stdout);
	fprintf(stderr, PROGRAM ": %s\n", err->msg);
	return EXIT_FAILURE;
}

static void say(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, PROGRAM ": %s\n", text);
}

static void complain(struct complaint *p, const struct err *err)
{
	if (complaint_due(p, clock_boot_ns()))
		fprintf(stderr, PROGRAM ": %s; what comes in waits in memory, trying again\n",
			err->msg);
}

static void calm_down(struct complaint *p)
{
	if (complaint_is_over(p, clock_boot_ns()))
		fprintf(stderr, PROGRAM ": recording again\n");
}

static int watch(int epoll_fd, int fd, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.fd = fd};

	return fd < 0 ? -1 : epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
}

static int make_signal_fd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP); /* the terminal was closed */
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int make_timer_fd(void)
{
	const struct timespec tick = {.tv_nsec = COLLECTOR_TICK_MS * NS_PER_MS};
	const struct itimerspec every = {.it_interval = tick, .it_value = tick};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd >= 0 && timerfd_settime(fd, 0, &every, NULL) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void tell_notice(const struct options *options, const struct collector *c, bool at_end)
{
	const char *notice = collector_notice(c, at_end);

	if (notice)
		fprintf(stderr, PROGRAM ": --pin %s: %s\n", options->probe.pin, notice);
}

static bool is_reader_gone(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

	return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

/* What the loop waits for, beside the ring. */
struct waits {
	int epoll_fd;
	int signal_fd;
	int timer_fd; /* each tick */
	int clock_fd; /* the wall clock is set */
};

static int waits_open(struct waits *w, struct err *err)
{
	w->signal_fd = make_signal_fd();
	w->timer_fd = make_timer_fd();
	w->clock_fd = clock_watch();
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (w->epoll_fd < 0 || watch(w->epoll_fd, w->signal_fd, EPOLLIN) != 0 ||
	    watch(w->epoll_fd, w->timer_fd, EPOLLIN) != 0 ||
	    watch(w->epoll_fd, w->clock_fd, EPOLLIN) != 0)
		return err_set(err, -errno, "preparing to wait: %s", strerror(errno));
	return 0;
}

static void waits_close(const struct waits *w)
{
	close(w->signal_fd);
	close(w->timer_fd);
	close(w->clock_fd);
	close(w->epoll_fd);
}

/* Works until a signal, the end of --duration, or an output that takes no more. */
static int run(struct collector *c, const struct options *o, const struct waits *w,
	       struct service *service, struct err *err)
{
	int64_t end_ns = o->duration_ns ? clock_boot_ns() + o->duration_ns : INT64_MAX;
	struct complaint complaint = {0};
	int more = 0;

	while (clock_boot_ns() < end_ns) {
		struct epoll_event events[4];
		struct err trouble = {0};
		uint64_t ticks;
		int n = epoll_wait(w->epoll_fd, events, 4, more > 0 ? 0 : -1);

		if (n < 0 && errno != EINTR)
			return err_set(err, -errno, "waiting for events: %s", strerror(errno));
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;

			if (fd == w->signal_fd)
				return 0;
			if (fd == w->timer_fd && read(fd, &ticks, sizeof(ticks)))
				continue;
			if (fd == w->clock_fd && clock_was_set(fd))
				collector_clock_set(c);
		}
		more = collector_work(c, &trouble);
		if (more < 0)
			complain(&complaint, &trouble);
		else
			calm_down(&complaint);
		service_turn(service, c, o->db, more < 0 ? &trouble : NULL);
		if (ferror(stdout))
			return is_reader_gone()
				       ? 0
				       : err_set(err, -EIO,
						 "standard output takes no more of the live "
						 "view; is its disk full?");
	}
	return 0;
}

static void show_line(void *ctx, const struct check_line *line)
{
	static const char *const words[] = {"ok", "note", "FAIL"};

	(void)ctx;
	printf("%-14s %-4s  %s\n", line->need, words[line->state], line->text);
}

/* --check: on standard output, for it is what was asked for. */
static int check(struct options *o)
{
	struct err err = {0};
	int failed;

	if (!o->no_drop && privilege_choose(o->user, &o->who, &err) != 0)
		return fail(&err);
	failed = check_all(o, show_line, NULL);
	return fflush(stdout) == 0 && failed == 0 ? EXIT_SUCCESS : EXIT_LACKING;
}

/* What is decided before anything is opened: who we become, and where exactly the database is. */
static int prepare(struct options *o, struct err *err)
{
	static char real[PATH_MAX];
	int ret = 0;

	if (!o->no_drop)
		ret = privilege_choose(o->user, &o->who, err);
	else
		o->who.uid = geteuid();
	if (!ret && o->db)
		ret = place_find(o->db, &o->who, real, err);
	if (!ret && o->db)
		o->db = real;
	return ret || o->no_hold ? ret : hold_all(err);
}

static int lend_names(struct manager *manager, struct err *err)
{
	if (manager->fd < 0)
		err_set(err, -ENOTSUP,
			"--lend-names: no service manager started this; a unit does, with "
			"ExecStartPre=+ and NotifyAccess=exec");
	else
		dns_lend(manager, err);
	return err->code ? fail(err) : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const struct note note = {.say = say};
	struct collector *c = NULL;
	struct closing closing = {0};
	struct service service = {0};
	struct options options;
	struct err err = {0};
	struct waits waits;
	int failed;

	options_parse(argc, argv, &options);
	if (options.check)
		return check(&options);
	umask(0027); /* who talked to whom is not for everybody */
	signal(SIGPIPE, SIG_IGN);
	if (manager_open(&service.manager, &err) != 0)
		return fail(&err);
	if (options.lend_names)
		return lend_names(&service.manager, &err);
	/* First of all: no step of the clock may fall between it and the first look. */
	if (prepare(&options, &err) != 0 || waits_open(&waits, &err) != 0)
		return fail(&err);
	options.probe.manager = service.manager.fd >= 0 ? &service.manager : NULL;

	if (collector_new(&options, stdout, &note, &c, &err) != 0) {
		fail(&err);
		return err.code == -EBUSY ? EXIT_BUSY : EXIT_FAILURE;
	}
	/* Edge-triggered: waiting events alone are no reason to wake up. */
	if (watch(waits.epoll_fd, collector_fd(c), EPOLLIN | EPOLLET) != 0) {
		err_set(&err, -errno, "waiting for the ring: %s", strerror(errno));
		collector_free(c);
		return fail(&err);
	}
	/* Likewise. Names are not always recorded. */
	if (collector_dns_fd(c) >= 0 &&
	    watch(waits.epoll_fd, collector_dns_fd(c), EPOLLIN | EPOLLET) != 0) {
		err_set(&err, -errno, "waiting for names: %s", strerror(errno));
		collector_free(c);
		return fail(&err);
	}
	if (!options.no_drop && confine(&options, &note, &err) != 0) {
		collector_free(c);
		return fail(&err);
	}
	fprintf(stderr, PROGRAM ": ready (%s%s)\n", options.db ? "recording to " : "watching only",
		options.db ? options.db : "");
	tell_notice(&options, c, false);
	if (options.print)
		print_header(&(struct print){.out = stdout});

	service_ready(&service, c, options.db);

	failed = run(c, &options, &waits, &service, &err) != 0;
	manager_tell(&service.manager, "STOPPING=1");
	if (failed)
		fail(&err);
	if (collector_finish(c, &closing, &err) != 0)
		failed = fail(&err);
	if (options.db)
		fprintf(stderr, PROGRAM ": recorded %" PRIu64 ", lost %" PRIu64 "\n",
			closing.recorded, closing.lost);
	if (closing.names_missed)
		fprintf(stderr,
			PROGRAM ": %" PRIu64 " answers to DNS queries could not be read or kept;"
				" connmon-query doctor tells why\n",
			closing.names_missed);
	tell_notice(&options, c, true);
	collector_free(c);
	waits_close(&waits);
	manager_close(&service.manager);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
