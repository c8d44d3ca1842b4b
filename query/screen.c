#include "screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

/* The other screen, without a cursor, and lines that are too long are cut. */
#define ENTER "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
#define LEAVE "\x1b[?7h\x1b[?25h\x1b[?1049l"

#define BEGIN_FRAME "\x1b[?2026h\x1b[H"
#define END_FRAME   "\x1b[?2026l"
#define CLEAR_LINE  "\x1b[K"
#define CLEAR_REST  "\x1b[J"

static struct {
	volatile sig_atomic_t entered, leaving, interrupted, resized;
	bool has_keys; /* standard input is a terminal, */
	struct termios before;
} screen;

static const int deadly[] = {SIGTERM, SIGHUP, SIGQUIT};

/* What is not taken now is not worth waiting for. */
static void put(const char *text)
{
	(void)!write(STDOUT_FILENO, text, strlen(text));
}

/* Keys come as they are pressed, and are not shown; Ctrl-C and Ctrl-Z are signals still. */
static void take_keys(void)
{
	struct termios keys = screen.before;

	keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	keys.c_cc[VMIN] = 0;
	keys.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &keys);
}

static void enter(void)
{
	screen.entered = 1; /* first: a signal in the midst of it restores all */
	if (screen.has_keys)
		take_keys();
	put(ENTER);
}

void screen_leave(void)
{
	if (!screen.entered)
		return;
	screen.leaving = 1;
	put(LEAVE);
	if (screen.has_keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &screen.before);
	screen.entered = screen.leaving = 0; /* last, for the same reason */
}

static void on_deadly(int number)
{
	screen_leave();
	signal(number, SIG_DFL);
	raise(number); /* delivered when this returns */
}

/* SIGSTOP stops within it; then it goes on. */
static void on_stop(int number)
{
	int saved = errno;
	bool was_entered = screen.entered && !screen.leaving;

	(void)number;
	screen_leave();
	raise(SIGSTOP);
	if (was_entered)
		enter();
	screen.resized = 1;
	errno = saved;
}

static void on_interrupt(int number)
{
	(void)number;
	screen.interrupted = 1;
}

static void on_resize(int number)
{
	(void)number;
	screen.resized = 1;
}

static void handle(int number, void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags}, before;

	sigaction(number, NULL, &before);
	if (before.sa_handler != SIG_IGN || number == SIGWINCH)
		sigaction(number, &action, NULL);
}

int screen_enter(struct err *err)
{
	struct termios output;

	if (tcgetattr(STDOUT_FILENO, &output))
		return err_set(err, -errno, "the terminal: %s", strerror(errno));
	screen.has_keys = tcgetattr(STDIN_FILENO, &screen.before) == 0;
	screen.interrupted = screen.resized = 0;
	/* Before the screen is taken: whatever comes then restores it. */
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		handle(deadly[i], on_deadly, 0);
	handle(SIGTSTP, on_stop, SA_RESTART);
	handle(SIGINT, on_interrupt, SA_RESTART);
	handle(SIGWINCH, on_resize, SA_RESTART);
	enter();
	return 0;
}

struct screen_size screen_size(void)
{
	struct winsize size = {0};

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row || !size.ws_col)
		return (struct screen_size){24, 80};
	return (struct screen_size){size.ws_row, size.ws_col};
}

static int write_all(const char *text, size_t len, struct err *err)
{
	while (len) {
		ssize_t n = write(STDOUT_FILENO, text, len);

		if (n < 0 && errno != EINTR)
			return err_set(err, -errno, "the terminal: %s", strerror(errno));
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* A line is cleared before it is written: behind its last place it would take that, too. The
 * last one ends without LF, which would move all of them up. */
int screen_draw(const char *text, size_t len, struct err *err)
{
	char *frame = NULL;
	size_t size;
	FILE *f = text_open(&frame, &size);
	int ret;

	if (!f)
		return err_set(err, -ENOMEM, "no memory for the screen");
	fputs(BEGIN_FRAME, f);
	for (const char *end = text + len; text < end;) {
		const char *line_end = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((line_end ? line_end : end) - text);

		bool last = text + n + 1 >= end;

		fputs(last ? CLEAR_REST : CLEAR_LINE, f);
		fwrite(text, 1, n, f);
		fputs(last ? "" : "\r\n", f);
		text += n + 1;
	}
	fputs(END_FRAME, f);
	ret = fclose(f) ? err_set(err, -ENOMEM, "no memory for the screen")
			: write_all(frame, size, err);
	free(frame);
	return ret;
}

/* Of what was typed the first that means something. False: nothing does. */
static bool read_key(enum screen_event *out)
{
	char keys[64];
	ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));

	if (n == 0) { /* there were some, or the terminal is gone */
		*out = SCREEN_QUIT;
		return true;
	}
	for (ssize_t i = 0; i < n; i++) {
		*out = keys[i] == ' ' ? SCREEN_PAUSE : SCREEN_QUIT;
		if (keys[i] == ' ' || keys[i] == 'q' || keys[i] == 'Q')
			return true;
	}
	return false;
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* With signals blocked, but within ppoll(): so that none is missed. */
static enum screen_event wait_blocked(int64_t us, const sigset_t *open)
{
	struct pollfd ends[] = {{.fd = STDOUT_FILENO},
				{.fd = screen.has_keys ? STDIN_FILENO : -1, .events = POLLIN}};
	const int64_t end_us = us < 0 ? INT64_MAX : now_us() + us;
	enum screen_event key;

	for (;;) {
		int64_t left_us = end_us - now_us();
		struct timespec left = {.tv_sec = left_us / 1000000,
					.tv_nsec = left_us % 1000000 * 1000};
		int n;

		if (screen.interrupted)
			return SCREEN_INTERRUPT;
		if (screen.resized) {
			screen.resized = 0;
			return SCREEN_RESIZED;
		}
		if (left_us <= 0)
			return SCREEN_TIME;
		n = ppoll(ends, 2, us < 0 ? NULL : &left, open);
		if (n > 0 && (ends[0].revents & (POLLERR | POLLHUP | POLLNVAL)))
			return SCREEN_QUIT;
		if (n > 0 && ends[1].revents && read_key(&key))
			return key;
	}
}

enum screen_event screen_wait(int64_t us)
{
	sigset_t ours, before;
	enum screen_event event;

	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGWINCH);
	sigaddset(&ours, SIGTSTP);
	sigprocmask(SIG_BLOCK, &ours, &before);
	event = wait_blocked(us, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return event;
}
