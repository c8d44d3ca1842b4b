#include "pager.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "terminal.h"

static bool is_in_path(const char *program)
{
	const char *path = getenv("PATH");
	char file[4096];

	for (const char *p = path; p && *p;) {
		int len = (int)strcspn(p, ":");

		if (snprintf(file, sizeof(file), "%.*s/%s", len, p, program) < (int)sizeof(file) &&
		    access(file, X_OK) == 0)
			return true;
		p += len + (p[len] == ':');
	}
	return false;
}

/* NULL for none. */
static const char *command(void)
{
	const char *words = getenv("CONNMON_PAGER");

	if (!words)
		words = getenv("PAGER");
	if (!words)
		words = is_in_path("less") ? "less" : "";
	return !words[0] || !strcmp(words, "cat") ? NULL : words;
}

/* Starts it, with what comes out of @in as its input. */
static pid_t spawn(const char *words, int in)
{
	char *const argv[] = {"sh", "-c", (char *)words, NULL};
	posix_spawn_file_actions_t actions;
	pid_t pid;

	/* F: end when all fits on the screen; R: colours; X: leave it on the screen. */
	setenv("LESS", "FRX", 0);
	setenv("LV", "-c", 0);
	if (posix_spawn_file_actions_init(&actions))
		return 0;
	if (posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO) ||
	    posix_spawn(&pid, "/bin/sh", &actions, NULL, argv, environ))
		pid = 0;
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

static void ignore(int number, struct sigaction *before)
{
	struct sigaction action = {.sa_handler = SIG_IGN};

	sigaction(number, &action, before);
}

void pager_none(struct pager *pager)
{
	*pager = (struct pager){.out = stdout};
}

/* What cannot be had is done without. */
void pager_start(struct pager *pager)
{
	const char *words = terminal_is_smart(STDOUT_FILENO) ? command() : NULL;
	int ends[2];

	pager_none(pager);
	if (!words || fflush(stdout) || pipe2(ends, O_CLOEXEC))
		return;
	pager->pid = spawn(words, ends[0]);
	close(ends[0]);
	if (pager->pid)
		pager->out = fdopen(ends[1], "w");
	if (pager->pid && pager->out) {
		ignore(SIGPIPE, &pager->pipe);
		ignore(SIGINT, &pager->interrupt);
		ignore(SIGQUIT, &pager->quit);
		return;
	}
	close(ends[1]); /* which ends the pager, if there is one */
	if (pager->pid)
		waitpid(pager->pid, NULL, 0);
	pager_none(pager);
}

bool pager_takes_color(const struct pager *pager)
{
	const char *less = getenv("LESS");

	return !pager->pid || !less || strpbrk(less, "Rr");
}

bool pager_end(struct pager *pager)
{
	int status = 0;

	if (!pager->pid)
		return true;
	fclose(pager->out); /* what could not be written is known already */
	while (waitpid(pager->pid, &status, 0) < 0 && errno == EINTR)
		;
	sigaction(SIGPIPE, &pager->pipe, NULL);
	sigaction(SIGINT, &pager->interrupt, NULL);
	sigaction(SIGQUIT, &pager->quit, NULL);
	pager_none(pager);
	return !WIFEXITED(status) || (WEXITSTATUS(status) != 126 && WEXITSTATUS(status) != 127);
}
