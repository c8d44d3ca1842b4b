#include "watch.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "timespec.h"

#define GRACE_US (50 * 1000)

void (*watch_give_up)(const char *words);

static struct {
	sqlite3 *volatile db;
	volatile sig_atomic_t reason; /* the signal that came first, 0: none */
	bool patient;
	char late[96]; /* made before it is needed: a handler cannot format */
	struct sigaction old_int, old_alarm;
} watch;

static void alarm_in(int64_t us)
{
	struct itimerval timer = {
		.it_value = {.tv_sec = us / US_PER_S, .tv_usec = us % US_PER_S},
	};

	setitimer(ITIMER_REAL, &timer, NULL);
}

/* Twice Ctrl-C, or the grace is over, or there is nothing that could be asked to stop. */
static void on_signal(int signal_number)
{
	int saved = errno;
	bool again = watch.reason && (signal_number == SIGINT || !watch.patient);

	if (!watch.reason)
		watch.reason = signal_number;
	if ((again || (!watch.db && !watch.patient)) && watch_give_up)
		watch_give_up(watch.reason == SIGINT ? NULL : watch.late);
	if (watch.db)
		sqlite3_interrupt(watch.db);
	/* Again and again: one that comes between two steps is forgotten by SQLite. */
	alarm_in(GRACE_US);
	errno = saved;
}

void watch_be_patient(void)
{
	watch.patient = true;
}

void watch_begin(int64_t timeout_us)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	watch.db = NULL;
	watch.reason = 0;
	snprintf(watch.late, sizeof(watch.late),
		 "stopped after %lld s; narrow the window, or raise --timeout",
		 (long long)(timeout_us / US_PER_S));
	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, SIGINT);
	sigaddset(&action.sa_mask, SIGALRM);
	sigaction(SIGINT, &action, &watch.old_int);
	if (watch.old_int.sa_handler == SIG_IGN) /* a script's, in the background */
		sigaction(SIGINT, &watch.old_int, NULL);
	sigaction(SIGALRM, &action, &watch.old_alarm);
	alarm_in(timeout_us);
}

void watch_db(sqlite3 *db)
{
	watch.db = db;
}

/* A signal in the midst of it would set the alarm anew, which would then be nobody's and end the
 * program; so would one that waits already, but ignoring it drops it. */
static void restore_signals(void)
{
	sigset_t ours, before;

	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGALRM);
	sigprocmask(SIG_BLOCK, &ours, &before);
	alarm_in(0);
	signal(SIGALRM, SIG_IGN);
	sigaction(SIGALRM, &watch.old_alarm, NULL);
	sigaction(SIGINT, &watch.old_int, NULL);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

int watch_end(int ret, struct err *err)
{
	restore_signals();
	watch.db = NULL;
	if (watch.reason == SIGINT)
		return err_set(err, -EINTR, "interrupted");
	if (watch.reason == SIGALRM && ret)
		return err_set(err, -ETIMEDOUT, "%s", watch.late);
	return ret;
}
